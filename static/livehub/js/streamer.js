// The streamer's page. What opens it stands behind the # of its address and goes nowhere but into a header; the answer's
// parts are put in place of those before, each by itself, and only if it is another one: what is read or open stays.
import "./copy.js";
import "./times.js";

const EVERY_MS = 2000;
const LONGEST_MS = 10_000;
// A single answer that is lost is nothing to tell.
const AWAY_AFTER_MS = 6000;

const place = document.getElementById("state");
const asking = document.getElementById("asking");
const shut = document.getElementById("shut");
const away = document.getElementById("away");
const busy = document.getElementById("busy");
const busyWords = busy.querySelector("span");
// Some programs that pass links on spell its colon so.
const token = location.hash.slice(1).replace("%3A", ":");
// What stands there, as it came: the words of times change by themselves.
const parts = new Map();
let heardAt = performance.now();

function put(text) {
  const fresh = [...new DOMParser().parseFromString(text, "text/html").body.children];
  const names = new Set(fresh.map((part) => part.id));
  for (const old of [...place.children]) if (!names.has(old.id)) old.remove();
  for (const name of [...parts.keys()]) if (!names.has(name)) parts.delete(name);
  fresh.forEach((part, index) => {
    if (parts.get(part.id) === part.outerHTML) return;
    parts.set(part.id, part.outerHTML);
    const old = document.getElementById(part.id);
    if (old) old.replaceWith(part);
    else place.insertBefore(part, place.children[index] ?? null);
  });
}

function close() {
  place.replaceChildren();
  parts.clear();
  asking.hidden = true;
  away.hidden = true;
  busy.hidden = true;
  shut.hidden = false;
}

// Returns after how long to ask again, or null for never.
async function ask() {
  const headers = { Authorization: `Bearer ${token}` };
  const options = { headers, cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(LONGEST_MS) };
  const response = await fetch(place.dataset.url, options);
  if (response.status === 410) return null;
  if (response.status === 429) {
    busyWords.textContent = await response.text();
    busy.hidden = false;
    heardAt = performance.now();
    return Number(response.headers.get("Retry-After") || 10) * 1000;
  }
  if (!response.ok) throw new Error(`LiveHub answers ${response.status}.`);
  put(await response.text());
  heardAt = performance.now();
  asking.hidden = true;
  busy.hidden = true;
  return EVERY_MS;
}

async function watch() {
  let wait = EVERY_MS;
  try {
    wait = await ask();
  } catch (error) {
    console.warn(error);
  }
  if (wait === null) return close();
  away.hidden = performance.now() - heardAt < AWAY_AFTER_MS;
  setTimeout(watch, wait);
}

window.addEventListener("hashchange", () => location.reload());
if (token) watch();
else close();
