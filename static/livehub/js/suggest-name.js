// The name that a new livestream is offered tells the time of its reader, whose zone the server does not know.

const moment = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

function suggest(root) {
  const field = root.querySelector("[data-suggested]");
  if (!field || field.value !== field.dataset.suggested) return;
  field.value = `Livestream of ${moment.format(new Date())}`;
  field.select();
}

suggest(document);
document.addEventListener("htmx:after:swap", (event) => suggest(event.detail.ctx.target));
