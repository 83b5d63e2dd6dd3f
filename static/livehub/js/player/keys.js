// The keyboard. On a page that is made for watching keys work wherever the focus is; elsewhere inside the player only.

const STEP_S = 10;
const LOUDER = 0.1;

const seek = (video, time) => {
  const { seekable } = video;
  if (!seekable.length) return;
  video.currentTime = Math.min(Math.max(time, seekable.start(0)), seekable.end(seekable.length - 1));
};
const changeVolume = (video, by) => {
  video.volume = Math.min(Math.max(video.volume + by, 0), 1);
  video.muted = video.volume === 0;
};
const toggleFullscreen = (controller) =>
  document.fullscreenElement ? document.exitFullscreen() : controller.requestFullscreen?.();

const DEEDS = {
  " ": ({ video, resume }) => (video.paused ? resume() : video.pause()),
  m: ({ video }) => (video.muted = !video.muted),
  f: ({ controller }) => toggleFullscreen(controller),
  l: ({ seekToLive }) => seekToLive(),
  ArrowLeft: ({ video }) => seek(video, video.currentTime - STEP_S),
  ArrowRight: ({ video }) => seek(video, video.currentTime + STEP_S),
  ArrowUp: ({ video }) => changeVolume(video, LOUDER),
  ArrowDown: ({ video }) => changeVolume(video, -LOUDER),
  Home: ({ video }) => seek(video, -Infinity),
  End: ({ video, isRecording, seekToLive }) => (isRecording ? seek(video, Infinity) : seekToLive()),
};
DEEDS.k = DEEDS[" "];

const IS_FILLED_IN = "input:not([type=range]), select, textarea, [contenteditable], dialog, [popover]";
const IS_PRESSED = "button, a, summary, [role=button]";
const PRESSES = new Set([" ", "Enter"]);

// Keys that somebody else has a use for.
function isTaken(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return true;
  const isOn = (selector) => event.composedPath().some((it) => it.matches?.(selector));
  if (isOn(IS_FILLED_IN) || (PRESSES.has(event.key) && isOn(IS_PRESSED))) return true;
  // A slider goes by arrows, Home and End; letters mean the same on it as elsewhere.
  return event.key.length > 1 && isOn("input[type=range]");
}

// Returns what ends it.
export function listenForKeys(player, { isForPage }) {
  const scope = isForPage ? document : player.controller;
  const onKey = (event) => {
    const deed = DEEDS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!deed || isTaken(event)) return;
    event.preventDefault();
    deed(player);
  };
  scope.addEventListener("keydown", onKey);
  return () => scope.removeEventListener("keydown", onKey);
}
