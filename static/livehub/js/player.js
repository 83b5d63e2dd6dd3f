// The picture on every page that has one. It lives as long as the broadcast: the curtain in front of it, which the server
// or the page renders anew with each change, says when to start and when to stop; its swaps never touch the video.
import "../../vendor/hls.js@1.7.4/hls.min.js";
import "../../vendor/media-chrome@4.19.4/index.js";
import { Delay } from "./player/delay.js";
import { listenForKeys } from "./player/keys.js";
import { loadingBy } from "./player/loading.js";
import { CAPTION_NAMES, offerCaptions, offerQualities } from "./player/menus.js";
import { Place } from "./player/place.js";
import { tellPointedTime } from "./player/pointed.js";
import { showStoryboard } from "./player/storyboard.js";
import { Trouble } from "./player/trouble.js";
import { newSessionId, QualityReport } from "./qoe.js";

const { Hls } = globalThis;
const NATIVE = "application/vnd.apple.mpegurl";
const RETRY_MS = [500, 1000, 2000, 4000, 8000];
// What is loaded stays for so many failures of the network; then everything begins anew.
const FAILURES_BEFORE_ANEW = 3;
const MEDIA_RECOVERY_MS = 5000;
const LOOK_EVERY_MS = 1000;
// After a jump to another time hls.js 1.7.4 can keep sound back for a picture that it has already: then nothing moves,
// although all is there. Twice as long after each try, since a slow network looks the same.
const STUCK_MS = 3500;
const SLOW_MS = 8000;
// What has been is watched in peace.
const RECORDED = /\/recordings\//;
const FRAME = 16 / 9;
// Renditions have even sides: 854x480 is a little wider than its source, and would get a line of dark below it.
const FRAME_SLACK = 0.02;
// What is buffered when a broadcast ends is played out, but nothing is waited for.
const LONGEST_END_MS = 20_000;
// Seconds that a step back finds without asking; the whole window stays at the server.
const BACK_BUFFER_S = 30;

// What the page's styles know of a player by, on its stage.
const MARKS = ["data-playing", "data-halted", "data-slow", "data-cannot-play"];

// What the viewer chose stays for the next broadcast on this page. Browsers start muted video only, until a click.
const chosen = { volume: 1, quality: "auto", captions: "off" };

export class Player {
  controller = null;
  video = null;
  // It is over, and played from what is left of it.
  isRecording = false;
  #stage;
  #hls = null;
  #delay = null;
  #trouble = null;
  // What it asks for media by, for as long as it lives; and what it reports of itself, null where it does not.
  #sid = newSessionId();
  #report = null;
  #sound = null;
  #timers = new Set();
  #endings = [];
  #failures = 0;
  #recoveredAt = -Infinity;
  #place = null;
  #stuckAfterMs = STUCK_MS;
  #wasLive = false;

  constructor(stage) {
    this.#stage = stage;
    chosen.muted ??= stage.dataset.muted !== "no";
    chosen.plays ??= stage.dataset.autoplay !== "no";
  }

  start() {
    const template = this.#stage.querySelector("template");
    this.controller = template.content.cloneNode(true).firstElementChild;
    this.#stage.append(this.controller);
    this.video = this.controller.querySelector("video");
    // When the picture that is shown was taken, for whoever marks it; null where nothing says so.
    this.#stage.shownAt = () => this.#hls?.playingDate ?? null;
    Object.assign(this.video, { muted: chosen.muted, volume: chosen.volume });
    this.#trouble = new Trouble(this.#stage, this.controller, this.video);
    this.#listen();
    const looking = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#endings.push(() => clearInterval(looking));
    this.#reportQuality();
    this.#load();
  }

  stop() {
    for (const end of this.#endings.splice(0)) end();
    this.#release();
    this.controller?.remove();
    this.controller = this.video = this.#report = null;
    delete this.#stage.shownAt;
    for (const name of MARKS) this.#stage.removeAttribute(name);
    this.#saySeenLate("");
  }

  // Play what is buffered, then stop. Returns when it is over; `isOver` tells whether something newer is wanted.
  async finish(isOver) {
    const until = performance.now() + LONGEST_END_MS;
    while (!isOver() && performance.now() < until && this.#hasMore()) {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    this.stop();
  }

  seekToLive = () => {
    if (this.isRecording) return;
    const { seekable } = this.video;
    if (this.#hls) this.#delay.seekToLive();
    else if (seekable.length) this.video.currentTime = seekable.end(seekable.length - 1);
    this.resume();
  };

  resume = async () => {
    try {
      await this.video?.play();
    } catch (error) {
      if (error.name !== "NotAllowedError" || !this.video) return;
      if (!this.video.muted) {
        // No click on this page yet: without sound rather than not at all.
        this.video.muted = true;
        return this.resume();
      }
      // Where even muted autoplay is forbidden the play button stands there.
      this.#waitForAClick();
    }
  };

  #listen() {
    const { video } = this;
    video.addEventListener("playing", () => this.#onPlaying());
    video.addEventListener("resize", () => this.#onResize());
    video.addEventListener("volumechange", () => this.#onVolume());
    this.#place = new Place(video);
    video.addEventListener("ended", () => this.#sayThatItIsOver());
    this.#sound = this.controller.querySelector("[data-sound]");
    this.#sound.addEventListener("click", () => (video.muted = false));
    // The controls would go to the very end of what there is, where nothing is ready to follow.
    this.controller.querySelector("media-control-bar").addEventListener("mediaseektoliverequest", (event) => {
      event.stopPropagation();
      this.seekToLive();
    });
    this.#endings.push(listenForKeys(this, { isForPage: this.#stage.dataset.keys === "page" }));
    offerCaptions(this.controller, video, chosen);
    tellPointedTime(this.controller, video);
  }

  #reportQuality() {
    const { src, contentId } = this.#stage.dataset;
    if (RECORDED.test(src)) return;
    this.#report = new QualityReport(this.video, { src, contentId, sid: this.#sid });
    this.#endings.push(() => this.#report.leave());
    if (chosen.plays) this.#report.ask();
  }

  #hasMore() {
    const { buffered, currentTime, ended, paused } = this.video;
    const end = buffered.length ? buffered.end(buffered.length - 1) : 0;
    return this.#stage.dataset.playing === "yes" && !ended && !paused && end - currentTime > 0.1;
  }

  #load() {
    if (Hls.isSupported()) this.#loadWithHls();
    else if (this.video.canPlayType(NATIVE)) this.#loadNatively();
    else this.#giveUp();
    this.#after(SLOW_MS, () => this.#stage.toggleAttribute("data-slow", !this.#stage.dataset.playing));
  }

  #loadWithHls() {
    const { src, contentId } = this.#stage.dataset;
    // To another origin each header would cost a question before each request; its address may say as much.
    const useHeaders = new URL(src, location).origin === location.origin;
    const hls = new Hls({
      ...loadingBy(Hls),
      ...CAPTION_NAMES,
      // How near to live comes from the playlist: a count of segments here would override what it says of its parts.
      lowLatencyMode: true,
      maxLiveSyncPlaybackRate: 1.5,
      backBufferLength: BACK_BUFFER_S,
      capLevelToPlayerSize: true,
      autoStartLoad: chosen.plays,
      // The controls tell a live stream by its endless duration, and only then whether one watches its live edge.
      liveDurationInfinity: true,
      cmcd: { contentId, sessionId: this.#sid, useHeaders, includeKeys: useHeaders ? undefined : ["sid", "cid"] },
    });
    this.#hls = hls;
    this.#delay = new Delay(this.controller, hls);
    hls.on(Hls.Events.MANIFEST_PARSED, (_, { sessionData }) => this.#onManifest(hls, sessionData));
    hls.on(Hls.Events.LEVEL_UPDATED, (_, { details }) => this.#onPlaylist(details));
    hls.on(Hls.Events.LEVEL_LOADED, () => this.#trouble.networkWorks());
    hls.on(Hls.Events.AUDIO_TRACK_LOADED, () => this.#trouble.networkWorks());
    hls.on(Hls.Events.ERROR, (_, error) => this.#onError(error));
    this.#report?.follow(hls, () => this.#liveDelayS());
    hls.loadSource(src);
    hls.attachMedia(this.video);
  }

  // Whoever has gone back is not late.
  #liveDelayS() {
    return this.#delay && !this.#place.isBack ? this.#delay.seenLateS : NaN;
  }

  #onManifest(hls, sessionData) {
    offerQualities(this.controller, hls, chosen);
    this.#offerSound(hls);
    showStoryboard(this.controller, hls, sessionData);
    if (chosen.plays) this.resume();
    else this.#waitForAClick();
  }

  #loadNatively() {
    const fail = () => this.#onError({ fatal: true, details: `mediaError${this.video.error?.code}` });
    this.video.addEventListener("error", fail, { once: true });
    this.video.src = this.#stage.dataset.src;
    this.#stage.toggleAttribute("data-audible", true);
    this.#onVolume();
    if (chosen.plays) this.resume();
    else this.#waitForAClick();
  }

  #waitForAClick() {
    this.#stage.dataset.playing = "waiting";
    this.#report?.waitForAClick();
    const { poster, src } = this.#stage.dataset;
    this.video.poster = poster || new URL("thumbnail.jpg", new URL(src, location)).href;
    this.video.addEventListener("play", () => this.#hls?.startLoad(), { once: true });
  }

  #onPlaying() {
    this.#failures = 0;
    chosen.plays = true;
    this.#stage.removeAttribute("data-slow");
    this.#stage.dataset.playing = "yes";
  }

  #onResize() {
    const { videoWidth, videoHeight } = this.video;
    this.#stage.toggleAttribute("data-fills", Math.abs(videoWidth / videoHeight / FRAME - 1) < FRAME_SLACK);
  }

  #onVolume() {
    if (!this.video) return;
    Object.assign(chosen, { muted: this.video.muted, volume: this.video.volume });
    this.#sound.hidden = !this.video.muted || !this.#stage.matches("[data-audible], [data-sound-only]");
  }

  #offerSound(hls) {
    const isAudible = hls.audioTracks.length > 0 || hls.levels.some((level) => level.audioCodec);
    this.#stage.toggleAttribute("data-audible", isAudible);
    this.#onVolume();
  }

  #look() {
    if (this.#stage.dataset.playing !== "yes") return this.#lookForFirst();
    const wasHalted = this.#trouble.isHalted;
    this.#trouble.look();
    this.#saySeenLate(this.#delay?.show());
    if (!this.#delay) return;
    if (!this.#trouble.isMoving) return this.#free();
    this.#stuckAfterMs = STUCK_MS;
    if (this.isRecording) return;
    // Whoever watched live before the halt goes on there, and not as much later as it took.
    if (wasHalted) this.#delay.forgetHalts();
    if (wasHalted && this.#place.isLive) this.#delay.seekToLive();
    else this.#place.look(this.#delay.isAtEdge);
  }

  #lookForFirst() {
    const { live, edge } = this.#hls?.latestLevelDetails ?? {};
    // Whoever has to click first is asked to, and of a recording nothing stops coming.
    this.#trouble.lookForFirst(live && chosen.plays && !this.#stage.dataset.playing ? edge : undefined);
  }

  #free() {
    if (this.#trouble.haltedMs < this.#stuckAfterMs || !this.#delay.isBehind) return;
    this.#stuckAfterMs *= 2;
    this.#hls.recoverMediaError();
  }

  // Under the picture, where a page has a place for it: the controls come and go.
  #saySeenLate(delay) {
    const output = this.#stage.parentElement.querySelector("[data-seen-late]");
    if (output) output.textContent = delay ? `You see it ${delay} late` : "";
  }

  #onPlaylist(details) {
    this.isRecording = !details.live;
    if (this.#wasLive && this.isRecording) this.#sayThatItIsOver();
    this.#wasLive = details.live;
  }

  // Pages that nobody tells when a broadcast ends look for themselves.
  #sayThatItIsOver() {
    const isBehind = !this.video.ended && (this.video.paused || this.#place.isBack);
    this.#stage.dispatchEvent(new CustomEvent("broadcast-over", { detail: { isBehind } }));
  }

  #onError(error) {
    if (error.type === Hls.ErrorTypes.NETWORK_ERROR) this.#trouble.networkFailed();
    if (!error.fatal) return;
    this.#report?.warn(error.details);
    const now = performance.now();
    if (error.details === Hls.ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR) this.#giveUp();
    else if (error.type === Hls.ErrorTypes.MEDIA_ERROR && now - this.#recoveredAt > MEDIA_RECOVERY_MS) {
      this.#recoveredAt = now;
      this.#hls.recoverMediaError();
    } else this.#retry(error.type);
  }

  // The first segments may not be there yet, or the network was away: try again while the broadcast lasts.
  #retry(type) {
    const delay = RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)];
    this.#failures += 1;
    const canGoOn = type === Hls.ErrorTypes.NETWORK_ERROR && this.#hls.levels.length > 0;
    const isWorthIt = this.#failures <= FAILURES_BEFORE_ANEW || !navigator.onLine;
    if (canGoOn && isWorthIt) return this.#after(delay, () => this.#hls.startLoad(this.#place.startS));
    this.#release();
    this.#after(delay, () => this.#load());
  }

  #giveUp() {
    this.#report?.fail("cannotPlay");
    this.#release();
    this.#stage.dataset.cannotPlay = "";
  }

  #release() {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#hls?.destroy();
    this.#hls = this.#delay = null;
    this.video?.removeAttribute("src");
  }

  #after(milliseconds, action) {
    const timer = setTimeout(action, milliseconds);
    this.#timers.add(() => clearTimeout(timer));
  }
}
