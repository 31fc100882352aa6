// The dish: a canvas for each run, zoomed, moved and asked for values together.
const SHORTEST = 240, MARGIN = 56; // Of a picture, and below it [px].
const NARROW = 760, LEAST = 0.5; // In a narrow window [px] a picture has this share of its height if its width allows.
const LARGEST_ZOOM = 64, ZOOM_STEP = 1.4, PROBE_STEP = 0.02;

page.view = { x: 0.5, y: 0.5, zoom: 1 };
page.state.probe = null; // Shares of the dish's width and length.
page.panels = [];

class Panel {
  constructor(floor) {
    this.floor = floor;
    const { told } = floor;
    this.name = el("h3", { class: "panel-name" }, page.runs.length > 1 ? told.name : told.title);
    this.about = el("p", { class: "note" },
      `${page.runs.length > 1 ? `${told.title}. ` : ""}${told.treatment}, dish of seed ${told.seed}${told.changed ? `; changed: ${told.changed}` : ""}`);
    this.clock = el("p", { class: "panel-clock" });
    this.canvas = el("canvas", {
      role: "img", tabindex: 0,
      "aria-label": "", "aria-describedby": `readout-${floor.index}`,
    });
    this.tip = el("div", { class: "tip", "aria-hidden": "true" });
    this.frame = el("div", { class: "floor" }, this.canvas, this.tip);
    this.readout = el("p", { class: "readout", id: `readout-${floor.index}`, "aria-live": "off" });
    const head = el("div", {}, this.name, this.about, ...told.notes.map((text) => el("p", { class: "notice" }, text)));
    this.root = el("article", { class: "panel" }, head, this.clock, this.frame, this.readout);
    this.pointers = new Map();
    this.listen();
  }

  // Transform from the floor [um] to the canvas [px].
  transform() {
    const { canvas, floor: { dish } } = this, { view } = page;
    const scale = Math.min(canvas.width / dish.width, canvas.height / dish.length) * view.zoom;
    const up = !dish.down, { width, height } = canvas;
    const middleX = view.x * dish.width, middleY = view.y * dish.length;
    const placeX = (x) => width / 2 + (x - middleX) * scale;
    const placeY = up ? (y) => height / 2 - (y - middleY) * scale : (y) => height / 2 + (y - middleY) * scale;
    return {
      scale, up, ratio: this.ratio, placeX, placeY, distance: scale / this.ratio < FAR ? "far" : "near",
      place: (x, y) => [placeX(x), placeY(y)],
      reaches: (px, py, size) => px > -size && py > -size && px < width + size && py < height + size,
      floorAt: (px, py) => [middleX + (px - width / 2) / scale, middleY + (up ? -1 : 1) * ((py - height / 2) / scale)],
      key: [scale, view.x, view.y, width, height].join(),
    };
  }

  // The picture, in whole pixels, within a width and a height.
  resize(wide, tallest) {
    const { dish } = this.floor;
    this.ratio = Math.min(window.devicePixelRatio || 1, 2);
    const height = Math.floor(Math.min((wide * dish.length) / dish.width, tallest));
    const width = Math.floor(Math.min((height * dish.width) / dish.length + 0.5, wide));
    const [w, h] = [Math.round(width * this.ratio), Math.round(height * this.ratio)];
    if (this.canvas.width !== w || this.canvas.height !== h) {
      this.canvas.width = w; this.canvas.height = h;
      this.frame.style.width = `${width}px`;
      this.canvas.style.height = `${height}px`;
    }
  }

  draw() {
    if (!this.ratio) return;
    const time = page.state.time, view = this.transform(), context = this.canvas.getContext("2d");
    this.floor.draw(context, view, time);
    this.drawProbe(context, view);
    const { told } = this.floor;
    const shown = told.frames[this.floor.frameAt(time)];
    const late = time > this.floor.end + SAME_TIME;
    const parts = [clockText(time)];
    if (late) parts.push(`this run has ended at ${timeText(this.floor.end)}, which is shown`);
    else if (time < told.frames[0] - SAME_TIME) parts.push(`its first floor, of ${timeText(told.frames[0])}, is shown`);
    else if (Math.abs(shown - time) > SAME_TIME) parts.push(`floor as saved at ${timeText(shown)}`);
    if (told.cells && this.floor.observationAt(time) < 0) parts.push("no cells yet");
    const field = page.data.fields.find((one) => one.key === page.layers.field);
    const own = field && this.floor.fields[field.key];
    if (field && !own) parts.push(`without ${field.short}, which was not solved`);
    else if (own && lowText(field, this.floor, time)) parts.push(`${field.short}: ${lowText(field, this.floor, time)} everywhere`);
    else if (own && own.flat) parts.push(`${field.short}: ${fieldText(field, own.flat[this.floor.frameAt(time)], true)} everywhere`);
    this.clock.textContent = parts.join("; ");
    this.canvas.setAttribute("aria-label", this.summary(time));
    const { probe } = page.state;
    this.readout.textContent = probe && (probe.pinned || page.panels.length > 1) ? this.valuesText() : "";
  }

  drawProbe(context, view) {
    if (!page.state.probe || (!page.state.probe.pinned && page.panels.length < 2)) return;
    const { dish } = this.floor, { probe } = page.state;
    const [px, py] = view.place(probe.x * dish.width, probe.y * dish.length), size = 9 * view.ratio;
    for (const [width, colour] of [[4, "#ffffff"], [1.6, "#000000"]]) {
      context.beginPath();
      context.moveTo(px - size, py); context.lineTo(px + size, py);
      context.moveTo(px, py - size); context.lineTo(px, py + size);
      context.lineWidth = width * view.ratio;
      context.strokeStyle = colour;
      context.stroke();
    }
  }

  // What a screen reader says of the picture.
  summary(time) {
    const { floor } = this, { told } = floor;
    const parts = [`${told.title}, ${clockText(time)}.`];
    const seen = floor.observationAt(time);
    if (seen >= 0) {
      const { codes } = floor.cells.held, from = seen * floor.cells.count;
      let held = 0;
      for (let n = from; n < from + floor.cells.count; n += 1) held += codes[n];
      parts.push(`${floor.cells.count} ${told.cells.label} cells, ${held} of them held.`);
    }
    const frame = floor.frameAt(time);
    for (const [kind, name] of [["bodies", `${told.stroma_label} bodies`], ["migrasomes", "migrasomes"]]) {
      const own = floor.stroma[kind];
      if (!own) continue;
      parts.push(`${countIn(own.x, own.x.which[frame])} ${name}.`);
    }
    return parts.join(" ");
  }

  place() {
    const { probe } = page.state, { dish } = this.floor;
    return [probe.x * dish.width, probe.y * dish.length];
  }

  // Label and value of everything at the probed place.
  values() {
    const { floor } = this, { told } = floor, time = page.state.time, [x, y] = this.place();
    const found = [["place", `x ${x.toFixed(1)}, y ${y.toFixed(1)} µm`]];
    if ([null, told.regions.outside].includes(floor.regionAt(time, x, y))) return [...found, ["", "outside the dish"]];
    const reach = 5 * this.ratio / this.transform().scale;
    const cell = floor.cellAt(time, x, y, told.cells ? Math.max(0.5 * told.cells.diameter, reach) : 0);
    if (cell >= 0) found.push([`${told.cells.label} cell`, `${told.cells.numbers[cell]}, ${floor.cells.held.code(floor.observationAt(time), cell) ? "held" : "crawling"}`]);
    for (const field of page.data.fields) {
      if (!floor.fields[field.key]) continue;
      found.push([field.short, fieldText(field, floor.fieldValue(field.key, time, x, y), floor.fields[field.key].flat)]);
    }
    found.push(["region", told.regions.labels[floor.regionAt(time, x, y)]]);
    const frame = floor.frameAt(time);
    const of = (kind, n) => Object.entries(floor.stroma[kind] ? floor.stroma[kind].quantities : {}).map(([key, own]) => {
      const quantity = page.data.quantities.find((one) => one.key === key);
      const value = own.at(own.which[frame], n);
      return Number.isNaN(value) ? "" : `${quantity.label} ${scaleText(own.scale, value, quantity.unit)}`;
    }).filter(Boolean).join(", ");
    const body = floor.bodyAt(time, x, y);
    if (body >= 0) found.push([`${told.stroma_label} body`, [String(body), of("bodies", body)].filter(Boolean).join(": ")]);
    const migrasome = floor.migrasomeAt(time, x, y, reach);
    if (migrasome >= 0) found.push(["migrasome", [String(migrasome), of("migrasomes", migrasome)].filter(Boolean).join(": ")]);
    return found;
  }

  valuesText() { return this.values().map(([label, value]) => (label && label !== "place" ? `${label} ${value}` : value)).join(" · "); }

  showTip(event) {
    const rows = this.values();
    this.tip.replaceChildren(...rows.map(([label, value]) => el("div", {}, label && label !== "place" ? el("span", {}, `${label} `) : null, value)));
    const box = this.frame.getBoundingClientRect();
    const x = event.clientX - box.left, y = event.clientY - box.top;
    this.tip.classList.add("shown");
    const wide = this.tip.offsetWidth, high = this.tip.offsetHeight;
    this.tip.style.left = `${Math.max(0, Math.min(x + 14, box.width - wide))}px`;
    this.tip.style.top = `${y + 16 + high > box.height ? Math.max(0, y - high - 12) : y + 16}px`;
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return this.transform().floorAt((event.clientX - box.left) * this.ratio, (event.clientY - box.top) * this.ratio);
  }

  probe(event, pinned) {
    const [x, y] = this.at(event), { dish } = this.floor;
    page.state.probe = { x: x / dish.width, y: y / dish.length, pinned };
  }

  listen() {
    const { canvas, pointers } = this;
    let moved = 0;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse" && event.button !== 0) return;
      pointers.set(event.pointerId, event);
      moved = 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (before) {
        const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
        moved += Math.hypot(dx, dy);
        if (moved > 4 && !canvas.hasPointerCapture(event.pointerId)) canvas.setPointerCapture(event.pointerId);
        if (pointers.size === 2) {
          const other = [...pointers.values()].find((one) => one.pointerId !== event.pointerId);
          const wide = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
          this.zoomAt(event, wide(event) / wide(before));
        } else if (page.view.zoom > 1 && moved > 4) {
          const { scale, up } = this.transform(), { dish } = this.floor;
          moveView(-(dx * this.ratio) / scale / dish.width, ((up ? 1 : -1) * dy * this.ratio) / scale / dish.length);
        }
        pointers.set(event.pointerId, event);
        return;
      }
      if (event.pointerType !== "mouse") return;
      if (!page.state.probe || !page.state.probe.pinned) this.probe(event, false);
      const pinned = page.state.probe;
      const [x, y] = this.at(event), { dish } = this.floor;
      page.state.probe = { x: x / dish.width, y: y / dish.length, pinned: false };
      this.showTip(event);
      if (pinned.pinned) page.state.probe = pinned;
      else redraw();
    });
    canvas.addEventListener("pointerup", (event) => {
      if (!pointers.delete(event.pointerId) || moved > 4) return;
      this.choose(event);
    });
    canvas.addEventListener("pointercancel", (event) => pointers.delete(event.pointerId));
    canvas.addEventListener("pointerleave", (event) => {
      this.tip.classList.remove("shown");
      if (event.pointerType === "mouse" && page.state.probe && !page.state.probe.pinned) {
        page.state.probe = null;
        redraw();
      }
    });
    canvas.addEventListener("dblclick", (event) => { event.preventDefault(); this.zoomAt(event, ZOOM_STEP * ZOOM_STEP); });
    canvas.addEventListener("wheel", (event) => {
      const factor = Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015));
      if (page.view.zoom === 1 && factor < 1) return;
      event.preventDefault();
      this.zoomAt(event, factor);
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const step = PROBE_STEP / page.view.zoom, up = this.floor.dish.down ? -1 : 1;
      const steps = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step * up], ArrowDown: [0, -step * up] };
      if (event.shiftKey && event.key in steps) {
        event.preventDefault();
        event.stopPropagation();
        const from = page.state.probe || { x: page.view.x, y: page.view.y };
        const [dx, dy] = steps[event.key], inside = (share) => Math.min(Math.max(share, 0), 1 - 1e-9);
        page.state.probe = { x: inside(from.x + dx), y: inside(from.y + dy), pinned: true };
        redraw();
        announce(this.valuesText());
      } else if (event.key === "Enter" && page.state.probe) {
        const [x, y] = this.place();
        this.chooseNear(x, y, 30);
      } else if (event.key === "Escape") {
        page.state.probe = null;
        page.setCell(null);
      }
    });
  }

  choose(event) {
    const [x, y] = this.at(event);
    if (event.pointerType !== "mouse") this.probe(event, true);
    else this.probe(event, !(page.state.probe && page.state.probe.pinned));
    if (!this.chooseNear(x, y, (event.pointerType === "mouse" ? 7 : 18) * this.ratio / this.transform().scale)) redraw();
  }

  chooseNear(x, y, reach) {
    const { floor } = this, { told } = floor;
    if (!told.cells) return false;
    const found = floor.cellAt(page.state.time, x, y, Math.max(0.5 * told.cells.diameter, reach));
    if (found < 0) return false;
    if (page.state.probe) page.state.probe.pinned = false;
    page.setCell({ run: floor.index, number: told.cells.numbers[found] });
    return true;
  }

  zoomAt(event, factor) {
    const { view } = page, [x, y] = this.at(event), { dish } = this.floor;
    const zoom = Math.min(Math.max(view.zoom * factor, 1), LARGEST_ZOOM), share = view.zoom / zoom;
    view.x = x / dish.width + (view.x - x / dish.width) * share;
    view.y = y / dish.length + (view.y - y / dish.length) * share;
    view.zoom = zoom;
    moveView(0, 0);
  }
}

// How many are there in a frame of an array of places, counted once.
function countIn(places, frame) {
  const counts = places.counts || (places.counts = []);
  if (counts[frame] === undefined) {
    const codes = places.codes.subarray(frame * places.frame, (frame + 1) * places.frame);
    counts[frame] = codes.reduce((sum, code) => sum + (code !== NOT_THERE), 0);
  }
  return counts[frame];
}

function clockText(time) {
  if (page.data.steady) return "steady state";
  if (time < 0) return `${timeText(-time)} before the cells are added`;
  return `${timeText(time)} ${page.data.clock}`;
}

// A value of a field with the digits that its scale resolves.
function fieldText(field, value, flat) {
  if (Number.isNaN(value)) return "–";
  const digits = Math.min(Math.max(3, Math.ceil(-Math.log10(stepShare(field.scale))) + 1), 9);
  return flat ? `${numberText(value, digits)} ${field.unit}` : scaleText(field.scale, value, field.unit, digits);
}

// A value read from a logarithmic scale; all below it have one code.
function scaleText(scale, value, unit, digits = 2) {
  return value > 0 && value < scale.low * (1 - 1e-9) ? `below ${numberText(scale.low)} ${unit}` : `${numberText(value, digits)} ${unit}`;
}

// By what share two successive values of a logarithmic scale differ.
function stepShare(scale) { return 10 ** scale.step - 1; }

function moveView(dx, dy) {
  const { view } = page, half = 0.5 / view.zoom;
  const kept = (share) => Math.min(Math.max(share, half), 1 - half);
  view.x = kept(view.x + dx);
  view.y = kept(view.y + dy);
  document.querySelectorAll(".floor canvas").forEach((canvas) => { canvas.style.touchAction = view.zoom > 1 ? "none" : "pan-y"; });
  redraw();
}

function zoomBy(factor) {
  page.view.zoom = Math.min(Math.max(page.view.zoom * factor, 1), LARGEST_ZOOM);
  moveView(0, 0);
}

let waiting = 0;
function redraw() {
  if (waiting) return;
  waiting = requestAnimationFrame(() => { waiting = 0; drawNow(); });
}

function drawNow() {
  for (const panel of page.panels) panel.draw();
  page.drawn = (page.drawn || 0) + 1;
}

function resizeAll() {
  const wide = Math.min(...page.panels.map((panel) => Math.floor(panel.root.clientWidth)));
  if (!(wide > 0)) return;
  const above = Math.min(...page.panels.map((panel) => panel.frame.getBoundingClientRect().top)) + window.scrollY;
  const least = window.innerWidth <= NARROW ? LEAST * window.innerHeight : SHORTEST;
  const dock = document.querySelector(".dock").offsetHeight;
  const tallest = Math.max(SHORTEST, least, window.innerHeight - above - dock - MARGIN);
  for (const panel of page.panels) panel.resize(wide, tallest);
  drawNow();
}

page.onTime(() => redraw());
page.onCell((cell) => {
  if (cell && page.view.zoom > 1) {
    const floor = page.runs[cell.run], seen = Math.max(floor.observationAt(page.state.time), 0);
    const n = floor.told.cells.numbers.indexOf(cell.number), { view } = page;
    const [x, y] = [floor.cells.x.at(seen, n) / floor.dish.width, floor.cells.y.at(seen, n) / floor.dish.length];
    if (Math.max(Math.abs(x - view.x), Math.abs(y - view.y)) > 0.45 / view.zoom) {
      Object.assign(view, { x, y });
      moveView(0, 0);
    }
  }
  redraw();
});
themeListeners.push(() => redraw());
