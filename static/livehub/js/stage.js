// Starts and stops the player of a page as the broadcast comes and goes, and with it the stage itself: a meeting's page
// gets another one for each livestream. The player (hls.js and the controls are large) is only fetched when there is
// something to play.

let stage = null;
let player = null;
let session = "";
// The broadcast that somebody wants to see again.
let replayed = "";
let queue = Promise.resolve();

function wanted() {
  const { playable, session: id, recording } = stage?.querySelector(".curtain").dataset ?? {};
  if (playable !== undefined) return id;
  return recording && recording === replayed ? recording : "";
}

// Take the stage that the page has now; what is on another one is over.
function enter() {
  const shown = document.querySelector("[data-player]");
  if (shown === stage) return;
  player?.stop();
  player = null;
  session = "";
  stage = shown;
}

async function follow() {
  enter();
  if (wanted() === session) return;
  const before = player;
  player = null;
  session = wanted();
  if (session) before?.stop();
  // Seconds of the broadcast are still to be seen when the server says that it is over.
  else await before?.finish(() => !stage.isConnected || wanted() !== "");
  if (!session) return;
  const { Player } = await import("./player.js");
  if (!stage.isConnected || wanted() !== session) return follow();
  player = new Player(stage);
  player.start();
}

function check() {
  // One change after the other: the import takes a moment, in which the broadcast may already be over.
  queue = queue.then(follow).catch((error) => console.error(error));
}

check();
document.addEventListener("click", ({ target }) => {
  if (!target.closest("[data-replay]")) return;
  replayed = stage.querySelector(".curtain").dataset.recording;
  check();
});
new MutationObserver(check).observe(document.getElementById("main"), {
  attributes: true,
  attributeFilter: ["data-playable", "data-session", "data-recording"],
  childList: true,
  subtree: true,
});
