// Shows a dialect's operations, and sends those that a reader tries.

const place = document.querySelector("#operations");
const dark = matchMedia("(prefers-color-scheme: dark)");

// Swagger UI's own name for it.
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

// On a phone the dialects do not all fit.
document.querySelector("nav [aria-current]").scrollIntoView({ block: "nearest", inline: "center" });

window.SwaggerUIBundle({
  domNode: place,
  url: place.dataset.schemaUrl,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: -1,
  // Nothing of it is sent anywhere else.
  validatorUrl: null,
  requestInterceptor: (request) => {
    // What a browser sends is accepted as JSON only, with a body or without.
    if (request.method && request.method !== "GET") request.headers["Content-Type"] = "application/json";
    return request;
  },
});
