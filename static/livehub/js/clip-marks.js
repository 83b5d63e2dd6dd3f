// Marks of a clip, set where the player on the page is: by the clock of its pictures where it is live, else by the file's.
const SAID = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

function whereOnPlayer(isByDate) {
  if (!isByDate) return document.querySelector("video.recorded")?.currentTime.toFixed(3);
  return document.querySelector("[data-player]")?.shownAt?.()?.getTime();
}

function say(form) {
  const output = form.querySelector("[data-marked]");
  if (!output) return;
  const marks = [...form.querySelectorAll("[data-marked-from], [data-marked-until]")].map(({ value }) => value);
  output.textContent = marks.map((mark) => (mark ? SAID.format(new Date(Number(mark))) : "…")).join(" to ");
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-mark]");
  if (!button) return;
  const form = button.closest("[data-clip-marks]");
  const mark = whereOnPlayer(form.dataset.clipMarks === "date");
  if (mark === undefined || mark === null) {
    document.getElementById("announcer").textContent = "The player shows nothing yet.";
    return;
  }
  form.querySelector(`[data-marked-${button.dataset.mark}]`).value = mark;
  say(form);
});
