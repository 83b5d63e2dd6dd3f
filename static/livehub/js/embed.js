// The player in a frame: what the server says of a broadcast on the dashboard is read from its playlists here, which any
// number of viewers may ask for. Written onto the curtain, where the stage looks for it.
import "./stage.js";

const WATCH_EVERY_MS = 4000;
// Viewers who came together do not ask together.
const SPREAD_MS = 1000;

const stage = document.querySelector("[data-player]");
const curtain = stage.querySelector(".curtain");
const multivariantUrl = new URL(stage.dataset.src, location);
const wantsSoundOnly = stage.hasAttribute("data-sound-only");

async function read(url) {
  const response = await fetch(url, { cache: "no-store", credentials: "omit" });
  return response.ok ? response.text() : "";
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
    // The network is away: what is buffered plays on, and the next look tells.
    if (!(error instanceof TypeError)) throw error;
  } finally {
    setTimeout(watch, WATCH_EVERY_MS + Math.random() * SPREAD_MS);
  }
}

watch();
