// "Hide" puts the mask back as the page had it, instead of loading the page anew.

let masked = null;

document.addEventListener("htmx:before:swap", (event) => {
  const box = event.detail.ctx.target;
  if (box?.id?.startsWith("stream-key-")) masked ??= box.cloneNode(true);
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
