// The player on public pages: what the server says of a broadcast on the dashboard is read from its playlists here, which
// any number of viewers may ask for. Written onto the curtain, where the stage looks for it.
import "./stage.js";

const WATCH_EVERY_MS = 4000;
// A broadcast that has just stopped is mostly back soon.
const AFTER_THE_END_MS = 1500;
const SOON_MS = 60_000;
// Viewers who came together do not ask together.
const SPREAD_MS = 1000;
const LONGEST_MS = 10_000;
const REFUSED = new Set([401, 403]);

const stage = document.querySelector("[data-player]");
const curtain = stage.querySelector(".curtain");
const multivariantUrl = new URL(stage.dataset.src, location);
// An answer that nothing is there, where a plain address would have none: that would stand in the console as an error.
multivariantUrl.searchParams.set("quiet", "1");
const wantsSoundOnly = stage.hasAttribute("data-sound-only");
const ended = new Set();
let endedAt = -Infinity;

// Neither that something is on nor that nothing is: the network is away, or somebody on the way to LiveHub has no answer.
class NoAnswerError extends Error {}
// It is for others, or the token has run out.
class RefusedError extends Error {}

async function read(url) {
  let response;
  try {
    const options = { cache: "no-cache", credentials: "omit", signal: AbortSignal.timeout(LONGEST_MS) };
    response = await fetch(url, options);
    if (response.ok) return await response.text();
  } catch (error) {
    throw new NoAnswerError(error.message);
  }
  if (response.status === 404) return "";
  throw REFUSED.has(response.status) ? new RefusedError() : new NoAnswerError();
}

// The sound's playlist if it has one of its own.
function soundOf(multivariant) {
  return multivariant.match(/^#EXT-X-MEDIA:TYPE=AUDIO.*URI="([^"]+)"/m)?.[1];
}

// What a broadcast is known by: the address of its first playlist. Empty when nothing is on.
async function findBroadcast() {
  const multivariant = await read(multivariantUrl);
  const first = multivariant.split("\n").find((line) => line.trim() && !line.startsWith("#"));
  const media = (wantsSoundOnly && soundOf(multivariant)) || first;
  if (!media) return "";
  const url = new URL(media, multivariantUrl);
  if (ended.has(url.pathname)) return "";
  // Hours of what has been say nothing of now.
  url.searchParams.set("dvr", "0");
  url.searchParams.set("quiet", "1");
  const playlist = await read(url);
  if (playlist.includes("#EXT-X-ENDLIST")) ended.add(url.pathname);
  if (!playlist.includes("#EXTINF") || ended.has(url.pathname)) return "";
  if (wantsSoundOnly) stage.dataset.src = url.pathname;
  return url.pathname;
}

function show(state, broadcast = "") {
  for (const part of document.querySelectorAll("[data-state]")) part.hidden = !part.dataset.state.split(" ").includes(state);
  curtain.dataset.session = broadcast;
  curtain.toggleAttribute("data-playable", Boolean(broadcast));
}

// Who watches is told by the player, and asks for nothing beside.
function isPlaying() {
  return stage.dataset.playing === "yes" && curtain.dataset.session && !stage.hasAttribute("data-halted");
}

async function look() {
  try {
    const broadcast = await findBroadcast();
    show(broadcast ? "on" : endedAt > -Infinity ? "over" : "off", broadcast);
  } catch (error) {
    if (error instanceof RefusedError) return show("refused");
    if (!(error instanceof NoAnswerError)) throw error;
    // What is shown stays, and the next look tells.
    if (!document.querySelector("[data-state=asking]").hidden) show("unreachable");
  }
}

async function watch() {
  try {
    if (!isPlaying()) await look();
  } finally {
    const isSoon = performance.now() - endedAt < SOON_MS;
    setTimeout(watch, (isSoon ? AFTER_THE_END_MS : WATCH_EVERY_MS) + Math.random() * SPREAD_MS);
  }
}

stage.addEventListener("broadcast-over", () => {
  endedAt = performance.now();
  ended.add(curtain.dataset.session);
  show("over");
});
watch();
