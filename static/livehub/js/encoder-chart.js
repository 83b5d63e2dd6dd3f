// What an encoder sends, from when the page was opened: [data-chart=encoder], told by the chart of who watches. Nobody
// keeps it; the table that data-source names has what each minute was on average.

import { clockOf, colour, numberWords, plain, pointedAt, sayingIn, sizeOf } from "./chart-kit.js";

const KEPT_S = 3600;
const LEAST_S = 60;
// Between moments further apart nothing was heard: the page was in the background.
const UNBROKEN_S = 15;
const MINUTE_S = 60;
const KILO = 1000;

function mean(values) {
  const known = values.filter((value) => value !== null);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
}

function words([mbps, fps]) {
  if (mbps === null && fps === null) return "not known";
  return [mbps === null ? "" : `${numberWords.format(mbps)} Mbit/s`, fps === null ? "" : `${numberWords.format(fps)} fps`].filter(Boolean).join(", ");
}

export class EncoderChart {
  constructor(element) {
    this.element = element;
    // Moments of [seconds, Mbit/s, fps].
    this.moments = [];
    this.says = sayingIn(element);
    this.sizes = new ResizeObserver(() => this.plot?.setSize(sizeOf(element)));
    this.sizes.observe(element);
  }

  get data() {
    return [0, 1, 2].map((column) => this.moments.map((moment) => moment[column]));
  }

  draw() {
    this.plot?.destroy();
    if (!this.moments.length) return;
    const points = { show: (_, __, first, last) => last - first < 2 };
    const line = (stroke, scale) => ({ stroke: colour(stroke), scale, width: 2, spanGaps: false, points });
    const fromZero = (least) => ({ range: (_, __, most) => [0, Math.max(most * 1.15, least)] });
    const options = {
      ...sizeOf(this.element),
      scales: { x: { time: true, range: (_, first, last) => [Math.min(first, last - LEAST_S), last] }, mbps: fromZero(1), fps: fromZero(10) },
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      axes: [
        plain({ values: (_, splits, __, ___, step) => splits.map((at) => clockOf(at, step)), size: 30, space: 64 }),
        plain({ scale: "mbps", size: 46, space: 34 }),
        plain({ scale: "fps", side: 1, size: 40, space: 34, grid: { show: false } }),
      ],
      series: [{}, line("--accent", "mbps"), line("--good", "fps")],
      hooks: { setCursor: [(plot) => this.say(plot)] },
    };
    this.plot = new uPlot(options, this.data, this.element);
  }

  say(plot) {
    const index = pointedAt(plot);
    this.says.hidden = index === null;
    if (index !== null) this.says.value = `${clockOf(this.moments[index][0])}: ${words(this.moments[index].slice(1))}`;
  }

  goOn({ is_live: isLive, at_ms: atMs, encoder }) {
    const at = (encoder?.at_ms ?? atMs) / KILO;
    const before = this.moments.at(-1)?.[0];
    if (!isLive || (before ? at <= before : !encoder)) return;
    document.querySelector("[data-encoder-word]")?.remove();
    if (before && at - before > UNBROKEN_S) this.moments.push([before + 1, null, null]);
    this.moments.push([at, encoder?.video_kbps ? encoder.video_kbps / KILO : null, encoder?.fps ?? null]);
    this.moments = this.moments.filter(([moment]) => moment >= at - KEPT_S);
    if (before && Math.floor(at / MINUTE_S) > Math.floor(before / MINUTE_S)) this.note(Math.floor(before / MINUTE_S));
    if (this.plot) this.plot.setData(this.data);
    else this.draw();
  }

  // For those who cannot see the line.
  note(minute) {
    const of = this.moments.filter(([at]) => Math.floor(at / MINUTE_S) === minute);
    const row = document.getElementById(this.element.dataset.source).tBodies[0].insertRow();
    const head = Object.assign(document.createElement("th"), { scope: "row", textContent: clockOf(minute * MINUTE_S, MINUTE_S) });
    row.append(head);
    row.insertCell().textContent = words([1, 2].map((column) => mean(of.map((moment) => moment[column]))));
    if (row.parentElement.rows.length > KEPT_S / MINUTE_S) row.parentElement.deleteRow(0);
  }

  end() {
    this.sizes.disconnect();
    this.plot?.destroy();
    this.says.remove();
  }
}
