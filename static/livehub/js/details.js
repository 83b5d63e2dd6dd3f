// What somebody has opened stays open when the page goes on.

document.addEventListener("htmx:before:morph:attr", (event) => {
  if (event.detail.attrName === "open" && event.target.matches("details")) event.preventDefault();
});
