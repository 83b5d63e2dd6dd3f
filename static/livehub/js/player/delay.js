// How far behind the encoder the picture is, in words, and the way back to the live edge.
import { ServerClock } from "./clock.js";
import { asDelay } from "./words.js";

// How far behind where the player wants to be still counts as watching live; without parts the steps of what there is
// are as long as a segment.
const SLACK_S = 1.5;
const SLACK_WITHOUT_PARTS_S = 3;
// A window that is hardly longer than what the player keeps ready is nothing to go back in.
const SHORTEST_WINDOW_S = 15;
// Each halt makes hls.js keep a second more ready, for good. After so long without one it is tried with less again, and
// twice as long where the next halt followed soon.
const FORGIVEN_AFTER_MS = 120_000;
const SOON_MS = 60_000;

export class Delay {
  #controller;
  #hls;
  #clock = new ServerClock();
  #forgivenAfterMs = FORGIVEN_AFTER_MS;
  #forgivenAt = -Infinity;
  #haltedAt = Infinity;

  constructor(controller, hls) {
    this.#controller = controller;
    this.#hls = hls;
    const { Events, ErrorDetails } = hls.constructor;
    hls.on(Events.LEVEL_LOADED, (_, { networkDetails }) => this.#clock.read(networkDetails));
    hls.on(Events.ERROR, (_, { details }) => details === ErrorDetails.BUFFER_STALLED_ERROR && this.#onHalt());
  }

  // By the last picture, and by the place: a jump shows none for as long as what is there has to be loaded.
  get isAtEdge() {
    return this.#hls.latency <= this.#edgeS && !this.isBehind;
  }

  // There is more to show than what is shown: if the picture stands, it is not for want of media.
  get isBehind() {
    return this.#hls.latestLevelDetails?.edge - this.#hls.media.currentTime > this.#edgeS;
  }

  seekToLive() {
    // What halted before, a step back for instance, says nothing of what is possible there.
    this.forgetHalts();
    if (this.#hls.liveSyncPosition) this.#hls.media.currentTime = this.#hls.liveSyncPosition;
  }

  forgetHalts() {
    const { partHoldBack, holdBack } = this.#hls.latestLevelDetails ?? {};
    if (partHoldBack || holdBack) this.#hls.targetLatency = partHoldBack || holdBack;
    this.#haltedAt = Infinity;
  }

  #onHalt() {
    this.#haltedAt = performance.now();
    if (this.#haltedAt - this.#forgivenAt < SOON_MS) this.#forgivenAfterMs *= 2;
  }

  #forgive() {
    if (performance.now() - this.#haltedAt < this.#forgivenAfterMs) return;
    this.forgetHalts();
    this.#forgivenAt = performance.now();
  }

  // Returns the words for it; none while it is not known.
  show() {
    const delayS = this.seenLateS;
    const said = Number.isFinite(delayS) && delayS >= 0 ? asDelay(delayS) : "";
    const output = this.#controller.querySelector("[data-delay]");
    output.hidden = !said;
    output.querySelector("[data-delay-time]").textContent = said;
    this.#tellTheControls();
    this.#forgive();
    return said;
  }

  // Behind the clock of what was sent, not behind the end of the playlist: it grows while the picture stands still. NaN
  // where nothing is live.
  get seenLateS() {
    if (!this.#hls.latestLevelDetails?.live) return NaN;
    const shownAt = this.#hls.playingDate;
    return shownAt ? (this.#clock.now() - shownAt) / 1000 : this.#hls.latency;
  }

  #tellTheControls() {
    const { seekable } = this.#hls.media;
    const windowS = seekable.length ? seekable.end(0) - seekable.start(0) : 0;
    this.#controller.toggleAttribute("data-goes-back", windowS >= SHORTEST_WINDOW_S);
    if (this.#hls.targetLatency) this.#controller.setAttribute("liveedgeoffset", this.#edgeS.toFixed(1));
  }

  get #edgeS() {
    const slackS = this.#hls.latestLevelDetails?.partTarget ? SLACK_S : SLACK_WITHOUT_PARTS_S;
    return (this.#hls.targetLatency ?? 0) + slackS;
  }
}
