// What charts have in common.

export const SECOND_MS = 1000;

export const timeWords = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
// As pages write them, whatever the reader's language.
export const numberWords = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
// Beside an axis, where there is room for some characters: 250, 1.5M.
export const axisWords = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 });

export function colour(name) {
  // What a token is in the present scheme; canvases know no light-dark().
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

export function sizeOf(element) {
  const style = getComputedStyle(element);
  const width = element.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  return { width: Math.max(width, 40), height: element.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom) };
}

export function clockOf(seconds, step = 1) {
  const words = timeWords.format(new Date(seconds * SECOND_MS));
  return step < 60 ? words : words.slice(0, 5);
}

// Where a chart says what it was pointed at.
export function sayingIn(element) {
  const says = Object.assign(document.createElement("output"), { className: "chart-says", hidden: true });
  element.append(says);
  return says;
}

export function pointedAt(plot) {
  const index = plot.cursor.left >= 0 ? plot.cursor.idx : null;
  return index === undefined || plot.data[0][index] === undefined ? null : index;
}

export function plain({ stroke = "--ink-3", ...more } = {}) {
  return { stroke: colour(stroke), font: "12px system-ui, sans-serif", grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, ...more };
}
