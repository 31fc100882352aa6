// Starts the page when all scripts are read.
async function start() {
  document.querySelector(".top-tools").append(themeSwitch());
  document.body.append(el("div", { id: "announcement", class: "unseen", "aria-live": "polite" }));
  if (typeof DecompressionStream === "undefined") {
    problem("This browser cannot inflate the data of this page. Use one of 2023 or later.");
    return;
  }
  for (const starter of page.starters) await starter();
  buildTabs();
  if (page.times && page.times.length) page.setTime(page.state.time);
  document.documentElement.dataset.ready = "yes";
}
window.viewer = page;
start().catch((error) => { problem(`This page could not be drawn: ${error.message}.`); throw error; });
