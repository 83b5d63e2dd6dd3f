// The picture on the livestream page. It lives as long as the broadcast: the curtain in front of it, which the server
// renders anew with each change, says when to start and when to stop; its swaps never touch the video.
import "../../vendor/hls.js@1.7.4/hls.min.js";
import "../../vendor/media-chrome@4.19.4/index.js";

const { Hls } = globalThis;
const NATIVE = "application/vnd.apple.mpegurl";
const RETRY_MS = [500, 1000, 2000, 4000];
const MEDIA_RECOVERY_MS = 5000;
const DELAY_EVERY_MS = 1000;
const FRAME = 16 / 9;
// Renditions have even sides: 854x480 is a little wider than its source, and would get a line of dark below it.
const FRAME_SLACK = 0.02;
// How far behind where hls.js wants to be still counts as watching live: its own steps are as long as a segment.
const LIVE_SLACK_S = 3;
// What is buffered when a broadcast ends is played out, but nothing is waited for.
const LONGEST_END_MS = 20_000;

// What the viewer chose stays for the next broadcast on this page. Browsers start muted video only, until a click.
const chosen = { muted: true, height: "auto" };

export class Player {
  #stage;
  #url;
  #controller = null;
  #video = null;
  #hls = null;
  #timers = new Set();
  #failures = 0;
  #recoveredAt = -Infinity;
  #serverAheadMs = -Infinity;

  constructor(stage) {
    this.#stage = stage;
    this.#url = stage.dataset.src;
  }

  start() {
    const template = this.#stage.querySelector("template");
    this.#controller = template.content.cloneNode(true).firstElementChild;
    this.#stage.append(this.#controller);
    this.#video = this.#controller.querySelector("video");
    this.#video.muted = chosen.muted;
    this.#video.addEventListener("playing", () => this.#onPlaying());
    this.#video.addEventListener("resize", () => this.#onResize());
    this.#video.addEventListener("volumechange", () => this.#onVolume());
    this.#sound.addEventListener("click", () => (this.#video.muted = false));
    this.#load();
  }

  stop() {
    this.#release();
    this.#controller?.remove();
    this.#controller = this.#video = null;
    delete this.#stage.dataset.playing;
  }

  // Play what is buffered, then stop. Returns when it is over; `isOver` tells whether something newer is wanted.
  async finish(isOver) {
    const until = performance.now() + LONGEST_END_MS;
    while (!isOver() && performance.now() < until && this.#hasMore()) {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    this.stop();
  }

  #hasMore() {
    const { buffered, currentTime, ended, paused } = this.#video;
    const end = buffered.length ? buffered.end(buffered.length - 1) : 0;
    return this.#stage.dataset.playing === "yes" && !ended && !paused && end - currentTime > 0.1;
  }

  get #sound() {
    return this.#controller.querySelector("[data-sound]");
  }

  #load() {
    if (Hls.isSupported()) this.#loadWithHls();
    else if (this.#video.canPlayType(NATIVE)) this.#loadNatively();
    else this.#stage.querySelector(".curtain b").textContent = "This browser cannot play HLS video";
  }

  #loadWithHls() {
    const hls = new Hls({
      backBufferLength: 30,
      capLevelToPlayerSize: true,
      // The controls tell a live stream by its endless duration, and only then whether one watches its live edge.
      liveDurationInfinity: true,
      cmcd: { contentId: this.#stage.dataset.contentId, useHeaders: true },
    });
    this.#hls = hls;
    hls.on(Hls.Events.MANIFEST_PARSED, () => {
      this.#offerQualities(hls);
      this.#offerSound(hls);
      this.#play();
    });
    hls.on(Hls.Events.LEVEL_LOADED, (_, { networkDetails }) => this.#readClock(networkDetails));
    hls.on(Hls.Events.ERROR, (_, error) => error.fatal && this.#recover(error));
    hls.loadSource(this.#url);
    hls.attachMedia(this.#video);
    this.#every(DELAY_EVERY_MS, () => this.#showDelay(hls));
  }

  #loadNatively() {
    this.#video.addEventListener("error", () => this.#retry(), { once: true });
    this.#video.src = this.#url;
    this.#play();
  }

  async #play() {
    try {
      await this.#video.play();
    } catch (error) {
      if (error.name !== "NotAllowedError") return;
      if (!this.#video.muted) {
        // No click on this page yet: without sound rather than not at all.
        this.#video.muted = true;
        return this.#play();
      }
      // Where even muted autoplay is forbidden the play button stands there.
      this.#stage.dataset.playing = "waiting";
    }
  }

  #onPlaying() {
    this.#failures = 0;
    this.#stage.dataset.playing = "yes";
  }

  #onResize() {
    const { videoWidth, videoHeight } = this.#video;
    this.#stage.toggleAttribute("data-fills", Math.abs(videoWidth / videoHeight / FRAME - 1) < FRAME_SLACK);
  }

  #onVolume() {
    chosen.muted = this.#video.muted;
    this.#sound.hidden = !this.#video.muted || !this.#stage.hasAttribute("data-audible");
  }

  #recover(error) {
    const now = performance.now();
    if (error.type === Hls.ErrorTypes.MEDIA_ERROR && now - this.#recoveredAt > MEDIA_RECOVERY_MS) {
      this.#recoveredAt = now;
      this.#hls.recoverMediaError();
      return;
    }
    this.#retry();
  }

  // The first segments may not be there yet, or the network was away: start over while the broadcast lasts.
  #retry() {
    this.#release();
    const delay = RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)];
    this.#failures += 1;
    const timer = setTimeout(() => this.#load(), delay);
    this.#timers.add(() => clearTimeout(timer));
  }

  #release() {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#hls?.destroy();
    this.#hls = null;
    this.#video?.removeAttribute("src");
  }

  #every(milliseconds, action) {
    const timer = setInterval(action, milliseconds);
    this.#timers.add(() => clearInterval(timer));
  }

  // The times in the playlists are the server's, and the viewer's clock may be minutes off. `Date` is cut to the second
  // and late by the way here: the largest difference seen is the nearest to the truth.
  #readClock(request) {
    const date = Date.parse(request?.getResponseHeader?.("Date"));
    if (date) this.#serverAheadMs = Math.max(this.#serverAheadMs, date - Date.now());
  }

  // Behind the clock of what was sent, not behind the end of the playlist: it grows while the picture stands still.
  #showDelay(hls) {
    const output = this.#controller.querySelector("[data-delay]");
    const shownAt = hls.playingDate;
    const delayS = shownAt ? (Date.now() + this.#serverAheadMs - shownAt) / 1000 : NaN;
    output.textContent = Number.isFinite(delayS) && delayS >= 0 ? `${delayS.toFixed(1)} s behind` : "";
    if (hls.targetLatency) this.#controller.setAttribute("liveedgeoffset", (hls.targetLatency + LIVE_SLACK_S).toFixed(1));
  }

  #offerSound(hls) {
    const isAudible = hls.audioTracks.length > 0 || hls.levels.some((level) => level.audioCodec);
    this.#stage.toggleAttribute("data-audible", isAudible);
    this.#onVolume();
  }

  #offerQualities(hls) {
    const select = this.#controller.querySelector("[data-quality]");
    const names = hls.levels.map((level) => (level.height ? `${level.height}p` : "Audio only"));
    select.replaceChildren(new Option("Auto", "auto"), ...names.map((name) => new Option(name, name)));
    select.parentElement.hidden = names.length < 2;
    select.onchange = () => {
      chosen.height = select.value;
      hls.currentLevel = names.indexOf(select.value);
    };
    if (names.includes(chosen.height)) {
      select.value = chosen.height;
      hls.currentLevel = names.indexOf(chosen.height);
    }
    hls.on(Hls.Events.LEVEL_SWITCHED, (_, { level }) => {
      select.options[0].textContent = `Auto, ${names[level]}`;
    });
  }
}
