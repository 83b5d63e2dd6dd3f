// Where the viewer wants to be: at the live edge, or somewhere that they went back to.

// Shorter steps are the player's own, to keep its distance from the live edge.
const STEP_BACK_S = 3;
// hls.js takes what is before a live window, be it by a rounding, for lost, and goes on at the live edge.
const WITHIN_S = 0.1;

export class Place {
  isLive = true;
  isBack = false;
  #video;
  #shownS = 0;

  constructor(video) {
    this.#video = video;
    video.addEventListener("timeupdate", () => (this.#shownS = video.currentTime));
    // Told at once: what is there may take so long to come that it looks like a halt of a live picture.
    video.addEventListener("seeking", () => this.#onSeeking());
  }

  // Where hls.js is to go on after a failure; -1 lets it choose.
  get startS() {
    return this.isBack ? this.#video.currentTime : -1;
  }

  // To be called while the picture moves.
  look(isAtEdge) {
    this.isLive = isAtEdge;
    if (isAtEdge) this.isBack = false;
  }

  #onSeeking() {
    const { currentTime, duration, seekable } = this.#video;
    const startS = duration === Infinity && seekable.length ? seekable.start(0) + WITHIN_S : 0;
    if (currentTime < startS) this.#video.currentTime = startS;
    if (currentTime >= this.#shownS - STEP_BACK_S) return;
    this.isLive = false;
    this.isBack = true;
  }
}
