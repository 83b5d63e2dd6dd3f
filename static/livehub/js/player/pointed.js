// The time that somebody points at on the scrub bar: of a live broadcast how long ago it was, of a recording since its
// beginning. The player's own time says neither: it begins wherever the window began when the viewer came in.
import { asClock } from "./words.js";

export function tellPointedTime(controller, video) {
  const output = controller.querySelector("[data-pointed-time]");
  controller.querySelector("media-time-range").addEventListener("mediapreviewrequest", ({ detail }) => {
    const { duration, seekable } = video;
    if (detail === null || !seekable.length) return;
    const isLive = duration === Infinity;
    const seconds = isLive ? seekable.end(seekable.length - 1) - detail : detail - seekable.start(0);
    output.textContent = `${isLive ? "−" : ""}${asClock(Math.max(0, seconds))}`;
  });
}
