// Reports how well a player plays: events of Common Media Client Data, version 2 (CTA-5004-A), to where the media comes
// from. No library, no cookie, nothing that stays in the browser: whoever watches is told from others by `sid`, for as
// long as this player lives.

import { Token, written } from "./player/dictionary.js";

const EVERY_MS = 10_000;
const LOOK_EVERY_MS = 1000;
// A machine that slept has not played.
const LONGEST_STEP_MS = 90_000;
// What could not be sent is sent with what follows.
const LINES_KEPT = 40;
const LONGEST_POST_MS = 10_000;
// Reports go to the folder of the session, once the list of renditions tells which it is; or to the livestream's.
const PLACED_AFTER_MS = 4000;
const AGAIN = new Set([429, 500, 502, 503, 504]);
// Of its states (`sta`), those that are told every few seconds; one that is paused or waits for a click says nothing.
const TOLD_REGULARLY = new Set(["s", "p", "r", "k"]);
// The clock of the server is only known by and by.
const LATENCY_AFTER_MS = 3000;
// A livestream's folder, and the one of its session.
const PLACE = /^(.*\/pb_[A-Za-z0-9]+\/)(?:([0-9a-f]{16})\/)?/;

export function newSessionId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class QualityReport {
  #video;
  #sid;
  #contentId;
  #url;
  #hls = null;
  #seenLateS = () => NaN;
  #state = "d";
  #sequence = 0;
  // Since when what is below adds up.
  #countedAt = performance.now();
  #playedMs = 0;
  #stalledMs = 0;
  #stalls = 0;
  #isWanted = false;
  #askedAt = NaN;
  #startedAt = NaN;
  #startupMs = NaN;
  #latencies = [];
  #shownS = NaN;
  #movedAt = performance.now();
  // What has gone wrong, until pictures move again.
  #error = "";
  #lines = [];
  #isPlaced = false;
  // Those that are on their way.
  #posted = [];
  #isOver = false;
  #endings = [];

  // `src` is what is played, `sid` by what its requests are known.
  constructor(video, { src, sid, contentId }) {
    this.#video = video;
    this.#sid = sid;
    this.#contentId = contentId;
    this.#url = new URL("events", placeOf(src));
    this.#listen();
    this.#every(LOOK_EVERY_MS, () => this.#look());
    this.#every(EVERY_MS, () => TOLD_REGULARLY.has(this.#state) && this.#tell("t"));
    const placing = setTimeout(() => this.#place(), PLACED_AFTER_MS);
    this.#endings.push(() => clearTimeout(placing));
  }

  // Whoever watches wants to see it from now on; of a page that was opened behind another one, from when they look at it.
  ask() {
    this.#isWanted = true;
    if (document.hidden || this.#hasStarted || this.#askedAt >= 0) return;
    this.#askedAt = performance.now();
    this.#become("s");
  }

  // Nobody wants to before a click.
  waitForAClick() {
    if (this.#hasStarted) return;
    this.#isWanted = false;
    this.#askedAt = NaN;
    this.#become("d");
  }

  // `seenLateS` returns by how many seconds the picture is late, NaN where that is not live or not known.
  follow(hls, seenLateS) {
    this.#hls = hls;
    this.#seenLateS = seenLateS;
    const { Events } = hls.constructor;
    // Also of a list of which this browser can play nothing.
    hls.on(Events.MANIFEST_LOADED, (_, { levels }) => this.#place(levels[0]?.url));
    hls.on(Events.LEVEL_SWITCHED, () => this.#tell("bc"));
  }

  // What is played goes on, or is tried again.
  warn(code) {
    this.#error = code;
    this.#tell("e");
  }

  // It is over for good.
  fail(code) {
    this.#error = code;
    this.#become("f", "e");
  }

  leave() {
    if (this.#isOver) return;
    this.#goAway();
    this.#isOver = true;
    for (const end of this.#endings.splice(0)) end();
  }

  #listen() {
    const on = (target, name, action) => {
      target.addEventListener(name, action);
      this.#endings.push(() => target.removeEventListener(name, action));
    };
    on(this.#video, "play", () => this.#state === "d" && this.ask());
    on(this.#video, "playing", ({ timeStamp }) => this.#onPlaying(timeStamp));
    on(this.#video, "waiting", () => this.#onWaiting());
    on(this.#video, "seeking", () => ["p", "a", "e"].includes(this.#state) && this.#become("k"));
    on(this.#video, "seeked", () => this.#state === "k" && this.#onArrived());
    on(this.#video, "pause", () => ["p", "r", "k"].includes(this.#state) && this.#become("a"));
    on(this.#video, "ended", () => this.#become("e"));
    // A page that nobody sees may be gone without another word.
    on(document, "visibilitychange", () => this.#onTurn());
    on(window, "pagehide", () => this.#goAway());
    // It was kept, and somebody has come back.
    on(window, "pageshow", ({ persisted }) => persisted && this.#onReturn());
  }

  get #hasStarted() {
    return this.#startedAt >= 0;
  }

  #onTurn() {
    if (this.#isWanted) this.ask();
    // A page that is left is hidden as well, and another word might overtake the last one.
    if (this.#state !== "q") this.#tell("b", { isLast: document.hidden });
  }

  // `at` is when it began, which a busy page hears of later.
  #onPlaying(at = performance.now()) {
    const now = performance.now();
    if (!this.#hasStarted) {
      // NaN where it has begun before anybody looked.
      this.#startupMs = at - this.#askedAt;
      this.#startedAt = now;
    }
    this.#error = "";
    this.#movedAt = now;
    this.#become("p");
  }

  #onArrived() {
    const { paused, readyState, HAVE_FUTURE_DATA } = this.#video;
    if (paused) this.#become("a");
    else if (readyState >= HAVE_FUTURE_DATA) this.#onPlaying();
  }

  #onWaiting() {
    // Where it has to begin, or was sent elsewhere, it is not for want of media that it does not play.
    if (this.#state !== "p" || this.#video.seeking) return;
    this.#stalls += 1;
    this.#become("r");
  }

  #onReturn() {
    if (!this.#hasStarted) this.#become(this.#askedAt >= 0 ? "s" : "d");
    else this.#become(this.#video.paused ? "a" : "p");
  }

  // Some halts no event tells of.
  #look() {
    const { currentTime, paused, seeking } = this.#video;
    const now = performance.now();
    const isMoving = currentTime !== this.#shownS;
    this.#shownS = currentTime;
    if (isMoving) this.#movedAt = now;
    if (paused || seeking) return;
    if (isMoving && this.#state === "p") this.#error = "";
    if (isMoving && ["r", "k"].includes(this.#state) && this.#hasStarted) this.#onPlaying();
    else if (!isMoving && this.#state === "p" && now - this.#movedAt > LOOK_EVERY_MS) this.#onHalt(now);
    if (this.#state === "p" && now - this.#startedAt > LATENCY_AFTER_MS) this.#noteLatency();
  }

  #onHalt(now) {
    this.#count();
    // It has stood since it moved last.
    const stoodMs = Math.min(now - this.#movedAt, this.#playedMs);
    this.#playedMs -= stoodMs;
    this.#stalledMs += stoodMs;
    this.#stalls += 1;
    this.#become("r");
  }

  #noteLatency() {
    const lateS = this.#seenLateS();
    if (lateS >= 0) this.#latencies.push(lateS * 1000);
  }

  #become(state, event = "ps") {
    if (this.#isOver || state === this.#state) return;
    this.#count();
    this.#state = state;
    // That it has moved before says nothing of whether it does now.
    this.#shownS = this.#video.currentTime;
    this.#tell(event);
  }

  #count() {
    const now = performance.now();
    const passedMs = Math.min(now - this.#countedAt, LONGEST_STEP_MS);
    this.#countedAt = now;
    if (this.#state === "p") this.#playedMs += passedMs;
    if (this.#state === "r") this.#stalledMs += passedMs;
  }

  #place(url) {
    const session = url && new URL(url, location).pathname.match(PLACE)?.[2];
    // With the token that the livestream's has.
    if (session) this.#url = new URL(`${this.#url.pathname.match(PLACE)[1]}${session}/events`, this.#url);
    this.#isPlaced = true;
    this.#post();
  }

  #goAway() {
    if (this.#state === "q") return;
    this.#count();
    // What somebody has given up on because it did not come is a failure.
    this.#state = this.#error && this.#state !== "p" ? "f" : "q";
    this.#tell("ps", { isLast: true });
    this.#state = "q";
  }

  #tell(event, { isLast = false } = {}) {
    if (this.#isOver) return;
    this.#count();
    this.#lines.push(written(this.#said(event)));
    this.#lines.splice(0, this.#lines.length - LINES_KEPT);
    if (isLast) this.#sendAtOnce();
    else this.#post();
  }

  #said(event) {
    const { currentTime, buffered } = this.#video;
    const hls = this.#hls;
    const level = hls?.levels[hls.currentLevel];
    const quality = this.#video.getVideoPlaybackQuality?.();
    const { hidden } = document;
    return {
      e: new Token(event),
      v: 2,
      sid: this.#sid,
      cid: this.#contentId,
      sn: this.#sequence++,
      ts: Date.now(),
      sta: new Token(this.#state),
      bl: [Math.max(0, endOf(buffered, currentTime) - currentTime) * 1000],
      br: level && [level.bitrate / 1000],
      mtp: hls?.bandwidthEstimate && [hls.bandwidthEstimate / 1000],
      pt: hls?.playingDate?.getTime() ?? currentTime * 1000,
      bsa: [this.#stalls],
      bsda: [this.#stalledMs],
      dfa: quality?.droppedVideoFrames,
      "com.livehub-wt": this.#playedMs,
      msd: this.#startupMs,
      ltc: mean(this.#latencies.splice(0)),
      ec: this.#error && [this.#error],
      bg: event === "b" || hidden ? hidden : undefined,
    };
  }

  async #post() {
    // One after the other: each tells of what was before.
    if (!this.#isPlaced || this.#posted.length || !this.#lines.length) return;
    const lines = (this.#posted = this.#lines.splice(0));
    try {
      const response = await fetch(this.#url, {
        method: "POST",
        body: lines.join("\n"),
        headers: { "Content-Type": "text/plain" },
        credentials: "omit",
        keepalive: true,
        signal: AbortSignal.timeout(LONGEST_POST_MS),
      });
      if (AGAIN.has(response.status)) this.#keep(lines);
      else if (this.#lines.length) queueMicrotask(() => this.#post());
    } catch {
      // The network is away: the next event takes these along.
      this.#keep(lines);
    } finally {
      this.#posted = [];
    }
  }

  #keep(lines) {
    this.#lines.unshift(...lines);
    this.#lines.splice(0, this.#lines.length - LINES_KEPT);
  }

  // What is on its way may be lost with the page, or come after this; what is sent twice counts once.
  #sendAtOnce() {
    const lines = [...this.#posted, ...this.#lines.splice(0)].slice(-LINES_KEPT);
    if (!navigator.sendBeacon(this.#url, lines.join("\n"))) this.#keep(lines);
  }

  #every(milliseconds, action) {
    const timer = setInterval(action, milliseconds);
    this.#endings.push(() => clearInterval(timer));
  }
}

// Where a livestream's media are, with a token if there is one; of recordings nobody reports.
function placeOf(src) {
  const url = new URL(src, location);
  return new URL(url.pathname.match(PLACE)[0], url);
}

function endOf(buffered, at) {
  for (let index = 0; index < buffered.length; index++) {
    if (buffered.start(index) <= at + 0.1 && at <= buffered.end(index)) return buffered.end(index);
  }
  return at;
}

function mean(values) {
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : undefined;
}
