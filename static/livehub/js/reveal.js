// Passwords that can be looked at while they are typed, since nobody is asked to type them twice.

function show(button, isShown) {
  button.previousElementSibling.type = isShown ? "text" : "password";
  button.querySelector("span").textContent = isShown ? "Hide" : "Show";
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-reveal]");
  if (!button) return;
  show(button, button.previousElementSibling.type === "password");
  button.previousElementSibling.focus();
});

// Else the browser would keep it among the words that it offers for plain fields.
document.addEventListener("submit", () => {
  for (const button of document.querySelectorAll("[data-reveal]")) show(button, false);
});
