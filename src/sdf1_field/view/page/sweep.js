// Page of a sweep: its curve, half effects, and a table with filters. Data are of view/sweep.py.
const SWEEP_PLOT = { width: 560, height: 280, left: 52, right: 14, top: 12, bottom: 44 };
const SWEEP_ZERO = 0.5; // Decades of dose 0 below the least other dose.

// Places of values on the axis: decades of doses, numbers, or one after the other for words.
function sweepAxis(points) {
  const numbers = points.map((point) => point.number);
  if (numbers.some((value) => value === null || value === undefined)) return { place: (_, n) => n, marks: points.map((point, n) => [n, point.label]) };
  const positive = numbers.filter((value) => value > 0);
  const low = Math.min(...positive), high = Math.max(...positive);
  if (Math.min(...numbers) < 0 || high < 10 * low) {
    const ticks = niceTicks(Math.min(...numbers), Math.max(...numbers), 6);
    return { place: (value) => value, marks: ticks.map((tick) => [tick, numberText(tick)]) };
  }
  const place = (value) => (value > 0 ? Math.log10(value) : Math.log10(low) - SWEEP_ZERO);
  const marks = numbers.includes(0) ? [[place(0), "0"]] : [];
  for (let n = Math.ceil(Math.log10(low) - 1e-9); n <= Math.log10(high) + 1e-9; n += 1) marks.push([n, numberText(10 ** n)]);
  return { place, marks };
}

function sweepPanel(panel) {
  const { width, height, left, right, top, bottom } = SWEEP_PLOT;
  const axis = sweepAxis(panel.points);
  const places = panel.points.map((point, n) => axis.place(point.number, n));
  const [low, high] = [Math.min(...places), Math.max(...places)];
  const most = Math.max(1, ...panel.points.flatMap((point) => [point.high || 0, ...point.dots.map(([, value]) => value)]));
  const ticks = niceTicks(0, most, CURVE_TICKS), peak = Math.max(most * 1.04, ticks[ticks.length - 1]);
  const x = (at) => left + 10 + ((at - low) / (high - low || 1)) * (width - left - right - 20);
  const y = (value) => height - bottom - (value / peak) * (height - top - bottom);
  const words = panel.points.map((point) => `${point.label}: ${point.mean === null ? "no value" : measured(point.mean)}`).join("; ");
  const drawing = svg("svg", { class: "curve-drawing dots", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Fold change on ${panel.title}. ${words}` });
  for (const tick of ticks) drawing.append(
    svg("line", { class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }),
    svg("text", { x: left - 7, y: y(tick) + 4, "text-anchor": "end" }, numberText(tick)));
  for (const [at, text] of axis.marks) drawing.append(
    svg("line", { class: "tick", x1: x(at), x2: x(at), y1: height - bottom, y2: height - bottom + 4 }),
    svg("text", { x: x(at), y: height - bottom + 17, "text-anchor": "middle" }, text));
  drawing.append(
    svg("line", { class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }),
    svg("text", { x: (left + width - right) / 2, y: height - 5, "text-anchor": "middle" }, panel.unit ? `${panel.axis} (${panel.unit})` : panel.axis));
  if (panel.line.length) drawing.append(svg("polyline", {
    points: panel.line.map(([dose, value]) => `${x(axis.place(dose)).toFixed(1)},${y(value).toFixed(1)}`).join(" "),
    fill: "none", stroke: "var(--line-0)", "stroke-width": LINE_WIDTH,
  }));
  if (panel.half !== null) drawing.append(svg("line", { class: "level", x1: x(axis.place(panel.half)), x2: x(axis.place(panel.half)), y1: top, y2: height - bottom }));
  panel.points.forEach((point, n) => {
    const at = x(places[n]);
    point.dots.forEach(([seed, value], k) => drawing.append(
      svg("circle", { class: "dish", r: 2.5, cx: at + ((k % 5) - 2) * 2.5, cy: y(value) }, svg("title", {}, `${point.label}, dish of seed ${seed}: ${measured(value)}`))));
    if (point.mean === null) return;
    if (point.low !== null) drawing.append(svg("line", { class: "mean", x1: at, x2: at, y1: y(Math.max(point.low, 0)), y2: y(point.high) }));
    drawing.append(svg("circle", { r: 4.5, cx: at, cy: y(point.mean), fill: "var(--line-0)" }));
  });
  return el("figure", { class: "curve" }, el("figcaption", {}, el("h3", {}, `Fold change on ${panel.title}`)), el("div", { class: "curve-place" }, drawing));
}

function buildSweep(section) {
  const { data } = page, found = el("p", { class: "note", role: "status" });
  const rows = data.rows.map((row) => ({
    ...row,
    row: labelledRow(data.header, {}, el("th", { scope: "row" }, row.text[0]), row.text.slice(1).map((text) => el("td", {}, text))),
  }));
  const apply = () => {
    let shown = 0;
    for (const one of rows) {
      const fits = time.fits([one.time]) && region.fits([one.region]);
      one.row.hidden = !fits;
      shown += fits;
    }
    found.textContent = `${shown} of ${rows.length} rows are shown.`;
  };
  const time = choiceOf("Time", different(data.rows.map((row) => row.time)), apply);
  const region = choiceOf("Region", different(data.rows.map((row) => row.region)), apply);
  section.append(
    el("p", { class: "note reading" }, data.notes[0]),
    ...data.notes.slice(1).map((text) => el("p", { class: "problem" }, text)),
    el("div", { class: "curves" }, data.panels.map(sweepPanel)));
  if (data.panels.length) section.append(el("p", { class: "note" }, "Small dots: single dishes. Large dots and bars: mean and 95 % interval over dishes. Line: fitted curve, with the dose of its half effect."));
  if (data.halves.length) section.append(el("h2", {}, "Dose of the half effect"), tableElement(["where", "dose (95 %)", "over the agent's constant"], data.halves));
  section.append(
    el("h2", {}, "Values"),
    el("div", { class: "filters" }, time.element, region.element), found,
    el("div", { class: "scroll" }, el("table", { class: "claims stack" }, el("thead", {}, headerRow(data.header)), el("tbody", {}, rows.map((one) => one.row)))));
  apply();
}

if (page.data.kind === "sweep") page.addTab("sweep", "Sweep", buildSweep);
