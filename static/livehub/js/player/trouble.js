// Says what is going on while the picture stands still, instead of a wheel that turns for ever.

// A shorter halt is over before anybody has read of it.
const HALT_MS = 2500;

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
  #isNetworkDown = false;

  constructor(stage, controller, video) {
    this.#stage = stage;
    this.#output = controller.querySelector("[data-trouble]");
    this.#video = video;
  }

  networkFailed() {
    this.#isNetworkDown = true;
  }

  networkWorks() {
    this.#isNetworkDown = false;
  }

  // To be called about every second.
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
    const words = this.#isNetworkDown || !navigator.onLine ? NO_NETWORK : NO_MEDIA;
    this.#stage.toggleAttribute("data-halted", this.isHalted);
    this.#output.hidden = !this.isHalted;
    if (this.isHalted && this.#output.textContent !== words) this.#output.textContent = words;
  }
}
