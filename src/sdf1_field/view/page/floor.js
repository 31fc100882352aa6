// One run's floor: its arrays, what is at a place, and its layers on a canvas.
const SAME_TIME = 0.5; // Times closer than this are the same [s].
const NOT_THERE = 65535;
// Radii below which migrasomes and cells would not be seen, near and on a wide floor [px].
const SMALLEST = { near: [1.1, 1.8], far: [0.5, 0.8] };
const LONGEST_FIBRE = 400, LARGEST_MIGRASOME = 20, LONGEST_TRACK = 200; // Reach beyond the view [um].
const BATCH = 64;
const FAR = 0.12; // Pixels of a micrometre below which fibres are straight and tracks are left out.
const RING = 2 * Math.PI;
const TRACK_STROKES = [[2.4, "#000000"], [1.1, "#ffffff"]]; // White on a black edge, seen on all fields [px].

page.layers = {
  field: null, regions: false, bodies: true, fibres: true, migrasomes: true, cells: true,
  tracks: true, colourBy: "", tail: 3600, logarithmic: true, ofThisTime: false,
};

// The last of rising times at or before one; -1 if there is none.
function lastBefore(times, time) {
  let low = 0, high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= time + SAME_TIME) low = middle + 1; else high = middle;
  }
  return low - 1;
}

// Codes at which the colours begin and end: of all times, or of the floors shown, of which all may
// lie below the scale.
function colourEnds(field) {
  if (!page.layers.ofThisTime) return field.colours;
  const shown = page.runs.filter((floor) => floor.fields[field.key] && !floor.fields[field.key].flat)
    .map((floor) => floor.fields[field.key].ends[floor.frameAt(page.state.time)]);
  const seen = shown.filter(([, high]) => high >= field.scale.first);
  return seen.length
    ? [Math.min(...seen.map(([low]) => low)), Math.max(...seen.map(([, high]) => high))]
    : [field.scale.first, field.scale.first + 1];
}

// That a whole floor is below the scale of a field at a time; empty if it is not.
function lowText(field, floor, time) {
  const own = floor.fields[field.key];
  if (!own || own.flat) return "";
  const largest = own.ends[floor.frameAt(time)][1];
  return largest < field.scale.first ? fieldText(field, valueOf(field.scale, largest)) : "";
}

// Colours of a field's codes, as bytes that an image holds: red, green, blue, opaque.
function fieldColours(field) {
  const [low, high] = colourEnds(field);
  const bottom = valueOf(field.scale, low), top = valueOf(field.scale, high);
  const colours = new Uint32Array(256);
  for (let code = 0; code < 256; code += 1) {
    if (code === field.scale.missing) continue;
    const share = page.layers.logarithmic
      ? (code - low) / (high - low)
      : (valueOf(field.scale, code) - bottom) / (top - bottom);
    colours[code] = packed(mapped(page.data.colours, share));
  }
  return colours;
}

function mapped(colours, share) {
  return colours[Math.max(0, Math.min(colours.length - 1, Math.round(share * (colours.length - 1))))];
}

function packed([red, green, blue], alpha = 255) {
  return ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

function rgbOf(name) { return channels(colourOf(name)); }

// Red, green and blue of "#rrggbb" or "rgb(red,green,blue)".
function channels(colour) {
  if (colour.startsWith("rgb")) return colour.match(/\d+/g).map(Number);
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

class Floor {
  constructor(told, index) {
    this.told = told;
    this.index = index;
    this.dish = told.dish;
    this.cellIndex = -1;
  }

  async load() {
    const { told } = this;
    this.fields = {};
    for (const field of page.data.fields) {
      const own = told.fields[field.key];
      if (!own) continue;
      this.fields[field.key] = own.flat ? own : Object.assign(await readable(own, field.scale), { ends: own.ends });
    }
    this.regions = await readable(told.regions, { kind: "linear", low: 0, step: 1, missing: -1 });
    this.stroma = {};
    for (const [kind, arrays] of Object.entries(told.stroma)) {
      const read = {};
      for (const [name, own] of Object.entries(arrays)) {
        if (name === "quantities") continue;
        read[name] = Object.assign(await readable(own), { which: own.which });
      }
      read.quantities = {};
      for (const quantity of page.data.quantities) {
        const own = (arrays.quantities || {})[quantity.key];
        if (!own) continue;
        const values = await readable(own, quantity.scales[kind]);
        read.quantities[quantity.key] = Object.assign(values, { which: own.which, some: !values.codes.includes(0) });
      }
      this.stroma[kind] = read;
    }
    if (told.pixels) this.pixels = await decodeArray(told.pixels);
    if (told.cells) {
      this.cells = {};
      for (const name of ["x", "y", "held", "region", "touches", "under"]) {
        const own = told.cells[name];
        if (own) this.cells[name] = await readable(own, own.scale || { kind: "linear", low: 0, step: 1, missing: -1 });
      }
      this.cells.count = told.cells.numbers.length;
    }
    return this;
  }

  frameAt(time) { return Math.max(lastBefore(this.told.frames, time), 0); }

  observationAt(time) { return this.cells ? lastBefore(this.told.observations, time) : -1; }

  get end() {
    const { frames, observations } = this.told;
    return Math.max(frames[frames.length - 1], observations ? observations[observations.length - 1] : -Infinity);
  }

  // Number of an array's value at a place [um]; null outside the dish.
  gridIndex({ shape }, x, y) {
    const { width, length } = this.dish;
    if (x < 0 || y < 0 || x >= width || y >= length) return null;
    const [nx, ny] = this.told.grid, [, rows, columns] = shape;
    const column = Math.min(Math.floor((x / width) * nx / this.told.step), columns - 1);
    const row = Math.min(Math.floor((y / length) * ny / this.told.step), rows - 1);
    return row * columns + column;
  }

  fieldValue(key, time, x, y) {
    const own = this.fields[key], frame = this.frameAt(time);
    if (!own) return NaN;
    if (own.flat) return own.flat[frame];
    const at = this.gridIndex(own, x, y);
    return at === null ? NaN : own.at(frame, at);
  }

  regionAt(time, x, y) {
    const at = this.gridIndex(this.regions, x, y);
    return at === null ? null : this.regions.code(this.frameAt(time), at);
  }

  bodyAt(time, x, y) {
    if (this.pixels) {
      const code = this.pixelAt(x, y);
      return code >= this.told.pixels.first_body ? code - this.told.pixels.first_body : -1;
    }
    const { bodies } = this.stroma;
    if (!bodies) return -1;
    const frame = this.frameAt(time);
    for (let n = bodies.x.frame - 1; n >= 0; n -= 1) {
      const at = (name) => bodies[name].at(bodies[name].which[frame], n);
      const offX = x - at("x"), offY = y - at("y"), angle = at("angle");
      const along = offX * Math.cos(angle) + offY * Math.sin(angle);
      const across = offY * Math.cos(angle) - offX * Math.sin(angle);
      if ((along / at("semi_major")) ** 2 + (across / at("semi_minor")) ** 2 <= 1) return n;
    }
    return -1;
  }

  pixelAt(x, y) {
    const [, rows, columns] = this.told.pixels.shape;
    if (x < 0 || y < 0 || x >= this.dish.width || y >= this.dish.length) return 0;
    return this.pixels[Math.floor((y / this.dish.length) * rows) * columns
      + Math.floor((x / this.dish.width) * columns)];
  }

  // Nearest migrasome whose edge is within a reach of a place [um]; -1 if there is none.
  migrasomeAt(time, x, y, reach) {
    const { migrasomes } = this.stroma;
    if (!migrasomes) return -1;
    const frame = this.frameAt(time);
    let nearest = -1, least = reach;
    const { x: xs, y: ys, radius } = migrasomes;
    for (let n = 0; n < xs.frame; n += 1) {
      const offX = xs.at(xs.which[frame], n) - x;
      if (!(Math.abs(offX) < LARGEST_MIGRASOME + reach)) continue;
      const off = Math.hypot(offX, ys.at(ys.which[frame], n) - y) - radius.at(radius.which[frame], n);
      if (off <= least) { least = off; nearest = n; }
    }
    return nearest;
  }

  // Nearest cell within a reach of a place [um], as its row; -1 if there is none.
  cellAt(time, x, y, reach) {
    const seen = this.observationAt(time);
    if (seen < 0) return -1;
    let nearest = -1, least = reach;
    for (let n = 0; n < this.cells.count; n += 1) {
      const off = Math.hypot(this.cells.x.at(seen, n) - x, this.cells.y.at(seen, n) - y);
      if (off <= least) { least = off; nearest = n; }
    }
    return nearest;
  }

  // Draw on a canvas whose floor is at view: {scale [px/um], x, y (px of the dish's corner), up}.
  draw(context, view, time) {
    const { width, length } = this.dish, { layers } = page;
    const frame = this.frameAt(time), seen = this.observationAt(time);
    const canvas = context.canvas;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.save();
    context.beginPath();
    const [left, low] = view.place(0, 0), [right, high] = view.place(width, length);
    const box = [Math.min(left, right), Math.min(low, high), Math.abs(right - left), Math.abs(high - low)];
    if (this.dish.round) context.ellipse(box[0] + box[2] / 2, box[1] + box[3] / 2, box[2] / 2, box[3] / 2, 0, 0, RING);
    else context.rect(...box);
    context.fillStyle = colourOf("--no-field");
    context.fill();
    context.clip();
    this.drawField(context, view, frame);
    if (layers.regions) this.drawRegions(context, view, frame);
    this.drawStroma(context, view, frame);
    if (seen >= 0) {
      if (layers.tracks) this.drawTracks(context, view, seen);
      if (layers.cells) this.drawCells(context, view, seen);
      this.drawChosen(context, view, seen);
    }
    context.restore();
    this.drawScaleBar(context, view);
  }

  drawGrid(context, view, shape, paint, key, name) {
    const [rows, columns] = shape;
    const held = this[name] || (this[name] = { canvas: document.createElement("canvas"), key: "" });
    if (held.key !== key) {
      held.canvas.width = columns; held.canvas.height = rows;
      const image = new ImageData(columns, rows);
      paint(new Uint32Array(image.data.buffer));
      held.canvas.getContext("2d").putImageData(image, 0, 0);
      held.key = key;
    }
    const [nx, ny] = this.told.grid, { step } = this.told;
    const across = name === "drawnPixels" ? this.dish.width : (columns * step / nx) * this.dish.width;
    const along = name === "drawnPixels" ? this.dish.length : (rows * step / ny) * this.dish.length;
    const [x, y] = view.place(0, 0);
    context.save();
    context.translate(x, y);
    context.scale(1, view.up ? -1 : 1);
    context.imageSmoothingEnabled = across * view.scale < columns;
    context.drawImage(held.canvas, 0, 0, across * view.scale, along * view.scale);
    context.restore();
  }

  drawField(context, view, frame) {
    const key = page.layers.field, own = key && this.fields[key];
    if (!own || own.flat) return;
    const field = page.data.fields.find((one) => one.key === key);
    const colours = fieldColours(field);
    const { codes, frame: size } = own;
    this.drawGrid(context, view, own.shape.slice(1), (pixels) => {
      const from = frame * size;
      for (let n = 0; n < size; n += 1) pixels[n] = colours[codes[from + n]];
    }, [key, frame, page.layers.logarithmic, ...colourEnds(field)].join(), "drawnField");
  }

  drawRegions(context, view, frame) {
    const colours = new Uint32Array(256);
    colours[1] = packed(rgbOf("--body"), 120);
    colours[2] = packed(rgbOf("--network"), 110);
    const { codes, frame: size, shape } = this.regions;
    this.drawGrid(context, view, shape.slice(1), (pixels) => {
      for (let n = 0; n < size; n += 1) pixels[n] = colours[codes[frame * size + n]];
    }, `regions ${frame}`, "drawnRegions");
  }

  // The stroma on a canvas of its own, since most steps of time do not change it.
  drawStroma(context, view, frame) {
    const { layers } = page, { canvas } = context;
    const parts = [];
    for (const kind of Object.values(this.stroma)) {
      for (const own of [...Object.values(kind).filter((one) => one.which), ...Object.values(kind.quantities)]) {
        parts.push(own.which[frame]);
      }
    }
    const key = [view.key, parts.join(), layers.bodies, layers.fibres, layers.migrasomes,
      layers.colourBy, layers.field, document.documentElement.dataset.theme].join(" ");
    if (!this.stromaCanvas) this.stromaCanvas = document.createElement("canvas");
    if (this.stromaKey !== key) {
      this.stromaCanvas.width = canvas.width; this.stromaCanvas.height = canvas.height;
      const own = this.stromaCanvas.getContext("2d");
      if (layers.bodies) this.drawBodies(own, view, frame);
      if (layers.fibres) this.drawFibres(own, view, frame);
      if (layers.migrasomes) this.drawMigrasomes(own, view, frame);
      this.stromaKey = key;
    }
    context.drawImage(this.stromaCanvas, 0, 0);
  }

  drawBodies(context, view, frame) {
    if (this.pixels) {
      const body = packed(rgbOf("--body"), 130), network = packed(rgbOf("--network"), 110);
      const first = this.told.pixels.first_body;
      this.drawGrid(context, view, this.told.pixels.shape.slice(1), (pixels) => {
        for (let n = 0; n < pixels.length; n += 1) {
          const code = this.pixels[n];
          pixels[n] = code >= first ? body : code === 1 ? network : 0;
        }
      }, "pixels", "drawnPixels");
      return;
    }
    const { bodies } = this.stroma;
    if (!bodies) return;
    context.fillStyle = `${colourOf("--body")}66`;
    context.strokeStyle = colourOf("--body");
    context.lineWidth = 1.2 * view.ratio;
    const far = view.distance === "far";
    const batches = new Batches(context, () => { context.fill(); if (!far) context.stroke(); });
    for (let n = 0; n < bodies.x.frame; n += 1) {
      const at = (name) => bodies[name].at(bodies[name].which[frame], n);
      const x = at("x");
      if (Number.isNaN(x)) continue;
      const [px, py] = view.place(x, at("y")), major = at("semi_major") * view.scale;
      if (!view.reaches(px, py, major)) continue;
      const angle = view.up ? -at("angle") : at("angle");
      context.moveTo(px + major * Math.cos(angle), py + major * Math.sin(angle));
      context.ellipse(px, py, major, at("semi_minor") * view.scale, angle, 0, RING);
      batches.next();
    }
    batches.end();
  }

  drawFibres(context, view, frame) {
    const { fibres } = this.stroma;
    if (!fibres) return;
    const { x: xs, y: ys } = fibres, vertices = xs.shape[2], count = xs.shape[1];
    const here = xs.which[frame] * xs.frame, there = ys.which[frame] * ys.frame;
    context.strokeStyle = colourOf("--network");
    context.lineWidth = Math.max(0.9 * view.ratio, 0.5 * view.scale);
    const batches = new Batches(context, () => context.stroke());
    const step = view.distance === "far" ? vertices - 1 : 1;
    for (let n = 0; n < count; n += 1) {
      let lastX = NOT_THERE, lastY = NOT_THERE;
      for (let v = 0; v < vertices; v += step) {
        const at = n * vertices + v, x = xs.codes[here + at], y = ys.codes[there + at];
        if (x === lastX && y === lastY) break; // The course has ended: its last vertex is repeated.
        if (x === NOT_THERE) break;
        const px = view.placeX(xs.scale.step * x), py = view.placeY(ys.scale.step * y);
        if (v === 0) {
          if (!view.reaches(px, py, LONGEST_FIBRE * view.scale)) break;
          context.moveTo(px, py);
        } else context.lineTo(px, py);
        lastX = x; lastY = y;
      }
      batches.next();
    }
    batches.end();
  }

  // Colour groups of migrasomes: those without a quantity first.
  migrasomeColour(quantity, smallest) {
    if (!quantity) return { group: () => 0, colours: [colourOf("--network")], least: [smallest] };
    const steps = 24, { scale } = quantity;
    const colours = [colourOf("--network")], least = [smallest];
    for (let n = 0; n <= steps; n += 1) {
      colours.push(`rgb(${mapped(page.data.cargo_colours, n / steps).join()})`);
      least.push(smallest * 1.6);
    }
    return {
      group: (code) => (code === 0 || code === scale.missing ? 0
        : 1 + Math.round((Math.max(code - scale.first, 0) / Math.max(scale.top - scale.first, 1)) * steps)),
      colours, least,
    };
  }

  drawMigrasomes(context, view, frame) {
    const { migrasomes } = this.stroma;
    if (!migrasomes) return;
    const { x: xs, y: ys, radius } = migrasomes;
    const quantity = migrasomes.quantities[page.layers.colourBy];
    const { group, colours, least } = this.migrasomeColour(quantity, SMALLEST[view.distance][0]);
    const groups = colours.map(() => []), dots = new Dots(context, colours);
    const { step } = xs.scale, reach = LARGEST_MIGRASOME * view.scale;
    const sizes = radius.which[frame] * radius.frame, perCode = radius.scale.step * view.scale;
    const held = quantity ? quantity.which[frame] * quantity.frame : 0;
    const here = xs.which[frame] * xs.frame, there = ys.which[frame] * ys.frame;
    for (let n = 0; n < xs.frame; n += 1) {
      if (xs.codes[here + n] === NOT_THERE) continue;
      const px = view.placeX(step * xs.codes[here + n]), py = view.placeY(step * ys.codes[there + n]);
      if (!view.reaches(px, py, reach)) continue;
      const own = quantity ? group(quantity.codes[held + n]) : 0;
      const size = Math.max(radius.codes[sizes + n] * perCode, least[own] * view.ratio);
      if (size < 2 * view.ratio) dots.add(px, py, size, own);
      else groups[own].push(px, py, size);
    }
    dots.end();
    groups.forEach((places, own) => {
      if (!places.length) return;
      context.fillStyle = colours[own];
      const batches = new Batches(context, () => context.fill());
      for (let n = 0; n < places.length; n += 3) {
        const size = places[n + 2];
        context.moveTo(places[n] + size, places[n + 1]);
        context.arc(places[n], places[n + 1], size, 0, RING);
        batches.next();
      }
      batches.end();
    });
  }

  drawTracks(context, view, seen) {
    const { observations } = this.told, { x, y, count } = this.cells;
    let first = seen;
    while (first > 0 && observations[first - 1] >= observations[seen] - page.layers.tail - SAME_TIME) first -= 1;
    if (first === seen || view.distance === "far") return;
    const batches = new Batches(context, () => {
      for (const [width, colour] of TRACK_STROKES) {
        context.lineWidth = width * view.ratio;
        context.strokeStyle = colour;
        context.stroke();
      }
    });
    for (let n = 0; n < count; n += 1) {
      const [px, py] = view.place(x.at(seen, n), y.at(seen, n));
      if (!view.reaches(px, py, LONGEST_TRACK * view.scale)) continue;
      context.moveTo(view.placeX(x.at(first, n)), view.placeY(y.at(first, n)));
      for (let o = first + 1; o <= seen; o += 1) context.lineTo(view.placeX(x.at(o, n)), view.placeY(y.at(o, n)));
      batches.next();
    }
    batches.end();
  }

  drawCells(context, view, seen) {
    const { x, y, held, count } = this.cells;
    const size = Math.max(0.5 * this.told.cells.diameter * view.scale, SMALLEST[view.distance][1] * view.ratio);
    const from = seen * count, { step } = x.scale;
    if (view.distance === "far") {
      const dots = new Dots(context, [colourOf("--crawling"), colourOf("--held")]);
      for (const state of [0, 1]) {
        for (let n = from; n < from + count; n += 1) {
          if (held.codes[n] === state && x.codes[n] !== NOT_THERE) dots.add(view.placeX(step * x.codes[n]), view.placeY(step * y.codes[n]), size, state);
        }
      }
      dots.end();
      return;
    }
    for (const state of [0, 1]) {
      context.fillStyle = colourOf(state ? "--held" : "--crawling");
      context.strokeStyle = "#000000";
      context.lineWidth = 0.8 * view.ratio;
      const batches = new Batches(context, () => { context.fill(); context.stroke(); });
      for (let n = 0; n < count; n += 1) {
        if (held.code(seen, n) !== state) continue;
        const [px, py] = view.place(x.at(seen, n), y.at(seen, n));
        if (!view.reaches(px, py, size)) continue;
        context.moveTo(px + size, py);
        context.arc(px, py, size, 0, RING);
        batches.next();
      }
      batches.end();
    }
  }

  // The chosen cell's track until now and a ring around it.
  drawChosen(context, view, seen) {
    const { cell } = page.state;
    if (!cell || cell.run !== this.index) return;
    const n = this.told.cells.numbers.indexOf(cell.number), { x, y } = this.cells;
    if (n < 0) return;
    for (const [width, colour] of [[4.5, "#ffffff"], [2, "#000000"]]) {
      context.beginPath();
      for (let o = 0; o <= seen; o += 1) context.lineTo(...view.place(x.at(o, n), y.at(o, n)));
      context.lineJoin = "round";
      context.lineWidth = width * view.ratio;
      context.strokeStyle = colour;
      context.stroke();
    }
    const [px, py] = view.place(x.at(seen, n), y.at(seen, n));
    const size = Math.max(0.5 * this.told.cells.diameter * view.scale, SMALLEST[view.distance][1] * view.ratio);
    context.beginPath();
    context.arc(px, py, size, 0, RING);
    context.fillStyle = colourOf(this.cells.held.code(seen, n) ? "--held" : "--crawling");
    context.fill();
    for (const [width, colour] of [[5, "#000000"], [2.5, "#ffffff"]]) {
      context.beginPath();
      context.arc(px, py, size + 4 * view.ratio, 0, RING);
      context.lineWidth = width * view.ratio;
      context.strokeStyle = colour;
      context.stroke();
    }
  }

  drawScaleBar(context, view) {
    const { canvas } = context, ratio = view.ratio;
    const bar = roundLength(canvas.width / 5 / view.scale), length = bar * view.scale;
    const text = bar < 1000 ? `${bar} µm` : `${bar / 1000} mm`;
    const right = canvas.width - 12 * ratio, low = canvas.height - 12 * ratio;
    context.font = `600 ${13 * ratio}px system-ui, sans-serif`;
    const wide = Math.max(length, context.measureText(text).width) + 14 * ratio;
    const middle = right + 4 * ratio - 0.5 * wide;
    context.fillStyle = "#ffffffd9";
    context.fillRect(right - wide + 4 * ratio, low - 25 * ratio, wide, 32 * ratio);
    context.fillStyle = "#000000";
    context.fillRect(middle - 0.5 * length, low - 2 * ratio, length, 4 * ratio);
    context.textAlign = "center";
    context.fillText(text, middle, low - 8 * ratio);
  }
}

// Many small squares, set pixel by pixel: a hundred thousand rectangles would take too long.
class Dots {
  constructor(context, colours) {
    this.context = context;
    this.width = context.canvas.width;
    this.height = context.canvas.height;
    this.colours = colours.map((colour) => packed(channels(colour)));
    this.image = null;
  }

  add(px, py, size, colour) {
    if (!this.image) {
      this.image = new ImageData(this.width, this.height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    const side = Math.max(Math.round(2 * size), 1);
    const left = Math.round(px - 0.5 * side), top = Math.round(py - 0.5 * side);
    const right = Math.min(left + side, this.width), low = Math.min(top + side, this.height);
    for (let row = Math.max(top, 0); row < low; row += 1) {
      for (let column = Math.max(left, 0); column < right; column += 1) this.pixels[row * this.width + column] = this.colours[colour];
    }
  }

  // Over what is drawn already, within its clip.
  end() {
    if (!this.image) return;
    if (!Dots.canvas) Dots.canvas = document.createElement("canvas");
    Dots.canvas.width = this.width;
    Dots.canvas.height = this.height;
    Dots.canvas.getContext("2d").putImageData(this.image, 0, 0);
    this.context.drawImage(Dots.canvas, 0, 0);
  }
}

// Paths drawn in batches: browsers take much longer for one path of thousands of parts.
class Batches {
  constructor(context, finish) {
    this.context = context;
    this.finish = finish;
    this.parts = 0;
    context.beginPath();
  }

  next() {
    this.parts += 1;
    if (this.parts % BATCH) return;
    this.end();
    this.context.beginPath();
  }

  end() { this.finish(this.context); }
}

// The largest of 1, 2, 5 times a power of ten below a length.
function roundLength(length) {
  const power = 10 ** Math.floor(Math.log10(length));
  return Math.max(...[1, 2, 5].map((step) => step * power).filter((one) => one <= length));
}

page.addStarter(async () => {
  for (const [index, told] of (page.data.runs || []).entries()) {
    page.runs.push(await new Floor(told, index).load());
  }
  const times = new Set();
  for (const { told } of page.runs) for (const time of [...told.frames, ...(told.observations || [])]) times.add(time);
  page.times = [...times].sort((a, b) => a - b);
  page.state.time = page.times[page.times.length - 1];
  const uneven = (page.data.fields || []).filter((field) => !field.even), [solved] = uneven;
  // As in pictures of a run: what is bound, if it is.
  const first = solved && (uneven.find((field) => field.key === `${solved.key}_bound`) || solved);
  page.layers.field = first ? first.key : null;
  page.layers.regions = !first;
  const quantity = (page.data.quantities || []).find((one) => solved && one.key === `${solved.key}_secretion_rate`);
  page.layers.colourBy = quantity ? quantity.key : "";
});
