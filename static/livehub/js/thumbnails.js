// Pictures of running broadcasts, fetched anew every few seconds; one that does not come leaves the last one standing.
// Whoever points at one, or comes to it by keyboard, sees the last ones pass by, unless they do not want things to move.

const EVERY_MS = 5000;
// What a picture stands for, as a whole.
const PLACE = "tr, li";
const still = matchMedia("(prefers-reduced-motion: reduce)");

// The picture that moves, with what it shows otherwise.
let moving = null;

async function load(url) {
  const next = new Image();
  next.src = url;
  await next.decode();
  return next.src;
}

function newest(url) {
  return `${url.split("?")[0]}?at=${Math.floor(Date.now() / EVERY_MS)}`;
}

async function refresh(image) {
  if (document.hidden || image === moving?.image) return;
  try {
    const next = await load(newest(image.src));
    if (image === moving?.image) return;
    image.src = next;
    image.hidden = false;
  } catch {
    // Not made yet, or just removed: the card's icon stands behind.
    image.hidden = !image.naturalWidth;
  }
}

async function move(image) {
  const mine = { image, before: image.src };
  moving = mine;
  try {
    const preview = await load(newest(image.dataset.preview));
    if (moving !== mine) return;
    image.src = preview;
    image.hidden = false;
  } catch {
    // There is none yet: what is shown stays.
  }
}

function rest() {
  if (!moving) return;
  const { image, before } = moving;
  moving = null;
  if (image.src !== before) image.src = before;
}

function imageAt(target) {
  return target?.closest?.(PLACE)?.querySelector("[data-preview]") ?? null;
}

function enter({ target, pointerType }) {
  const image = imageAt(target);
  if (!image || image === moving?.image || still.matches || pointerType === "touch") return;
  rest();
  move(image);
}

function leave({ relatedTarget }) {
  if (imageAt(relatedTarget) !== moving?.image) rest();
}

function hideBroken(event) {
  if (event.target.matches?.("[data-thumbnail]")) event.target.hidden = true;
}

document.addEventListener("error", hideBroken, true);
document.addEventListener("pointerover", enter);
document.addEventListener("focusin", enter);
document.addEventListener("pointerout", leave);
document.addEventListener("focusout", leave);
for (const image of document.querySelectorAll("[data-thumbnail]")) image.hidden = image.complete && !image.naturalWidth;
setInterval(() => document.querySelectorAll("[data-thumbnail]").forEach(refresh), EVERY_MS);
