// The server's clock: the times in the playlists are by it, and the viewer's own may be minutes off.

export class ServerClock {
  // Between which differences, in ms, the truth lies: `Date` is cut to the second, so each answer says so much only.
  #least = -Infinity;
  #most = Infinity;

  read(request) {
    const date = Date.parse(request?.getResponseHeader?.("Date"));
    if (!date) return;
    const least = date - Date.now();
    // Somebody has set one of the clocks meanwhile: what was known is worth nothing.
    if (least > this.#most || least + 1000 < this.#least) [this.#least, this.#most] = [-Infinity, Infinity];
    this.#least = Math.max(this.#least, least);
    this.#most = Math.min(this.#most, least + 1000);
  }

  // NaN until the server has said something.
  now() {
    return Date.now() + (this.#least + this.#most) / 2;
  }
}
