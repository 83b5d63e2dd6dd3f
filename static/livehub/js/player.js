// The picture on the livestream page. It lives as long as the broadcast: the curtain in front of it, which the server
// renders anew with each change, says when to start and when to stop; its swaps never touch the video.
import "../../vendor/hls.js@1.7.4/hls.min.js";
import "../../vendor/media-chrome@4.19.4/index.js";

const { Hls } = globalThis;
const NATIVE = "application/vnd.apple.mpegurl";
const RETRY_MS = [500, 1000, 2000, 4000];
const MEDIA_RECOVERY_MS = 5000;
const LATENCY_EVERY_MS = 1000;

export class Player {
  #stage;
  #url;
  #controller = null;
  #video = null;
  #hls = null;
  #timers = new Set();
  #failures = 0;
  #recoveredAt = -Infinity;

  constructor(stage) {
    this.#stage = stage;
    this.#url = stage.dataset.src;
  }

  start() {
    const template = this.#stage.querySelector("template");
    this.#controller = template.content.cloneNode(true).firstElementChild;
    this.#stage.append(this.#controller);
    this.#video = this.#controller.querySelector("video");
    // Browsers start muted video only; the attribute of a cloned template does not count.
    this.#video.muted = true;
    this.#video.addEventListener("playing", () => this.#onPlaying());
    this.#load();
  }

  stop() {
    this.#release();
    this.#controller?.remove();
    this.#controller = this.#video = null;
    delete this.#stage.dataset.playing;
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
      this.#play();
    });
    hls.on(Hls.Events.ERROR, (_, error) => error.fatal && this.#recover(error));
    hls.loadSource(this.#url);
    hls.attachMedia(this.#video);
    this.#every(LATENCY_EVERY_MS, () => this.#showLatency(hls));
  }

  #loadNatively() {
    this.#video.addEventListener("error", () => this.#retry(), { once: true });
    this.#video.src = this.#url;
    this.#play();
  }

  #play() {
    // Where even muted autoplay is forbidden the play button stands there.
    this.#video.play().catch(() => (this.#stage.dataset.playing = "waiting"));
  }

  #onPlaying() {
    this.#failures = 0;
    this.#stage.dataset.playing = "yes";
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

  #showLatency(hls) {
    const output = this.#controller.querySelector("[data-latency]");
    output.textContent = hls.latency > 0 ? `${hls.latency.toFixed(1)} s behind` : "";
  }

  #offerQualities(hls) {
    const select = this.#controller.querySelector("[data-quality]");
    const names = hls.levels.map((level) => (level.height ? `${level.height}p` : "Audio only"));
    select.replaceChildren(new Option("Auto", "-1"), ...names.map((name, index) => new Option(name, String(index))));
    select.parentElement.hidden = names.length < 2;
    select.onchange = () => (hls.currentLevel = Number(select.value));
    hls.on(Hls.Events.LEVEL_SWITCHED, (_, { level }) => {
      select.options[0].textContent = `Auto, ${names[level]}`;
    });
  }
}
