// The filters keep the browser's address true, so a reload or a shared link shows the same list: leave out what is empty.

document.addEventListener("htmx:config:request", (event) => {
  const { sourceElement, request } = event.detail.ctx;
  if (!sourceElement.matches?.("[data-filters]")) return;
  for (const [name, value] of [...request.body.entries()]) if (!value) request.body.delete(name);
});
