// The player in a frame: what the server says of a broadcast on the dashboard is read from its playlists here, which any
// number of viewers may ask for. Written onto the curtain, where the stage looks for it.
import "./stage.js";

const WATCH_EVERY_MS = 4000;
// Viewers who came together do not ask together.
const SPREAD_MS = 1000;
const LONGEST_MS = 10_000;

const stage = document.querySelector("[data-player]");
const curtain = stage.querySelector(".curtain");
const multivariantUrl = new URL(stage.dataset.src, location);
const wantsSoundOnly = stage.hasAttribute("data-sound-only");

// Neither that something is on nor that nothing is: the network is away, or somebody on the way to LiveHub has no answer.
class NoAnswerError extends Error {}

async function read(url) {
  try {
    const options = { cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(LONGEST_MS) };
    const response = await fetch(url, options);
    if (response.status === 404) return "";
    if (response.ok) return await response.text();
  } catch (error) {
    throw new NoAnswerError(error.message);
  }
  throw new NoAnswerError();
}

// The sound's playlist if it has one of its own.
function soundOf(multivariant) {
  return multivariant.match(/^#EXT-X-MEDIA:TYPE=AUDIO.*URI="([^"]+)"/m)?.[1];
}

// What a run of a broadcast is known by: the address of its first playlist. Empty when nothing is on.
async function findBroadcast() {
  const multivariant = await read(multivariantUrl);
  const first = multivariant.split("\n").find((line) => line.trim() && !line.startsWith("#"));
  const media = (wantsSoundOnly && soundOf(multivariant)) || first;
  if (!media) return "";
  const url = new URL(media, multivariantUrl);
  const playlist = await read(url);
  if (!playlist.includes("#EXTINF") || playlist.includes("#EXT-X-ENDLIST")) return "";
  if (wantsSoundOnly) stage.dataset.src = url.pathname;
  return url.pathname;
}

function show(broadcast) {
  curtain.querySelector("[data-on]").hidden = !broadcast;
  curtain.querySelector("[data-off]").hidden = Boolean(broadcast);
  curtain.dataset.session = broadcast;
  curtain.toggleAttribute("data-playable", Boolean(broadcast));
}

async function watch() {
  try {
    show(await findBroadcast());
  } catch (error) {
    // What is shown stays, and the next look tells.
    if (!(error instanceof NoAnswerError)) throw error;
  } finally {
    setTimeout(watch, WATCH_EVERY_MS + Math.random() * SPREAD_MS);
  }
}

watch();
