// Time, layers, colours and keys of the dish.
const SPEEDS = [0.5, 1, 2, 4, 8]; // Hours of the clock in a second of playing.
const TAILS = [[900, "15 min"], [3600, "1 h"], [10800, "3 h"], [Infinity, "all"]];

function timeIndex() { return Math.max(lastBefore(page.times, page.state.time), 0); }

function stepTo(index) {
  page.setTime(page.times[Math.min(Math.max(index, 0), page.times.length - 1)]);
}

const player = {
  playing: false, speed: 2, clock: 0, last: 0,

  toggle() { if (player.playing) player.stop(); else player.start(); },

  start() {
    const last = page.times[page.times.length - 1];
    if (page.state.time >= last) page.setTime(page.times[0]);
    player.playing = true;
    player.clock = page.state.time;
    player.last = performance.now();
    player.show();
    requestAnimationFrame(player.step);
  },

  stop() {
    player.playing = false;
    player.show();
    announce(clockText(page.state.time));
  },

  step(now) {
    if (!player.playing) return;
    const last = page.times[page.times.length - 1];
    player.clock = Math.min(player.clock + (Math.max(now - player.last, 0) / 1000) * player.speed * 3600, last);
    player.last = now;
    const reached = page.times[Math.max(lastBefore(page.times, player.clock), 0)];
    if (reached !== page.state.time) page.setTime(reached);
    if (player.clock >= last) player.stop();
    else requestAnimationFrame(player.step);
  },

  show() {
    player.button.textContent = player.playing ? "❚❚ Pause" : "▶ Play";
    player.button.setAttribute("aria-pressed", player.playing);
  },
};

function buildTimeline() {
  const count = page.times.length;
  const slider = el("input", {
    type: "range", min: 0, max: count - 1, step: 1, value: timeIndex(), "aria-label": "time",
    id: "time", oninput: () => stepTo(Number(slider.value)),
  });
  const clock = el("output", { class: "clock", for: "time" });
  player.button = el("button", { type: "button", class: "play", onclick: player.toggle, title: "Space" });
  const speed = el("select", { "aria-label": "speed", onchange: () => { player.speed = Number(speed.value); } },
    ...SPEEDS.map((one) => el("option", { value: one, selected: one === player.speed }, `${one} h/s`)));
  const button = (text, label, action) => el("button", { type: "button", "aria-label": label, title: label, onclick: action }, text);
  const shown = (time) => {
    slider.value = timeIndex();
    clock.textContent = clockText(time);
    slider.setAttribute("aria-valuetext", clockText(time));
  };
  page.onTime(shown);
  player.show();
  return el("div", { class: "timeline", role: "group", "aria-label": "time" },
    slider,
    player.button,
    button("‹", "one saved time back (left arrow)", () => stepTo(timeIndex() - 1)),
    button("›", "one saved time on (right arrow)", () => stepTo(timeIndex() + 1)),
    speed, clock);
}

function checkbox(label, layer, swatch) {
  const box = el("input", { type: "checkbox", onchange: () => { page.layers[layer] = box.checked; redraw(); } });
  box.checked = page.layers[layer];
  return el("label", { class: "layer", "data-layer": layer }, box, swatch || null, label);
}

function swatch(kind, colour) { return el("span", { class: `swatch ${kind}`, style: `--own: var(${colour})`, "aria-hidden": "true" }); }

function buildLayers() {
  const some = (test) => page.runs.some(test);
  const cells = page.runs.find((floor) => floor.cells);
  const stroma = page.runs.find((floor) => Object.keys(floor.stroma).length || floor.pixels);
  const name = stroma ? stroma.told.stroma_label : "MSC";
  const list = el("div", { class: "layers" });
  if (some((floor) => floor.told.has_stroma)) list.append(checkbox(el("span", {}, "regions, tinted: ", swatch("ring", "--body"), `${name} `, swatch("ring", "--network"), "network"), "regions"));
  if (some((floor) => floor.stroma.bodies || floor.pixels)) list.append(checkbox(some((floor) => floor.pixels) ? `${name} bodies and networks, as drawn` : `${name} bodies`, "bodies", swatch("disc", "--body")));
  if (some((floor) => floor.stroma.fibres)) list.append(checkbox("retraction fibres", "fibres", swatch("line", "--network")));
  if (some((floor) => floor.stroma.migrasomes)) list.append(checkbox("migrasomes", "migrasomes", swatch("dot", "--network")));
  if (cells) {
    const label = cells.told.cells.label, held = some((floor) => floor.cells && floor.told.has_stroma);
    list.append(
      checkbox(el("span", {}, `${label} cells: `, swatch("ring", "--crawling"), "crawling ", held ? [swatch("ring", "--held"), "held"] : null), "cells"),
      checkbox("their tracks", "tracks", swatch("line track", "--crawling")));
    const tail = el("select", { "aria-label": "length of the tracks", onchange: () => { page.layers.tail = Number(tail.value); redraw(); } },
      ...TAILS.map(([seconds, text]) => el("option", { value: seconds, selected: seconds === page.layers.tail }, text)));
    list.append(el("label", { class: "inline" }, "of the last", tail));
  }
  return list;
}

function buildFields() {
  const root = el("div", { class: "fields" });
  const fields = page.data.fields;
  if (!fields.length) return root.append(el("p", { class: "note" }, "No ligand was solved in this run.")), root;
  const group = el("div", { role: "radiogroup", "aria-label": "field" });
  for (const field of [...fields, { key: null, short: "no field" }]) {
    const box = el("input", { type: "radio", name: "field", value: field.key || "", onchange: () => choose(field.key) });
    box.checked = field.key === page.layers.field;
    group.append(el("label", { class: "layer" }, box, field.short));
  }
  const bar = el("div", { class: "colourbar" });
  const spans = el("select", { "aria-label": "range of the colours", onchange: () => { page.layers.ofThisTime = spans.value === "now"; show(); redraw(); } },
    el("option", { value: "all" }, "of all times"), el("option", { value: "now" }, "of this time"));
  const kinds = el("select", { "aria-label": "colour scale", onchange: () => { page.layers.logarithmic = kinds.value === "log"; show(); redraw(); } },
    el("option", { value: "log" }, "logarithmic"), el("option", { value: "linear" }, "linear"));
  const scaleOf = () => {
    const runs = page.runs.length > 1 ? " and all runs" : "";
    if (page.data.steady) return runs ? "One scale for all runs; " : "On this scale, ";
    return `One scale for ${page.layers.ofThisTime ? "this time" : "all times"}${runs}; `;
  };
  const choose = (key) => { page.layers.field = key; show(); redraw(); };
  const show = () => {
    const field = fields.find((one) => one.key === page.layers.field);
    if (!field) return bar.replaceChildren(el("p", { class: "note" }, "The floor is grey."));
    if (field.even) {
      return bar.replaceChildren(el("p", { class: "note" }, `${field.label}: the same all over the floor, so it is not drawn; point at the floor for its value.`));
    }
    const lows = page.runs.filter((floor) => floor.fields[field.key]).map((floor) => lowText(field, floor, page.state.time));
    if (page.layers.ofThisTime && lows.every(Boolean)) {
      return bar.replaceChildren(el("p", { class: "note" }, `${field.label}: ${lows[0]} everywhere at this time.`));
    }
    const [low, high] = colourEnds(field).map((code) => valueOf(field.scale, code));
    const log = page.layers.logarithmic;
    const ramp = page.data.colours.filter((_, n) => n % 8 === 0 || n === 255).map((rgb) => `rgb(${rgb.join()})`);
    const ticks = ticksOf(low, high, log);
    const largest = valueOf(field.scale, field.scale.top);
    bar.replaceChildren(
      el("p", { class: "bar-name" }, `${field.label} [${field.unit}]`),
      el("div", { class: "ramp", style: `background: linear-gradient(to right, ${ramp.join()})` }),
      el("div", { class: "ticks" }, ...ticks.map((tick) => {
        const share = log ? Math.log(tick / low) / Math.log(high / low) : (tick - low) / (high - low);
        return tickMark(share, tickText(tick, high - low));
      })),
      el("p", { class: "note" }, `${scaleOf()}places outside it have the colour of its end; at most ${fieldText(field, largest)}. Values are stored in steps of ${numberText(100 * stepShare(field.scale), 2)} %.`));
  };
  show();
  page.onTime(() => { if (page.layers.ofThisTime) show(); });
  root.append(group, bar);
  if (fields.some((field) => !field.even)) root.append(el("div", { class: "inline" }, "colours", spans, kinds));
  return root;
}

// Three to six round values of a colour bar.
function ticksOf(low, high, log) {
  if (log && high / low > 8) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
      for (const digit of high / low > 300 ? [1] : high / low > 30 ? [1, 3] : [1, 2, 5]) {
        const tick = digit * 10 ** power;
        if (tick >= low * 0.999 && tick <= high * 1.001) found.push(tick);
      }
    }
    return found;
  }
  const rough = (high - low) / 6, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= rough);
  const found = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high * (1 + 1e-9); n += 1) found.push(n * step);
  return found;
}

// A number below a colour bar, kept within it at its ends.
function tickMark(share, text) {
  const back = share < 0.04 ? 0 : share > 0.96 ? 100 : 50;
  return el("span", { style: `left: ${(100 * share).toFixed(2)}%; transform: translateX(-${back}%)` }, text);
}

function tickText(tick, span) {
  const digits = Math.max(2, Math.ceil(Math.log10(Math.abs(tick) / span)) + 2);
  return numberText(tick, Math.min(digits, 9));
}

function buildQuantities() {
  const root = el("div", { class: "quantities" });
  const own = page.data.quantities.filter((quantity) => quantity.scales.migrasomes);
  if (!own.length || !page.runs.some((floor) => floor.stroma.migrasomes)) return null;
  const choice = el("select", { id: "colour-by", onchange: () => { page.layers.colourBy = choice.value; show(); redraw(); } },
    el("option", { value: "" }, "one colour"),
    ...own.map((quantity) => el("option", { value: quantity.key, selected: quantity.key === page.layers.colourBy }, quantity.label)));
  const bar = el("div", { class: "colourbar" });
  const show = () => {
    const quantity = own.find((one) => one.key === page.layers.colourBy);
    const ramp = page.data.cargo_colours.map((rgb) => `rgb(${rgb.join()})`).filter((_, n) => n % 8 === 0);
    const mark = document.querySelector("[data-layer=migrasomes] .swatch");
    if (mark) mark.style.background = quantity ? `linear-gradient(to right, ${ramp.join()})` : "";
    if (!quantity) return bar.replaceChildren();
    const scale = quantity.scales.migrasomes, [low, high] = [scale.low, valueOf(scale, scale.top)];
    const empty = page.runs.some(({ stroma: { migrasomes } }) => migrasomes && migrasomes.quantities[quantity.key] && !migrasomes.quantities[quantity.key].some);
    bar.replaceChildren(
      el("p", { class: "bar-name" }, `${quantity.label} of a migrasome [${quantity.unit}]`),
      el("div", { class: "ramp", style: `background: linear-gradient(to right, ${ramp.join()})` }),
      high > low ? el("div", { class: "ticks" }, ...ticksOf(low, high, true).map((tick) =>
        tickMark(Math.log(tick / low) / Math.log(high / low), numberText(tick, 2)))) : el("p", { class: "note" }, `all ${numberText(low, 2)}`),
      el("p", { class: "note" }, `Stored in steps of ${numberText(100 * stepShare(scale), 2)} %; those below ${numberText(low, 2)} have the colour of its lower end.${empty ? " Green: without any." : ""}`));
  };
  queueMicrotask(show); // Again when the layers' marks are there.
  root.append(el("label", { class: "inline" }, "migrasomes by", choice), bar);
  return root;
}

// Steps in which places are stored.
function placesText() {
  const coarsest = (arrays) => Math.max(0, ...arrays.filter(Boolean).map((own) => own.scale.step));
  const stroma = page.runs.map(({ told }) => told.stroma);
  const places = [...page.runs.map(({ told }) => told.cells), ...stroma.flatMap((own) => [own.bodies, own.migrasomes])];
  const steps = coarsest(places.map((own) => own && own.x)), fibres = coarsest(stroma.map((own) => own.fibres && own.fibres.x));
  return [[steps, "Places of cells, bodies and migrasomes"], [fibres, "Places of fibres"]]
    .filter(([step]) => step > 0).map(([step, what]) => `${what} are stored in steps of ${numberText(step, 2)} µm.`).join(" ");
}

function buildZoom() {
  const button = (text, label, action) => el("button", { type: "button", "aria-label": label, title: label, onclick: action }, text);
  return el("div", { class: "zoom", role: "group", "aria-label": "zoom" },
    button("+", "zoom in (+)", () => zoomBy(ZOOM_STEP)),
    button("−", "zoom out (-)", () => zoomBy(1 / ZOOM_STEP)),
    button("Whole dish", "whole dish (0)", () => { page.view = { x: 0.5, y: 0.5, zoom: 1 }; moveView(0, 0); }));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !page.runs.length) return;
  const { target } = event, tag = target.tagName;
  const typing = (tag === "INPUT" && !["range", "checkbox", "radio"].includes(target.type)) || tag === "SELECT" || tag === "TEXTAREA";
  if (typing) return;
  const pressed = tag === "BUTTON" || tag === "SUMMARY" || tag === "A" || target.type === "checkbox" || target.type === "radio";
  const keys = {
    " ": player.toggle,
    ArrowLeft: () => stepTo(timeIndex() - 1), ArrowRight: () => stepTo(timeIndex() + 1),
    Home: () => stepTo(0), End: () => stepTo(page.times.length - 1),
    "+": () => zoomBy(ZOOM_STEP), "=": () => zoomBy(ZOOM_STEP), "-": () => zoomBy(1 / ZOOM_STEP),
    0: () => { page.view = { x: 0.5, y: 0.5, zoom: 1 }; moveView(0, 0); },
  };
  if (!(event.key in keys) || (event.key === " " && pressed) || (target.type === "radio" && event.key.startsWith("Arrow"))) return;
  if (document.getElementById("dish").classList.contains("hidden")) return;
  event.preventDefault();
  keys[event.key]();
});

if ((page.data.runs || []).length) page.addTab("dish", "Dish", (section) => {
  page.panels = page.runs.map((floor) => new Panel(floor));
  const panels = el("div", { class: `panels of-${page.panels.length}` }, ...page.panels.map((panel) => panel.root));
  const chosen = buildCells();
  const side = el("aside", { class: "side", "aria-label": "what is shown" },
    chosen,
    el("h3", {}, "Field at the floor"), buildFields(),
    el("h3", {}, "Layers"), buildLayers(), buildQuantities(),
    el("details", { class: "help" }, el("summary", {}, "Keys, and what is shown"),
      el("ul", {},
        el("li", {}, "Space plays, ← and → step, Home and End go to the first and last time."),
        el("li", {}, "Wheel, +, − and 0 zoom; drag to move. Shift and arrows, with the picture in focus, move a cross whose values are read out; Enter chooses the cell there, Escape lets go."),
        el("li", {}, "Each saved time is shown as it was saved: nothing is interpolated in between."),
        el("li", {}, "Fields are those of the lowest layer of the medium. They, and what migrasomes and bodies hold and secrete, are stored in steps of a logarithmic scale each, which are said below the colours; what bodies hold is told where you point."),
        placesText() ? el("li", {}, placesText()) : null,
        el("li", {}, "Migrasomes and cells smaller than a dot are enlarged to one; on a wide floor tracks and the courses of fibres appear as one zooms in."))));
  const stage = el("div", { class: "stage" }, panels, el("div", { class: "dock" },
    page.data.steady || page.times.length < 2 ? null : buildTimeline(), buildZoom()));
  section.append(el("div", { class: "dish" }, stage, side));
  window.addEventListener("resize", resizeAll);
  window.addEventListener("beforeprint", resizeAll);
  new ResizeObserver(resizeAll).observe(panels);
});
