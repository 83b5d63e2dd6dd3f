// Whoever stands on what a swap takes away, be it the answer to their own press or news over the websocket, which may well
// be sooner, goes on from where that was, and not from the page's beginning.

let stoodOn = null;
let places = [];

document.addEventListener("htmx:before:swap", () => {
  const element = document.activeElement;
  if (!element || element === document.body) return;
  stoodOn = element;
  places = [];
  for (let place = element.parentElement; place; place = place.parentElement) {
    if (place.id && place.tabIndex === -1 && place.hasAttribute("tabindex")) places.push(place.id);
  }
});

document.addEventListener("htmx:after:swap", () => {
  if (stoodOn?.isConnected || document.activeElement !== document.body) return;
  stoodOn = null;
  // By their ids: what is there now may be other elements.
  const place = places.map((id) => document.getElementById(id)).find(Boolean);
  place?.focus({ preventScroll: true });
  places = [];
});
