// Small pictures over the scrub bar: a WebVTT file of cues, each with a part of a larger picture, where the multivariant
// playlist names one. The controls look for a track with this label.

const DATA_ID = "livehub.storyboard";
const AGAIN_MS = 30_000;
// When the broadcast began, by the file; its cues count from there.
const BEGINNING = /^NOTE begins (\S+)$/m;
const CUE = /^([\d:.]+) --> ([\d:.]+).*\n(.+)$/gm;

const seconds = (text) => text.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
const time = (s) => new Date(Math.max(s, 0) * 1000).toISOString().slice(11, 23);

export function showStoryboard(video, hls, sessionData) {
  const named = sessionData?.[DATA_ID]?.URI;
  if (!named) return;
  const url = new URL(named, hls.url);
  let shown = null;
  const show = async () => {
    const response = await fetch(url, { signal: AbortSignal.timeout(AGAIN_MS) });
    if (!response.ok || !video.isConnected) return;
    const track = trackOf(await response.text(), { url, hls });
    if (!track) return;
    shown?.remove();
    video.append(track);
    shown = track;
  };
  const look = () => show().catch((error) => console.info("No pictures for the scrub bar:", error.message));
  const timer = setInterval(look, AGAIN_MS);
  hls.on(hls.constructor.Events.DESTROYING, () => {
    clearInterval(timer);
    shown?.remove();
  });
  hls.once(hls.constructor.Events.FRAG_CHANGED, look);
}

// The player's own time begins wherever the viewer came in.
function trackOf(text, { url, hls }) {
  const begins = Date.parse(text.match(BEGINNING)?.[1]);
  const shiftS = begins && hls.playingDate ? hls.media.currentTime - (hls.playingDate - begins) / 1000 : 0;
  const cues = [...text.matchAll(CUE)].flatMap(([, from, to, picture]) => {
    const [start, end] = [seconds(from) + shiftS, seconds(to) + shiftS];
    return end > 0 ? [`${time(start)} --> ${time(end)}\n${new URL(picture, url)}`] : [];
  });
  if (!cues.length) return null;
  const track = document.createElement("track");
  const file = new Blob([["WEBVTT", ...cues].join("\n\n")], { type: "text/vtt" });
  Object.assign(track, { kind: "metadata", label: "thumbnails", src: URL.createObjectURL(file) });
  track.addEventListener("load", () => URL.revokeObjectURL(track.src), { once: true });
  track.default = true;
  return track;
}
