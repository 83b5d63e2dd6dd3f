// Draws what a table of the page says: [data-chart], whose data-source is the id of the table. Its rows have their time
// (data-at, seconds since 1970) and value (data-value; empty where it is not known: a gap, never zero). Those of the
// table "<id>-bands" are stretches with something to tell. With data-now the chart goes on by a second each, and with
// data-window-s it forgets what is longer ago. The table, which is told anew meanwhile, knows what no second was asked of.

import { axisWords, clockOf, colour, numberWords, plain, pointedAt, sayingIn, SECOND_MS, sizeOf } from "./chart-kit.js";
import { EncoderChart } from "./encoder-chart.js";

const ASK_EVERY_MS = 1000;
const LONGEST_MS = 10_000;
const DAY_S = 86400;
// More than an hour of seconds nobody sees apart.
const NOW_POINTS = 3600;
const LEAST_S = 60;
// Between seconds further apart than this one nobody asked: the page was in the background.
const UNBROKEN_S = 5;
// There are no half viewers.
const WHOLE = [0, 1, 2, 3, 4, 5, 6].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));
const charts = new Map();
const dark = matchMedia("(prefers-color-scheme: dark)");

const dayWords = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
function number(text) {
  return text ? Number(text) : null;
}

// Steps are [when they begin, value, how long they are].
function readRows(table, stepS) {
  return [...table.tBodies[0].rows].map((row) => [Number(row.dataset.at), number(row.dataset.value), stepS]);
}

function readBands(source) {
  const rows = document.getElementById(`${source}-bands`)?.tBodies[0].rows ?? [];
  return [...rows].map((row) => ({ from: Number(row.dataset.from), until: number(row.dataset.until), reason: row.cells[0].textContent }));
}

// The seconds; steps in which none is known; and a gap wherever nobody asked for a while, or nobody knew.
function joined(steps, seconds, stepS) {
  const stepOf = ([at]) => Math.floor(at / stepS);
  const isKnown = ([, value]) => value !== null;
  const told = new Set(seconds.filter(isKnown).map(stepOf));
  const others = steps.filter((step) => !told.has(stepOf(step)));
  const filled = new Set(others.filter(isKnown).map(stepOf));
  const whole = [];
  for (const row of [...others, ...seconds.filter((second) => !filled.has(stepOf(second)))].sort((a, b) => a[0] - b[0])) {
    const before = whole.at(-1);
    const isBroken = before && row[0] - before[0] > before[2] + UNBROKEN_S;
    // A step is as long as it is, also where nothing is known of what follows: else one alone would not be seen.
    if (before?.[2] > 1 && isKnown(before) && (isBroken || !isKnown(row))) whole.push([before[0] + before[2] - 1, before[1], 1]);
    if (isBroken) whole.push([before[0] + before[2], null, 0]);
    whole.push(row);
  }
  return [whole.map(([at]) => at), whole.map(([, value]) => value)];
}

// The number beside the chart.
function tell(isLive, total, now) {
  const words = document.querySelector("[data-watching-now]");
  const estimated = document.querySelector("[data-estimated-now]");
  if (estimated) estimated.textContent = now ? numberWords.format(now.estimated) : "–";
  if (words?.matches("dd")) words.textContent = now ? numberWords.format(total) : "–";
  else if (words && now) words.replaceChildren(Object.assign(document.createElement("b"), { className: "num", textContent: numberWords.format(total) }), " watching now");
  else if (words) words.textContent = isLive ? "not known at the moment" : "it is over";
}

class Chart {
  constructor(element) {
    this.element = element;
    this.isByDay = element.dataset.chart === "days";
    this.seconds = [];
    this.read();
    this.says = sayingIn(element);
    this.draw();
    this.sizes = new ResizeObserver(() => this.plot.setSize(sizeOf(element)));
    this.sizes.observe(element);
    if (element.dataset.now) this.timer = setInterval(() => this.ask(), ASK_EVERY_MS);
  }

  // What the page says by now.
  read() {
    const { source, windowS } = this.element.dataset;
    const table = document.getElementById(source);
    if (!table) return;
    if (table !== this.table) this.bands = readBands(source);
    this.table = table;
    const stepS = Number(table.dataset.step ?? DAY_S);
    const steps = readRows(table, stepS);
    // What the table itself calls a value, where a number alone would be too coarse.
    this.words = new Map([...table.tBodies[0].rows].map((row) => [Number(row.dataset.at), row.dataset.words]));
    // By the server's clock, as all times here.
    const since = windowS ? Math.max(...[...steps, ...this.seconds.slice(-1)].map(([at]) => at)) - Number(windowS) : -Infinity;
    this.seconds = this.seconds.filter(([at]) => at >= since).slice(-NOW_POINTS);
    this.data = joined(steps.filter(([at]) => at >= since), this.seconds, stepS);
  }

  // The table is another one.
  hear() {
    const table = document.getElementById(this.element.dataset.source);
    if (!table || table === this.table) return;
    this.read();
    this.plot.setData(this.data);
  }

  draw() {
    this.plot?.destroy();
    const [line, band] = ["--accent", "--warn-soft"].map(colour);
    // What happened meanwhile is seen through it.
    const fill = line.replace("rgb(", "rgba(").replace(")", ", 0.12)");
    const options = {
      ...sizeOf(this.element),
      tzDate: this.isByDay ? (seconds) => uPlot.tzDate(new Date(seconds * SECOND_MS), "UTC") : undefined,
      scales: { x: { time: true }, y: { range: (_, __, most) => [0, Math.max(most * 1.15, this.isByDay ? 0.1 : 1)] } },
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: !this.isByDay } },
      axes: [
        plain({ values: (_, splits, __, ___, step) => splits.map((at) => this.timeWords(at, step)), size: 30, space: 64 }),
        plain({ size: 46, incrs: this.isByDay ? undefined : WHOLE, values: (_, splits) => splits.map((value) => axisWords.format(value)) }),
      ],
      series: [
        {},
        {
          stroke: line,
          width: this.isByDay ? 0 : 2,
          fill: this.isByDay ? line : fill,
          spanGaps: false,
          points: { show: (_, __, first, last) => !this.isByDay && last - first < 2 },
          paths: this.isByDay ? uPlot.paths.bars({ size: [0.7, 44], radius: 0.1 }) : undefined,
        },
      ],
      hooks: { drawClear: [(plot) => this.drawBands(plot, band)], setCursor: [(plot) => this.say(plot)] },
    };
    // A bar has half of its width beyond its middle; and what has just begun is not as wide as a day.
    options.scales.x.range = this.isByDay ? (_, first, last) => [first - DAY_S / 2, last + DAY_S / 2] : (_, first, last) => [Math.min(first, last - LEAST_S), last];
    this.plot = new uPlot(options, this.data, this.element);
  }

  timeWords(at, step) {
    if (!this.isByDay) return clockOf(at, step);
    return at % DAY_S && step ? "" : dayWords.format(new Date(at * SECOND_MS));
  }

  drawBands(plot, band) {
    const { ctx, bbox } = plot;
    ctx.fillStyle = band;
    for (const { from, until } of this.bands) {
      const left = Math.max(plot.valToPos(from, "x", true), bbox.left);
      const right = Math.min(until === null ? bbox.left + bbox.width : plot.valToPos(until, "x", true), bbox.left + bbox.width);
      // A moment can be seen, too.
      if (right >= left) ctx.fillRect(left, bbox.top, Math.max(right - left, 3), bbox.height);
    }
  }

  say(plot) {
    const index = pointedAt(plot);
    this.says.hidden = index === null;
    if (index === null) return;
    const [at, value] = this.data.map((row) => row[index]);
    const known = value === null ? "not known" : (this.words.get(at) ?? numberWords.format(value));
    const band = this.bands.find(({ from, until }) => from - 1 <= at && at <= (until ?? Infinity) + 1);
    this.says.value = `${this.timeWords(at)}: ${known}${band ? `, ${band.reason}` : ""}`;
  }

  async ask() {
    if (document.hidden || this.isAsking) return;
    this.isAsking = true;
    try {
      const answer = await fetch(this.element.dataset.now, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(LONGEST_MS) });
      if (!answer.ok) return;
      const glance = await answer.json();
      this.goOn(glance);
      for (const chart of charts.values()) if (chart instanceof EncoderChart) chart.goOn(glance);
    } catch {
      // It asks again in a second, and the page says itself that there is no connection.
    } finally {
      this.isAsking = false;
    }
  }

  goOn({ is_live: isLive, at_ms: atMs, now, interruptions }) {
    if (!isLive) clearInterval(this.timer);
    this.bands = interruptions.map(({ from_ms: from, until_ms: until, reason }) => ({ from: from / SECOND_MS, until: until && until / SECOND_MS, reason }));
    const total = now ? now.counted + now.estimated : null;
    tell(isLive, total, now);
    const at = (now?.at_ms ?? atMs) / SECOND_MS;
    if (isLive && at > (this.seconds.at(-1)?.[0] ?? 0)) this.seconds.push([at, total, 1]);
    this.read();
    this.plot.setData(this.data);
  }

  end() {
    clearInterval(this.timer);
    this.sizes.disconnect();
    this.plot.destroy();
    this.says.remove();
  }
}

function look() {
  for (const [element, chart] of charts) {
    chart.hear?.();
    if (element.isConnected) continue;
    chart.end();
    charts.delete(element);
  }
  for (const element of document.querySelectorAll("[data-chart]")) {
    if (!charts.has(element) && element.offsetParent && document.getElementById(element.dataset.source)) charts.set(element, element.dataset.chart === "encoder" ? new EncoderChart(element) : new Chart(element));
  }
}

look();
new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
dark.addEventListener("change", () => charts.forEach((chart) => chart.draw()));
