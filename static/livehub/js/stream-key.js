// The stream key's box: "Show" gives the focus on to "Hide", which puts the mask back as the page had it instead of
// loading the page anew.

let masked = null;

function boxOf(event) {
  const box = event.detail.ctx.target;
  return box?.id?.startsWith("stream-key-") ? box : null;
}

document.addEventListener("htmx:before:swap", (event) => {
  masked ??= boxOf(event)?.cloneNode(true) ?? null;
});

document.addEventListener("htmx:after:swap", (event) => {
  // The box in the page is another one by now.
  const box = boxOf(event);
  if (box) document.getElementById(box.id)?.querySelector("[data-hide-key]")?.focus();
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-hide-key]");
  if (!link || !masked) return;
  event.preventDefault();
  const fresh = masked.cloneNode(true);
  for (const element of fresh.querySelectorAll("form, button, a")) {
    element.removeAttribute("data-htmx-powered");
    element.classList.remove("htmx-request");
  }
  link.closest(".field").replaceWith(fresh);
  htmx.process(fresh);
  fresh.querySelector("button").focus();
});
