// Pictures of running broadcasts, fetched anew every few seconds; one that does not come leaves the last one standing.

const EVERY_MS = 5000;

async function refresh(image) {
  if (document.hidden) return;
  const next = new Image();
  next.src = `${image.src.split("?")[0]}?at=${Math.floor(Date.now() / EVERY_MS)}`;
  try {
    await next.decode();
    image.src = next.src;
    image.hidden = false;
  } catch {
    // Not made yet, or just removed: the card's icon stands behind.
    image.hidden = !image.naturalWidth;
  }
}

function hideBroken(event) {
  if (event.target.matches?.("[data-thumbnail]")) event.target.hidden = true;
}

document.addEventListener("error", hideBroken, true);
for (const image of document.querySelectorAll("[data-thumbnail]")) image.hidden = image.complete && !image.naturalWidth;
setInterval(() => document.querySelectorAll("[data-thumbnail]").forEach(refresh), EVERY_MS);
