// Starts and stops the player of the livestream page as the broadcast comes and goes. The player itself (hls.js and the
// controls are large) is only fetched when there is something to play.

const stage = document.querySelector("[data-player]");
let player = null;
let session = "";
let queue = Promise.resolve();

function wanted() {
  const { playable, session: id } = stage.querySelector(".curtain").dataset;
  return playable === undefined ? "" : id;
}

async function follow() {
  if (wanted() === session) return;
  const before = player;
  player = null;
  session = wanted();
  if (session) before?.stop();
  // Seconds of the broadcast are still to be seen when the server says that it is over.
  else await before?.finish(() => wanted() !== "");
  if (!session) return;
  const { Player } = await import("./player.js");
  if (wanted() !== session) return follow();
  player = new Player(stage);
  player.start();
}

function check() {
  // One change after the other: the import takes a moment, in which the broadcast may already be over.
  queue = queue.then(follow).catch((error) => console.error(error));
}

check();
new MutationObserver(check).observe(stage, {
  attributes: true,
  attributeFilter: ["data-playable", "data-session"],
  childList: true,
  subtree: true,
});
