// Draws what a table of the page says: [data-chart], whose data-source is the id of the table. Its rows have their time
// (data-at, seconds since 1970) and value (data-value; empty where it is not known: a gap, never zero). Those of the
// table "<id>-bands" are stretches with something to tell. With data-now the chart goes on by a second each.

const SECOND_MS = 1000;
const ASK_EVERY_MS = 1000;
const MINUTE_S = 60;
const DAY_S = 86400;
// More than an hour of seconds nobody sees apart.
const NOW_POINTS = 3600;
const charts = new Map();
const dark = matchMedia("(prefers-color-scheme: dark)");

const dayWords = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
const timeWords = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const numberWords = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

function colour(name) {
  // What a token is in the present scheme; canvases know no light-dark().
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function number(text) {
  return text ? Number(text) : null;
}

function readRows(table) {
  const rows = [...table.tBodies[0].rows].map((row) => [Number(row.dataset.at), number(row.dataset.value)]);
  rows.sort((a, b) => a[0] - b[0]);
  return [rows.map((row) => row[0]), rows.map((row) => row[1])];
}

function readBands(source) {
  const table = document.getElementById(`${source}-bands`);
  if (!table) return [];
  return [...table.tBodies[0].rows].map((row) => [Number(row.dataset.from), number(row.dataset.until)]);
}

class Chart {
  constructor(element) {
    this.element = element;
    this.isByDay = element.dataset.chart === "days";
    this.data = readRows(document.getElementById(element.dataset.source));
    this.bands = readBands(element.dataset.source);
    this.says = document.createElement("output");
    this.says.className = "chart-says";
    this.says.hidden = true;
    element.append(this.says);
    this.draw();
    this.sizes = new ResizeObserver(() => this.plot.setSize(this.size()));
    this.sizes.observe(element);
    if (element.dataset.now) this.timer = setInterval(() => this.ask(), ASK_EVERY_MS);
  }

  size() {
    const style = getComputedStyle(this.element);
    const width = this.element.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    return { width: Math.max(width, 40), height: this.element.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom) };
  }

  draw() {
    this.plot?.destroy();
    const [line, ink, grid, fill, band] = ["--accent", "--ink-3", "--line", "--accent-soft", "--warn-soft"].map(colour);
    const axis = { stroke: ink, font: "12px system-ui, sans-serif", grid: { stroke: grid, width: 1 }, ticks: { show: false } };
    const options = {
      ...this.size(),
      tzDate: this.isByDay ? (seconds) => uPlot.tzDate(new Date(seconds * SECOND_MS), "UTC") : undefined,
      scales: { x: { time: true }, y: { range: (_, __, most) => [0, Math.max(most * 1.15, this.isByDay ? 0.1 : 1)] } },
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: !this.isByDay } },
      axes: [
        { ...axis, values: (_, splits, __, ___, step) => splits.map((at) => this.timeWords(at, step)), size: 30, space: 64 },
        { ...axis, size: 46, incrs: this.isByDay ? undefined : [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5] },
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
    // A bar has half of its width beyond its middle.
    if (this.isByDay) options.scales.x.range = (_, first, last) => [first - DAY_S / 2, last + DAY_S / 2];
    this.plot = new uPlot(options, this.data, this.element);
  }

  timeWords(at, step) {
    const moment = new Date(at * SECOND_MS);
    if (this.isByDay) return at % DAY_S ? "" : dayWords.format(moment);
    return step < 60 ? timeWords.format(moment) : timeWords.format(moment).slice(0, 5);
  }

  drawBands(plot, band) {
    const { ctx, bbox } = plot;
    for (const [from, until] of this.bands) {
      const left = Math.max(plot.valToPos(from, "x", true), bbox.left);
      const right = Math.min(until === null ? bbox.left + bbox.width : plot.valToPos(until, "x", true), bbox.left + bbox.width);
      if (right <= left) continue;
      ctx.fillStyle = band;
      ctx.fillRect(left, bbox.top, Math.max(right - left, 2), bbox.height);
    }
  }

  say(plot) {
    const index = plot.cursor.left >= 0 ? plot.cursor.idx : null;
    const at = index === null || index === undefined ? undefined : this.data[0][index];
    this.says.hidden = at === undefined;
    if (at === undefined) return;
    const value = this.data[1][index];
    const known = value === null ? "not known" : this.isByDay ? `${numberWords.format(value)} h` : numberWords.format(value);
    this.says.value = `${this.isByDay ? dayWords.format(new Date(at * SECOND_MS)) : timeWords.format(new Date(at * SECOND_MS))}: ${known}`;
  }

  async ask() {
    if (document.hidden || this.isAsking) return;
    this.isAsking = true;
    try {
      const answer = await fetch(this.element.dataset.now, { headers: { Accept: "application/json" } });
      if (answer.ok) this.goOn(await answer.json());
    } catch {
      // It asks again in a second, and the page says itself that there is no connection.
    } finally {
      this.isAsking = false;
    }
  }

  goOn({ is_live: isLive, now }) {
    if (!isLive) clearInterval(this.timer);
    const words = document.querySelector("[data-watching-now]");
    if (words) {
      const count = Object.assign(document.createElement("b"), { className: "num", textContent: now ? now.counted + now.estimated : "" });
      if (now) words.replaceChildren(count, " watching now");
      else words.textContent = isLive ? "not known at the moment" : "it is over";
    }
    const [times, values] = this.data;
    const at = (now ? now.at_ms : Date.now()) / SECOND_MS;
    if (at <= times.at(-1)) return;
    // The minute that goes on is not known as a whole; from now on its seconds are.
    if (now && !this.isGoingOn) while (values.at(-1) === null && at - times.at(-1) < 2 * MINUTE_S) [times, values].forEach((each) => each.pop());
    this.isGoingOn ||= Boolean(now);
    // Where nobody knew for a while there is a gap.
    times.push(at);
    values.push(now ? now.counted + now.estimated : null);
    if (times.length > NOW_POINTS) {
      times.shift();
      values.shift();
    }
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
    if (element.isConnected) continue;
    chart.end();
    charts.delete(element);
  }
  for (const element of document.querySelectorAll("[data-chart]")) {
    if (!charts.has(element) && element.offsetParent && document.getElementById(element.dataset.source)) charts.set(element, new Chart(element));
  }
}

look();
new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
dark.addEventListener("change", () => charts.forEach((chart) => chart.draw()));
