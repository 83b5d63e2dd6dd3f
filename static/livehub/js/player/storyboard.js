// Small pictures over the scrub bar: a WebVTT file of cues, each a picture or a part of one, where the multivariant
// playlist names it. The controls look for a track with this label. Nothing is fetched before somebody points at the bar.

const DATA_ID = "livehub.storyboard";
const AGAIN_MS = 15_000;
const TIMEOUT_MS = 10_000;
const POINTED_AT = "mediapreviewrequest";
// When the first picture was taken, by the file; cues count from there. Of a recording they count as its player does.
const BEGINNING = /^NOTE begins (\S+)$/m;
const CUE = /^([\d:.]+) --> .*\n(.+)$/gm;

const milliseconds = (text) => text.split(":").reduce((sum, part) => sum * 60 + Number(part), 0) * 1000;

export function showStoryboard(controller, hls, sessionData) {
  const named = sessionData?.[DATA_ID]?.URI;
  if (!named) return;
  const url = new URL(named, hls.url);
  const range = controller.querySelector("media-time-range");
  const track = trackOf(controller.querySelector("video"));
  let askedAt = -Infinity;
  let pointedAt = null;
  const look = async () => {
    const pictures = await fetchPictures(url);
    const cues = cuesOf(pictures, hls.latestLevelDetails?.fragments ?? []);
    clear(track);
    for (const cue of cues) track.addCue(cue);
    // Whoever points at the bar meanwhile need not move to see it.
    if (pointedAt !== null && cues.length) range.dispatchEvent(pointing(pointedAt));
  };
  const onPointed = ({ detail }) => {
    pointedAt = detail;
    if (detail === null || performance.now() - askedAt < AGAIN_MS) return;
    askedAt = performance.now();
    look().catch((error) => console.info("No pictures for the scrub bar:", error.message));
  };
  range.addEventListener(POINTED_AT, onPointed);
  hls.on(hls.constructor.Events.DESTROYING, () => {
    range.removeEventListener(POINTED_AT, onPointed);
    clear(track);
  });
}

function pointing(detail) {
  return new CustomEvent(POINTED_AT, { bubbles: true, composed: true, detail });
}

// A video's tracks are there to stay, whatever is loaded.
function trackOf(video) {
  const isOurs = ({ kind, label }) => kind === "metadata" && label === "thumbnails";
  const track = [...video.textTracks].find(isOurs) ?? video.addTextTrack("metadata", "thumbnails");
  track.mode = "hidden";
  return track;
}

function clear(track) {
  for (const cue of [...(track.cues ?? [])]) track.removeCue(cue);
}

async function fetchPictures(url) {
  const quietly = new URL(url);
  quietly.searchParams.set("quiet", "1");
  const response = await fetch(quietly, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${response.status}`);
  const text = await response.text();
  const begins = text.match(BEGINNING)?.[1];
  return [...text.matchAll(CUE)].map(([, at, picture]) => ({
    at: (begins ? Date.parse(begins) : 0) + milliseconds(at),
    isDated: begins !== undefined,
    picture: new URL(picture, url).href,
  }));
}

// Each picture stands until the next one: the last for as long as nothing newer is known.
function cuesOf(pictures, fragments) {
  if (!fragments.length) return [];
  const places = placesOf(pictures, fragments);
  const ends = [...places.slice(1), Number.MAX_SAFE_INTEGER];
  return pictures.flatMap(({ picture }, number) =>
    places[number] < ends[number] ? [new VTTCue(places[number], ends[number], picture)] : [],
  );
}

// Where in the player's time each was taken. By the playlist's dates: that time begins wherever the viewer came in, and
// leaves out what the broadcast was away for.
function placesOf(pictures, fragments) {
  let next = 0;
  return pictures.map(({ at, isDated }) => {
    if (!isDated) return at / 1000;
    while (fragments[next]?.programDateTime <= at) next += 1;
    const fragment = fragments[Math.max(next - 1, 0)];
    const place = fragment.start + (at - fragment.programDateTime) / 1000;
    return Math.max(Math.min(place, next ? (fragments[next]?.start ?? Infinity) : Infinity), 0);
  });
}
