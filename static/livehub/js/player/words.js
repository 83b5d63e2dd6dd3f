// Lengths of time as viewers read them.

// Above that, one sees a time of day's worth: minutes say more than seconds.
const LONGEST_IN_SECONDS = 60;

// 0:35, 12:05, 1:02:03.
export function asClock(seconds) {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  const rest = String(Math.floor(seconds % 60)).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

// 1.2 s, 35 s, then as a clock.
export function asDelay(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  return seconds < LONGEST_IN_SECONDS ? `${Math.round(seconds)} s` : asClock(seconds);
}
