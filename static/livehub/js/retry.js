// Leads back to the page that could not be shown, as soon as LiveHub is ready again.

const EVERY_MS = 2000;
const TIMEOUT_MS = 5000;
const way = document.querySelector("[data-retry]");

async function isReady() {
  try {
    const answer = await fetch("/readyz", { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
    // Pages need no more than the database.
    return (await answer.json()).components?.database === "ok";
  } catch {
    // No answer, or not ours: the next one will be.
    return false;
  }
}

async function look() {
  if (await isReady()) location.replace(way.href);
  else setTimeout(look, EVERY_MS);
}

setTimeout(look, EVERY_MS);
