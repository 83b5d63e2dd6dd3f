// Names of countries in place of their codes ([data-country]), which stay where a browser knows no name.

const names = new Intl.DisplayNames("en", { type: "region" });

function nameOf(code) {
  try {
    return names.of(code);
  } catch {
    return code;
  }
}

function look() {
  for (const element of document.querySelectorAll("[data-country]")) {
    element.textContent = nameOf(element.dataset.country);
    element.title = element.dataset.country;
    element.removeAttribute("data-country");
  }
}

look();
new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
