// A form is sent once, however often its button is pressed: a double click makes nothing twice, and no key or token that
// nobody gets to see.

// Whoever stopped a page from coming, or whose server is slow, may try again.
const LONGEST_MS = 10_000;

let sentAt = new WeakMap();

function sendOnce(event) {
  const form = event.target;
  // Kept back, since nobody would answer; or only a search.
  if (event.defaultPrevented || form.getAttribute("method") !== "post") return;
  if (performance.now() - (sentAt.get(form) ?? -Infinity) >= LONGEST_MS) return sentAt.set(form, performance.now());
  event.preventDefault();
  event.stopPropagation();
}

document.addEventListener("submit", sendOnce, { capture: true });
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  // htmx keeps its indicators when the browser is on its way to another page.
  if (!ctx.keepIndicators) sentAt.delete(ctx.sourceElement);
});
// The page that the browser kept when it went on, and shows again.
window.addEventListener("pageshow", () => (sentAt = new WeakMap()));
