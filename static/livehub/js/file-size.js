// A file that is too large is not sent first, only to be refused: it is told when it is chosen, and again when it is sent.

function complain(input) {
  const size = input.files[0]?.size ?? 0;
  const isTooLarge = size > Number(input.dataset.maxBytes);
  const [has, most] = [size, input.dataset.maxBytes].map((bytes) => bytes / 1e6);
  input.setCustomValidity(isTooLarge ? `The file has ${has.toFixed(1)} MB. Choose one of at most ${most} MB.` : "");
  return !input.reportValidity();
}

document.addEventListener("change", ({ target }) => target.matches("[data-max-bytes]") && complain(target));
document.addEventListener(
  "submit",
  (event) => {
    if (event.defaultPrevented || ![...event.target.querySelectorAll("[data-max-bytes]")].some(complain)) return;
    event.preventDefault();
    event.stopPropagation();
  },
  { capture: true },
);
