// Buttons that copy: [data-copy] an element's text, [data-copy-text] a text, [data-copy-with-key] one that needs the
// stream key, which is asked for at that moment and never stands in the page.

const SAID_MS = 1600;

async function fetchKey(url) {
  const token = JSON.parse(document.body.getAttribute("hx-headers:inherited"));
  const response = await fetch(url, { method: "POST", headers: { ...token, Accept: "text/plain" } });
  if (!response.ok || response.redirected) throw new Error(`The stream key was not given: ${response.status}`);
  return response.text();
}

function textOf(button) {
  if (button.dataset.copyText) return Promise.resolve(button.dataset.copyText);
  if (button.dataset.copy) return Promise.resolve(document.querySelector(button.dataset.copy).textContent);
  return fetchKey(button.dataset.keyUrl).then((key) => button.dataset.copyWithKey.replace("{stream_key}", () => key));
}

// Over plain http on another machine browsers offer no clipboard but this old way.
function copyBySelection(text) {
  const focused = document.activeElement;
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "hide";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  // The selection took the focus along.
  focused?.focus();
  if (!done) throw new Error("The browser did not let us copy.");
}

async function copy(button) {
  const text = textOf(button);
  if (!navigator.clipboard) return copyBySelection(await text);
  // A promise inside the item, not awaited before: Safari forgets the click while we wait.
  const blob = text.then((value) => new Blob([value], { type: "text/plain" }));
  return navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
}

function say(button, word) {
  const label = button.querySelector("span");
  button.dataset.label ??= label.textContent;
  label.textContent = word;
  document.getElementById("announcer").textContent = word;
  clearTimeout(button.timer);
  button.timer = setTimeout(() => (label.textContent = button.dataset.label), SAID_MS);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-text], [data-copy-with-key]");
  if (!button) return;
  try {
    await copy(button);
    say(button, "Copied");
  } catch (error) {
    console.warn(error);
    say(button, "Not copied");
  }
});
