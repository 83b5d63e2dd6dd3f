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
// By what the playlist of a recording names the folder of the broadcast that it is of.
const SESSION = /DATA-ID="livehub\.session",VALUE="([^"]+)"/;
const STORYBOARD = 'DATA-ID="livehub.storyboard"';

const stage = document.querySelector("[data-player]");
const curtain = stage.querySelector(".curtain");
const multivariantUrl = new URL(stage.dataset.src, location);
// An answer that nothing is there, where a plain address would have none: that would stand in the console as an error.
multivariantUrl.searchParams.set("quiet", "1");
const recordedUrl = new URL("recordings/index.m3u8?quiet=1", multivariantUrl);
const wantsSoundOnly = stage.hasAttribute("data-sound-only");
const liveAgain = stage.querySelector("[data-live-again]");
const ended = new Set();
// What is to be played for an address, where that is not the address of the livestream; and its poster.
const sources = new Map();
const liveSource = { src: stage.dataset.src, poster: "" };
// The newest recording, null where there is none, undefined while nobody has asked.
let recorded;
// When one ended that was watched here.
let endedAt = -Infinity;
// Whose name the words on the page are marked with.
let state = "asking";
// A page that is opened after the end plays what has been; after a broadcast that was watched live somebody has to ask.
let wantsRecording = true;

// Neither that something is on nor that nothing is: the network is away, or somebody on the way to LiveHub has no answer.
class NoAnswerError extends Error {}
// It is for others, or the token has run out; or it is for this viewer, and all places are taken.
class RefusedError extends Error {}

async function read(url) {
  return (await ask(url)).text;
}

// Who asks may be sent on to another address.
async function ask(url) {
  let response;
  try {
    const options = { cache: "no-cache", credentials: "omit", signal: AbortSignal.timeout(LONGEST_MS) };
    response = await fetch(url, options);
    if (response.ok) return { text: await response.text(), address: response.url };
  } catch (error) {
    throw new NoAnswerError(error.message);
  }
  if (response.status === 404) return { text: "", address: "" };
  if (!REFUSED.has(response.status)) throw new NoAnswerError();
  throw new RefusedError(response.headers.get("X-Playback-Refused") ?? "refused");
}

// The sound's playlist if it has one of its own.
function soundOf(multivariant) {
  return multivariant.match(/^#EXT-X-MEDIA:TYPE=AUDIO.*URI="([^"]+)"/m)?.[1];
}

// The newest broadcast, and whether it is over: then it can be played from its beginning, for as long as its files stay.
// It is known by the address of its first playlist. Null when there is nothing to play.
async function findBroadcast() {
  const multivariant = await read(multivariantUrl);
  const first = multivariant.split("\n").find((line) => line.trim() && !line.startsWith("#"));
  const media = (wantsSoundOnly && soundOf(multivariant)) || first;
  if (!media) return null;
  const address = new URL(media, multivariantUrl).pathname;
  if (!ended.has(address) && !(await hasMedia(address))) return null;
  if (wantsSoundOnly) sources.set(address, { src: address, poster: "" });
  return { address, isOver: ended.has(address) };
}

// What is on; else what somebody is in the middle of; else the newest that has been. A recording has all of its broadcast, and
// stays when the broadcast's own files are gone; but who has seen something here already is shown nothing else by itself.
async function find() {
  const broadcast = await findBroadcast();
  if (broadcast && !broadcast.isOver) return broadcast;
  if (isWatchingRecording()) return (await findWatched()) ?? broadcast;
  const known = curtain.dataset.session || curtain.dataset.recording;
  if (broadcast && known) return known === recorded?.address ? recorded : broadcast;
  const found = await findRecorded().catch((error) => {
    if (broadcast) return null;
    throw error;
  });
  if (found === null || (broadcast && !broadcast.address.includes(`/${found.session}/`))) return broadcast;
  if (known && known !== found.address) wantsRecording = false;
  return found;
}

// Asked once, and again after an end: pages that wait for a broadcast are many.
async function findRecorded() {
  if (recorded === undefined) recorded = asRecorded(await ask(recordedUrl));
  return recorded;
}

function asRecorded({ text, address }) {
  const sound = soundOf(text);
  if (!text || (wantsSoundOnly && !sound)) return null;
  const src = wantsSoundOnly ? new URL(sound, address).pathname : new URL(address).pathname;
  const poster = text.includes(STORYBOARD) ? new URL("pictures/poster.jpg", address).pathname : "";
  sources.set(src, { src, poster });
  return { address: src, isOver: true, session: text.match(SESSION)?.[1] };
}

// Looks whether there is something to play, and whether it is over.
async function hasMedia(address) {
  const url = new URL(address, location);
  // Hours of what has been say nothing of now.
  url.searchParams.set("dvr", "0");
  url.searchParams.set("quiet", "1");
  const playlist = await read(url);
  if (playlist.includes("#EXT-X-ENDLIST")) ended.add(address);
  return playlist.includes("#EXTINF");
}

// Before the next broadcast can be played, nothing leads to the last one any more; but whoever is in the middle of it goes on.
async function findWatched() {
  const address = curtain.dataset.session;
  return address === recorded?.address || (await hasMedia(address)) ? { address, isOver: true } : null;
}

// `played` is what the player is to show, `recording` what it could show if somebody wants it to.
function show(name, { played = "", recording = "" } = {}) {
  state = name;
  for (const part of document.querySelectorAll("[data-state]")) part.hidden = !part.dataset.state.split(" ").includes(state);
  for (const button of curtain.querySelectorAll("[data-replay]")) button.hidden = !recording;
  liveAgain.hidden = true;
  Object.assign(stage.dataset, sources.get(played || recording) ?? liveSource);
  Object.assign(curtain.dataset, { session: played, recording });
  curtain.toggleAttribute("data-playable", Boolean(played));
}

function showLive(address) {
  wantsRecording = false;
  show("on", { played: address });
}

function showOver(address) {
  if (wantsRecording) show("recording", { played: address });
  else show("over", { recording: address });
}

// Who watches live is told by the player, and asks for nothing beside.
function isPlayingLive() {
  return state === "on" && stage.dataset.playing === "yes" && !stage.hasAttribute("data-halted");
}

// Somebody in the middle of a recording is asked before something else is shown.
function isWatchingRecording() {
  const video = stage.querySelector("video");
  return state === "recording" && stage.dataset.playing === "yes" && video !== null && !video.ended;
}

async function look() {
  try {
    const found = await find();
    if (!found) show(endedAt > -Infinity ? "over" : "off");
    else if (found.isOver) showOver(found.address);
    else if (isWatchingRecording()) offerLive(found.address);
    else showLive(found.address);
  } catch (error) {
    // Its message is the name of what is shown.
    if (error instanceof RefusedError) return show(error.message);
    if (!(error instanceof NoAnswerError)) throw error;
    // What is shown stays, and the next look tells.
    if (state === "asking") show("unreachable");
  }
}

function offerLive(address) {
  liveAgain.hidden = false;
  liveAgain.onclick = () => showLive(address);
}

async function watch() {
  try {
    if (!isPlayingLive()) await look();
  } finally {
    const isSoon = performance.now() - endedAt < SOON_MS;
    setTimeout(watch, (isSoon ? AFTER_THE_END_MS : WATCH_EVERY_MS) + Math.random() * SPREAD_MS);
  }
}

stage.addEventListener("broadcast-over", ({ detail }) => {
  if (state !== "on") return;
  endedAt = performance.now();
  recorded = undefined;
  const address = curtain.dataset.session;
  ended.add(address);
  // Who is behind sees the rest.
  wantsRecording = detail.isBehind;
  showOver(address);
});
curtain.addEventListener("click", ({ target }) => {
  if (!target.closest("[data-replay]")) return;
  wantsRecording = true;
  showOver(curtain.dataset.recording);
});
watch();
