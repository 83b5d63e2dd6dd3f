// Says what is going on while the picture stands still, instead of a wheel that turns for ever.

// A shorter halt is over before anybody has read of it.
const HALT_MS = 2500;
// What is to be shown first comes over networks of all kinds: the player is not sure before that nothing comes.
const FIRST_HALT_MS = 8000;
// A playlist that waits for media which does not come is asked for anew: one that is given up is no lost connection.
const NETWORK_DOWN_MS = 1500;

const NO_MEDIA = "The picture has stopped coming. It goes on here by itself.";
const NO_NETWORK = "No connection to LiveHub. The picture goes on by itself when it is back.";

export class Trouble {
  isHalted = false;
  // The picture has advanced since the last look.
  isMoving = false;
  #stage;
  #output;
  #video;
  #shownS = NaN;
  #movedAt = performance.now();
  #edgeS = undefined;
  #downSince = Infinity;

  constructor(stage, controller, video) {
    this.#stage = stage;
    this.#output = controller.querySelector("[data-trouble]");
    this.#video = video;
  }

  networkFailed() {
    this.#downSince = Math.min(this.#downSince, performance.now());
  }

  networkWorks() {
    this.#downSince = Infinity;
  }

  // To be called about every second before anything was shown. `edgeS` is where the playlist of what is live ends, if it
  // is there: somebody who came when the picture had stopped waits for the same as who saw it stop.
  lookForFirst(edgeS) {
    if (edgeS === undefined || edgeS !== this.#edgeS) this.#movedAt = performance.now();
    this.#edgeS = edgeS;
    this.isHalted = this.haltedMs > FIRST_HALT_MS;
    this.#show();
  }

  // To be called about every second from then on.
  look() {
    const { currentTime, paused, ended } = this.#video;
    this.isMoving = currentTime !== this.#shownS;
    this.#shownS = currentTime;
    if (this.isMoving || paused || ended) this.#movedAt = performance.now();
    this.isHalted = this.haltedMs > HALT_MS;
    this.#show();
  }

  get haltedMs() {
    return performance.now() - this.#movedAt;
  }

  #show() {
    const isNetworkDown = !navigator.onLine || performance.now() - this.#downSince > NETWORK_DOWN_MS;
    const words = isNetworkDown ? NO_NETWORK : NO_MEDIA;
    this.#stage.toggleAttribute("data-halted", this.isHalted);
    this.#output.hidden = !this.isHalted;
    if (this.isHalted && this.#output.textContent !== words) this.#output.textContent = words;
  }
}
