// The server's clock: the times in the playlists are by it, and the viewer's own may be minutes off.

const ANSWERS_KEPT = 20;

export class ServerClock {
  // By how many ms it was ahead of ours when an answer came that told it exactly, of the newest ones.
  #ahead = [];
  // Between which differences, in ms, the truth lies: `Date` is cut to the second, so each answer says so much only.
  #least = -Infinity;
  #most = Infinity;

  read(request) {
    const said = (name) => request?.getResponseHeader?.(name);
    // Media has it, pages have not.
    const exactS = Number.parseFloat(said("X-Server-Time"));
    if (exactS) this.#readExactly(exactS * 1000);
    else this.#readDate(Date.parse(said("Date")));
  }

  #readExactly(time) {
    this.#ahead.push(time - Date.now());
    this.#ahead.splice(0, this.#ahead.length - ANSWERS_KEPT);
  }

  #readDate(date) {
    if (!date) return;
    const least = date - Date.now();
    // Somebody has set one of the clocks meanwhile: what was known is worth nothing.
    if (least > this.#most || least + 1000 < this.#least) [this.#least, this.#most] = [-Infinity, Infinity];
    this.#least = Math.max(this.#least, least);
    this.#most = Math.min(this.#most, least + 1000);
  }

  // NaN until the server has said something. The answer that was on its way for the shortest time is nearest.
  now() {
    return Date.now() + (this.#ahead.length ? Math.max(...this.#ahead) : (this.#least + this.#most) / 2);
  }
}
