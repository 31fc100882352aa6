// Curves against time as inline SVG, with the time cursor of the page. Data are of view/curves.py.
const CURVE_HEIGHT = 230, CURVE_WIDTH = 560; // [px]; the width is that of a tab not shown yet.
const CURVE_MARGIN = { left: 58, right: 12, top: 12, bottom: 38 };
const LINE_DASHES = ["", "7 4", "2 3", "9 3 2 3", "12 5", "4 2 1 2"];
const CURVE_TICKS = 5;
const LINE_WIDTH = 2.2, LINE_SPREAD = 3; // The first of several runs is wider by this, so that lines that coincide are seen [px].
const LINE_COLOURS = 6; // Colours of facts.css: --line-0 ....

const ENDED = 60; // A run has ended that is shown later than this after its last time [s].

// Ticks at 1, 2 or 5 times a power of ten.
function niceTicks(low, high, count) {
  const span = high - low || 1, raw = span / count, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((times) => times * power >= raw) * power;
  const ticks = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + 1e-9 * span; n += 1) ticks.push(n * step);
  return ticks;
}

// Ticks of hours, or of minutes where all is within two hours.
function timeTicks(low, high, count) {
  const unit = high - low > MINUTES_BELOW ? 3600 : 60;
  const steps = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 24, 30, 48, 60, 120, 240, 480];
  const step = (steps.find((one) => (high - low) / (one * unit) <= count) || 960) * unit;
  const ticks = [];
  for (let at = Math.ceil(low / step) * step; at <= high + 1; at += step) ticks.push(at);
  return { ticks, unit };
}

// The value of a series at the last of its times at or before one; null if there is none.
function valueAt(line, time) {
  let found = null;
  for (let n = 0; n < line.times.length && line.times[n] <= time + 0.5; n += 1) found = n;
  return found === null ? null : { time: line.times[found], value: line.values[found] };
}

// Lines of one curve over all runs: colours tell runs, dashes tell series; of a single run both
// tell series.
function linesOf(key, runs) {
  const lines = [];
  const several = runs.length > 1;
  runs.forEach((run, r) => {
    const curve = run.facts.curves.find((one) => one.key === key);
    if (!curve) return;
    curve.series.forEach((own, s) => lines.push({
      label: several ? `${run.name}: ${own.label}` : own.label,
      colour: `var(--line-${(several ? r : own.hue) % LINE_COLOURS})`,
      dash: LINE_DASHES[s % LINE_DASHES.length],
      width: LINE_WIDTH + (several ? (LINE_SPREAD * (runs.length - 1 - r)) / (runs.length - 1) : 0),
      times: curve.times.map((time) => time + (run.offset || 0)),
      values: own.values,
    }));
  });
  return lines;
}

function sampleLine(line) {
  return svg("svg", { class: "sample", viewBox: "0 0 34 12", "aria-hidden": "true" },
    svg("line", { x1: 1, x2: 33, y1: 6, y2: 6, stroke: line.colour, "stroke-width": 2.2, "stroke-dasharray": line.dash }));
}

// Numbers with three figures, and counts as they are.
function measured(value) {
  const size = Math.abs(value);
  if (size >= 1e4 || (value !== 0 && size < 1e-3)) return numberText(value);
  return (Number.isInteger(value) ? String(value) : value.toPrecision(3)).replace("-", "−");
}

function curveTitle(curve) { return curve.unit ? `${curve.title} (${curve.unit})` : curve.title; }

class Curve {
  constructor(curve, lines, span) {
    Object.assign(this, { curve, lines, span });
    const known = lines.flatMap((line) => line.values.filter((value) => value !== null));
    this.top = Math.max(...known, curve.level || 0) || 1;
    this.place = el("div", { class: "curve-place" });
    this.values = lines.map(() => el("span", { class: "curve-value" }));
    const legend = el("ul", { class: "curve-legend" },
      lines.map((line, n) => el("li", {}, sampleLine(line), el("span", {}, line.label), this.values[n])),
      curve.level === null ? null : el("li", {}, sampleLine({ colour: "var(--text)", dash: "1 4" }), curve.level_label));
    this.element = el("figure", { class: "curve" },
      el("figcaption", {}, el("h3", {}, curveTitle(curve)), curve.note ? el("p", { class: "note" }, curve.note) : null),
      this.place, legend, this.table());
    this.draw();
  }

  get words() {
    return this.lines.map((line) => {
      const known = line.values.map((value, n) => [value, line.times[n]]).filter(([value]) => value !== null);
      if (!known.length) return `${line.label}: no values`;
      const [first, begin] = known[0], [last, end] = known[known.length - 1];
      return `${line.label}: ${measured(first)} at ${timeText(begin)}, ${measured(last)} at ${timeText(end)}`;
    }).join("; ");
  }

  // All values, made when it is opened.
  table() {
    const details = el("details", {}, el("summary", {}, "Values"));
    details.addEventListener("toggle", () => {
      if (!details.open || details.querySelector("table")) return;
      const times = [...new Set(this.lines.flatMap((line) => line.times))].sort((a, b) => a - b);
      const head = el("tr", {}, el("th", { scope: "col" }, "time"),
        this.lines.map((line) => el("th", { scope: "col", class: "number" }, line.label)));
      const rows = times.map((time) => el("tr", {}, el("th", { scope: "row" }, timeText(time)),
        this.lines.map((line) => {
          const at = line.times.indexOf(time), value = at < 0 ? null : line.values[at];
          return el("td", { class: "number" }, value === null ? "–" : measured(value));
        })));
      details.append(el("div", { class: "scroll tall" }, el("table", {}, el("thead", {}, head), el("tbody", {}, rows))));
    });
    return details;
  }

  draw() {
    const width = Math.max(this.place.clientWidth || CURVE_WIDTH, 240), height = CURVE_HEIGHT;
    if (width === this.width) return;
    this.width = width;
    const [low, high] = this.span, { left, right, top, bottom } = CURVE_MARGIN;
    const ticks = niceTicks(0, this.top, CURVE_TICKS), most = Math.max(this.top * 1.04, ticks[ticks.length - 1]);
    this.x = (time) => left + ((time - low) / (high - low || 1)) * (width - left - right);
    this.y = (value) => height - bottom - (value / most) * (height - top - bottom);
    const drawing = svg("svg", {
      class: "curve-drawing", width, height, role: "img",
      "aria-label": `${curveTitle(this.curve)} against time. ${this.words}`,
    });
    for (const tick of ticks) {
      drawing.append(
        svg("line", { class: "grid", x1: left, x2: width - right, y1: this.y(tick), y2: this.y(tick) }),
        svg("text", { x: left - 7, y: this.y(tick) + 4, "text-anchor": "end" }, numberText(tick)));
    }
    const times = timeTicks(low, high, width < 420 ? 5 : 9);
    for (const tick of times.ticks) {
      drawing.append(
        svg("line", { class: "tick", x1: this.x(tick), x2: this.x(tick), y1: height - bottom, y2: height - bottom + 4 }),
        svg("text", { x: this.x(tick), y: height - bottom + 17, "text-anchor": "middle" },
          String(Number((tick / times.unit).toFixed(2))).replace("-", "−")));
    }
    drawing.append(
      svg("line", { class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }),
      svg("text", { x: (left + width - right) / 2, y: height - 5, "text-anchor": "middle" },
        `${["time", page.data.clock].filter(Boolean).join(" ")} (${times.unit === 3600 ? "h" : "min"})`));
    if (this.curve.level !== null) {
      const at = this.y(this.curve.level);
      drawing.append(svg("line", { class: "level", x1: left, x2: width - right, y1: at, y2: at }));
    }
    this.cursor = svg("line", { class: "cursor", y1: top, y2: height - bottom });
    this.dots = this.lines.map((line) => svg("circle", { r: 4, fill: line.colour, class: "dot" }));
    drawing.append(this.cursor);
    for (const line of this.lines) drawing.append(...this.strokes(line));
    drawing.append(...this.dots);
    drawing.addEventListener("click", (event) => {
      const place = event.clientX - drawing.getBoundingClientRect().left;
      const share = (place - left) / (width - left - right);
      page.setTime(nearestTime(low + Math.min(Math.max(share, 0), 1) * (high - low)));
    });
    this.place.replaceChildren(drawing);
    this.show(page.state.time);
  }

  // A line, broken where there is no value; a single point is a dot.
  strokes(line) {
    const paths = [];
    let points = [];
    const end = () => {
      if (points.length > 1) paths.push(svg("polyline", {
        points: points.join(" "), fill: "none", stroke: line.colour, "stroke-width": line.width,
        "stroke-dasharray": line.dash, "stroke-linejoin": "round",
      }));
      else if (points.length) {
        const [cx, cy] = points[0].split(",");
        paths.push(svg("circle", { cx, cy, r: 2.5, fill: line.colour }));
      }
      points = [];
    };
    line.values.forEach((value, n) => {
      if (value === null) end();
      else points.push(`${this.x(line.times[n]).toFixed(1)},${this.y(value).toFixed(1)}`);
    });
    end();
    return paths;
  }

  show(time) {
    const at = this.x(Math.min(Math.max(time, this.span[0]), this.span[1]));
    this.cursor.setAttribute("x1", at);
    this.cursor.setAttribute("x2", at);
    this.lines.forEach((line, n) => {
      const found = valueAt(line, time), there = found !== null && found.value !== null;
      const ended = there && found.time === line.times[line.times.length - 1] && time > found.time + ENDED;
      this.values[n].textContent = there ? `${measured(found.value)}${ended ? `, at its end of ${timeText(found.time)}` : ""}` : "–";
      this.dots[n].setAttribute("visibility", there ? "visible" : "hidden");
      if (!there) return;
      this.dots[n].setAttribute("cx", this.x(found.time));
      this.dots[n].setAttribute("cy", this.y(found.value));
    });
  }
}

// The time nearest to one of those that can be shown [s].
function nearestTime(time) {
  const times = page.times && page.times.length ? page.times : [time];
  return times.reduce((best, one) => (Math.abs(one - time) < Math.abs(best - time) ? one : best));
}

function buildCurves(section, runs) {
  const keys = [...new Set(runs.flatMap((run) => run.facts.curves.map((curve) => curve.key)))];
  const all = keys.flatMap((key) => linesOf(key, runs).flatMap((line) => line.times));
  const span = [Math.min(...all), Math.max(...all)];
  const now = el("span", { class: "now" });
  section.append(el("p", { class: "note" }, "Values are those at the time of the dish, ", now,
    ". Click a curve to show another time."));
  const curves = keys.map((key) => {
    const first = runs.map((run) => run.facts.curves.find((curve) => curve.key === key)).find(Boolean);
    return new Curve(first, linesOf(key, runs), span);
  });
  section.append(el("div", { class: "curves" }, curves.map((curve) => curve.element)));
  page.onTime((time) => {
    now.textContent = clockText(time);
    for (const curve of curves) curve.show(time);
  });
  window.addEventListener("resize", () => curves.forEach((curve) => curve.draw()));
}

if (runsWithFacts().some((run) => run.facts.curves.length))
  page.addTab("curves", "Curves", (section) => buildCurves(section, runsWithFacts()));
