// Whoever pressed a button that is gone once it is answered stands where it was, and not at the page's beginning.

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (document.activeElement !== document.body || ctx.sourceElement?.tagName !== "FORM") return;
  // By its id: what is there now may be another element.
  const place = ctx.target?.id ? document.getElementById(ctx.target.id) : null;
  if (place?.tabIndex === -1 && place.hasAttribute("tabindex")) place.focus();
});
