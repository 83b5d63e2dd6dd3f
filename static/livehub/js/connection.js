// Says so when nothing has been heard from the server for a while, so that no old number is taken for a new one, and
// when an action could not be sent. Only pages that change by themselves have a [data-poll] to listen to.

const CHECK_MS = 1000;
// The socket sends something every two seconds, if only a sign of life.
const ASK_AFTER_MS = 3000;
const LOST_AFTER_MS = 5000;

const line = document.getElementById("connection");
const refusal = document.getElementById("not-sent");
let heardAt = Date.now();

function poll() {
  return document.querySelector("[data-poll]");
}

function hear() {
  heardAt = Date.now();
  if (!line.hidden) show();
}

function seconds() {
  return Math.floor((Date.now() - heardAt) / 1000);
}

function show() {
  const isLost = Date.now() - heardAt >= LOST_AFTER_MS;
  line.hidden = !isLost;
  document.body.toggleAttribute("data-lost", isLost);
  if (isLost) line.querySelector("[data-since]").textContent = `Last update ${seconds()} s ago.`;
}

function check() {
  // A hidden page has closed its socket on purpose.
  if (!poll() || document.hidden) heardAt = Date.now();
  if (Date.now() - heardAt >= ASK_AFTER_MS) htmx.trigger(poll(), "quiet");
  show();
}

function sayNotSent() {
  // Above an open dialog too.
  refusal.showPopover();
  clearTimeout(refusal.timer);
  refusal.timer = setTimeout(() => refusal.hidePopover(), 8000);
}

document.addEventListener("htmx:ws:after:message:incoming", hear);
document.addEventListener("htmx:after:request", (event) => {
  if (event.detail.ctx.response?.status < 500) hear();
});
document.addEventListener("htmx:error", (event) => {
  const source = event.detail.ctx?.sourceElement;
  // Nobody has asked for what refreshes itself.
  if (source && !source.matches("[data-poll], [data-refresh]")) sayNotSent();
});
// Else the browser would leave the page for one of its own; and htmx, which must not even hear of it, would send what is
// said not to be sent, to be done whenever the server comes to it.
function keepBack(event) {
  if (navigator.onLine && !document.body.hasAttribute("data-lost")) return;
  event.preventDefault();
  event.stopPropagation();
  sayNotSent();
}

document.addEventListener("submit", keepBack, { capture: true });
document.addEventListener("visibilitychange", hear);
setInterval(check, CHECK_MS);
