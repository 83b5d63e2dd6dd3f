// Forms that open in a dialog when htmx brings them; without it their links lead to pages of their own.

const dialog = document.getElementById("dialog");

document.addEventListener("htmx:after:swap", (event) => {
  if (event.detail.ctx.target !== dialog || dialog.open) return;
  const title = dialog.querySelector("h1");
  title.id = "dialog-title";
  dialog.setAttribute("aria-labelledby", title.id);
  dialog.showModal();
  // A name that is there already is selected, ready to be replaced.
  dialog.querySelector("input[autofocus]")?.select();
});

dialog.addEventListener("click", (event) => {
  // The dialog's own box is covered by its content: a click on the element itself is one on the backdrop.
  if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
});

dialog.addEventListener("close", () => dialog.replaceChildren());
