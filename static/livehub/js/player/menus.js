// What there is to choose from: quality and captions, as plain selects. What was chosen stays for the next broadcast.

const AUTO = "auto";
const OFF = "off";
const FOR_READING = new Set(["captions", "subtitles"]);
// Captions within the picture do not say in which language they are; hls.js would call them English.
export const CAPTION_NAMES = {
  captionsTextTrack1Label: "Captions",
  captionsTextTrack1LanguageCode: "",
  captionsTextTrack2Label: "Captions 2",
  captionsTextTrack2LanguageCode: "",
};

export function offerQualities(controller, hls, chosen) {
  const select = controller.querySelector("[data-quality]");
  const names = hls.levels.map((level) => (level.height ? `${level.height}p` : "Audio only"));
  select.replaceChildren(new Option("Auto", AUTO), ...names.map((name) => new Option(name, name)));
  select.parentElement.hidden = names.length < 2;
  select.onchange = () => {
    chosen.quality = select.value;
    hls.nextLevel = names.indexOf(select.value);
  };
  if (names.includes(chosen.quality)) {
    select.value = chosen.quality;
    hls.currentLevel = names.indexOf(chosen.quality);
  }
  hls.on(hls.constructor.Events.LEVEL_SWITCHED, (_, { level }) => {
    select.options[0].textContent = hls.autoLevelEnabled ? `Auto, ${names[level]}` : "Auto";
  });
}

// By the video's own list of tracks: hls.js and browsers that play HLS by themselves both fill it.
export function offerCaptions(controller, video, chosen) {
  const select = controller.querySelector("[data-captions]");
  const tracks = () => [...video.textTracks].filter((track) => FOR_READING.has(track.kind));
  const apply = () => {
    for (const track of tracks()) track.mode = nameOf(track) === select.value ? "showing" : "disabled";
  };
  const offer = () => {
    const names = tracks().map(nameOf);
    select.replaceChildren(new Option("Captions off", OFF), ...names.map((name) => new Option(name, name)));
    select.value = names.includes(chosen.captions) ? chosen.captions : OFF;
    select.parentElement.hidden = names.length === 0;
    apply();
  };
  select.onchange = () => {
    chosen.captions = select.value;
    apply();
  };
  video.textTracks.addEventListener("addtrack", offer);
  video.textTracks.addEventListener("removetrack", offer);
}

function nameOf(track) {
  return track.label || track.language || "Captions";
}
