// <time data-time> in the reader's words: "3 min ago", "for 1 h 24 min", with the exact time on hover.
// The server writes exact UTC; that stays for whoever has no JavaScript, and comes back with each live update, so an
// observer rewrites it before the browser paints. Times are the server's: the reader's clock may be minutes off.

import { ServerClock } from "./player/clock.js";

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const minute = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const second = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const TICK_MS = 1000;
const WEEK_S = 7 * 86400;

const server = new ServerClock();

// Until the server has answered once, the reader's own clock has to do.
function now() {
  return server.now() || Date.now();
}

function readClock(headers) {
  server.read({ getResponseHeader: (name) => headers.get(name) });
}

function two(number) {
  return String(number).padStart(2, "0");
}

function duration(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

function rough(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

const WORDS = {
  ago: (at, seconds) => (seconds < 3 ? "just now" : seconds < WEEK_S ? `${rough(seconds)} ago` : day.format(at)),
  since: (at, seconds) => (seconds < 2 * WEEK_S ? `for ${duration(seconds)}` : `since ${day.format(at)}`),
  length: (at, seconds) => duration(seconds),
  until: (at, seconds) => (seconds < 0 ? `in ${rough(-seconds)}` : `${rough(seconds)} ago`),
  // What is to be done then.
  due: (at, seconds) => (seconds < 0 ? `in ${rough(-seconds)}` : "now"),
  // Counted down: 0:42 left.
  left: (at, seconds) => (seconds < 0 ? `${Math.floor(-seconds / 60)}:${two(-seconds % 60)} left` : "time is up"),
  exact: (at) => minute.format(at),
  // Of things that follow each other within a minute.
  precise: (at) => second.format(at),
  clock: (at) => clock.format(at),
};
// Those that may lie ahead.
const AHEAD = new Set(["until", "due", "left"]);

function write(element) {
  const at = new Date(element.dateTime);
  const passed = (now() - at) / 1000;
  const seconds = AHEAD.has(element.dataset.time) ? Math.floor(passed) : Math.max(0, Math.floor(passed));
  const text = WORDS[element.dataset.time](at, seconds);
  if (element.textContent !== text) element.textContent = text;
  const title = exact.format(at);
  if (element.title !== title) element.title = title;
}

function writeAll() {
  // Nobody knows whether it still is so.
  if (document.body.hasAttribute("data-lost")) return;
  document.querySelectorAll("time[data-time]").forEach(write);
}

document.addEventListener("htmx:after:request", ({ detail }) => {
  if (detail.ctx.response) readClock(detail.ctx.response.headers);
});
// What the first times are written by. Where nobody answers, the page says so itself.
fetch(import.meta.url, { method: "HEAD", cache: "no-store" }).then(({ headers }) => { readClock(headers); writeAll(); }, () => {});

writeAll();
setInterval(writeAll, TICK_MS);
new MutationObserver(writeAll).observe(document.body, { childList: true, characterData: true, subtree: true });
