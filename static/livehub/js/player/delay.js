// How far behind the encoder the picture is, in words, and the way back to the live edge.
import { ServerClock } from "./clock.js";

// How far behind where the player wants to be still counts as watching live; without parts the steps of what there is
// are as long as a segment.
const SLACK_S = 1.5;
const SLACK_WITHOUT_PARTS_S = 3;
// Further back than that one sees a time of day's worth: minutes say more than seconds.
const LONGEST_IN_SECONDS = 60;
// A window that is hardly longer than what the player keeps ready is nothing to go back in.
const SHORTEST_WINDOW_S = 15;

function words(delayS) {
  if (delayS < 10) return `${delayS.toFixed(1)} s`;
  if (delayS < LONGEST_IN_SECONDS) return `${Math.round(delayS)} s`;
  const [hours, minutes] = [Math.floor(delayS / 3600), Math.floor((delayS % 3600) / 60)];
  const seconds = String(Math.floor(delayS % 60)).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}` : `${minutes}:${seconds}`;
}

export class Delay {
  #controller;
  #hls;
  #clock = new ServerClock();

  constructor(controller, hls) {
    this.#controller = controller;
    this.#hls = hls;
    hls.on(hls.constructor.Events.LEVEL_LOADED, (_, { networkDetails }) => this.#clock.read(networkDetails));
  }

  get isAtEdge() {
    return this.#hls.latency <= this.#edgeS;
  }

  seekToLive() {
    if (this.#hls.liveSyncPosition) this.#hls.media.currentTime = this.#hls.liveSyncPosition;
  }

  // Each halt makes hls.js keep a second more ready, for good. One that was the broadcast's own says nothing of the way
  // here.
  forgetHalts() {
    const { partHoldBack, holdBack } = this.#hls.latestLevelDetails ?? {};
    if (partHoldBack || holdBack) this.#hls.targetLatency = partHoldBack || holdBack;
  }

  // Returns the words for it; none while it is not known.
  show() {
    const delayS = this.#delayS();
    const said = Number.isFinite(delayS) && delayS >= 0 ? words(delayS) : "";
    const output = this.#controller.querySelector("[data-delay]");
    output.hidden = !said;
    output.querySelector("[data-delay-time]").textContent = said;
    this.#tellTheControls();
    return said;
  }

  // Behind the clock of what was sent, not behind the end of the playlist: it grows while the picture stands still.
  #delayS() {
    if (!this.#hls.latestLevelDetails?.live) return NaN;
    const shownAt = this.#hls.playingDate;
    return shownAt ? (this.#clock.now() - shownAt) / 1000 : this.#hls.latency;
  }

  #tellTheControls() {
    const { seekable } = this.#hls.media;
    const windowS = seekable.length ? seekable.end(0) - seekable.start(0) : 0;
    this.#controller.toggleAttribute("data-goes-back", windowS >= SHORTEST_WINDOW_S);
    const { targetLatency } = this.#hls;
    if (!targetLatency) return;
    this.#controller.setAttribute("liveedgeoffset", this.#edgeS.toFixed(1));
    this.#controller.setAttribute("seektoliveoffset", targetLatency.toFixed(1));
  }

  get #edgeS() {
    const slackS = this.#hls.latestLevelDetails?.partTarget ? SLACK_S : SLACK_WITHOUT_PARTS_S;
    return (this.#hls.targetLatency ?? 0) + slackS;
  }
}
