// Dictionaries of Structured Fields (RFC 8941), as Common Media Client Data is sent.

// A word without quotes.
export class Token {
  constructor(word) {
    this.word = word;
  }
}

// What is not known is left out; numbers are counts, texts are cut to what may be sent.
export function written(members) {
  return Object.keys(members)
    .sort()
    .map((key) => [key, members[key]])
    .filter(([, value]) => value !== undefined && value !== "" && !Number.isNaN(value))
    .map(([key, value]) => (value === true ? key : `${key}=${item(value)}`))
    .join(",");
}

function item(value) {
  if (Array.isArray(value)) return `(${value.map(item).join(" ")})`;
  if (value instanceof Token) return value.word;
  if (typeof value === "number") return String(Math.max(0, Math.round(value)));
  if (typeof value === "boolean") return value ? "?1" : "?0";
  return `"${value.replace(/[^ -~]/g, "").replace(/["\\]/g, "\\$&")}"`;
}
