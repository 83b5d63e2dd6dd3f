// What somebody has opened stays open when the page goes on.

window.htmx?.config.morphIgnore.push("open");
