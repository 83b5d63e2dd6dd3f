// The events of a webhook: a box for all of a group, and how many are chosen.

const picker = document.querySelector("[data-picker]");
const counter = picker.querySelector("[data-chosen]");

function boxesOf(root) {
  return [...root.querySelectorAll("input[name=events]")];
}

function show() {
  for (const group of picker.querySelectorAll("[data-group]")) {
    const boxes = boxesOf(group);
    const chosen = boxes.filter((box) => box.checked).length;
    const all = group.querySelector("[data-all]");
    all.checked = chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
  }
  const boxes = boxesOf(picker);
  counter.textContent = `${boxes.filter((box) => box.checked).length} of ${boxes.length}`;
}

picker.addEventListener("change", ({ target }) => {
  if (target.matches("[data-all]")) {
    for (const box of boxesOf(target.closest("[data-group]"))) box.checked = target.checked;
  }
  show();
});
// Also what the browser filled in again when somebody came back to the page.
window.addEventListener("pageshow", show);
show();
