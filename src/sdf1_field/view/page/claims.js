// Pages of folders: a paper's claims with their simulated experiments, and a calibration. Data are
// of view/claims.py and view/calibrated.py.
const DOT_STRIP = { row: 54, label: 15, dots: 33, top: 8, bottom: 36, left: 10, right: 16 };
const DOT_RADIUS = 4, DOT_SPREAD = 7; // Radius of a dot, and how far dots are moved aside [px].
const INTERVAL_BAR = { width: 240, height: 26, margin: 8 };
const ANY_VALUE = "any";
const CLAIMS_HEADER = ["claim", "what the paper says", "status", "explained", "from the others", "null model", "verdict"];
const PARAMETERS_HEADER = ["parameter", "interval and posterior", "interval", "median", "5 to 95 %", "best point", "shipped", "width"];
const NUMBERS = ["null model", "effective size", "median", "5 to 95 %", "best point", "shipped", "width"];

function shadedCell(chance, extra = "") {
  if (!chance) return el("td", { class: "chance" }, "–");
  const cell = el("td", { class: "chance" },
    el("span", { class: "chance-swatch" }, chance.text),
    chance.interval ? el("span", { class: "ends" }, chance.interval) : null,
    extra ? el("span", { class: "ends" }, extra) : null);
  const swatch = cell.querySelector(".chance-swatch");
  swatch.style.background = chance.colour;
  swatch.style.color = chance.ink;
  return cell;
}

function chanceLegend(scale) {
  return el("p", { class: "note legend" }, "Shading is by the chance: ",
    scale.map((one) => {
      const swatch = el("span", { class: "chance-swatch" }, one.text);
      swatch.style.background = one.colour;
      swatch.style.color = one.ink;
      return swatch;
    }), " The verdict is not shaded: it also weighs the null model.");
}

// Dots of dishes along one axis, a strip for each condition.
function dotStrips(panel) {
  const place = el("div", { class: "curve-place" });
  const values = panel.columns.flatMap((column) => column.dots.map(([, value]) => value));
  const reported = (panel.reported || []).filter((end) => end !== null);
  const low = Math.min(0, ...values), high = Math.max(...values, ...reported, low + 1e-12);
  const words = panel.columns.map((column) => {
    const own = column.dots.map(([, value]) => value);
    return `${column.label}: ${dishesText(column)} dishes, mean ${measured(mean(own))}, `
      + `${measured(Math.min(...own))} to ${measured(Math.max(...own))}`;
  }).join("; ");
  const name = [panel.title, panel.unit ? `(${panel.unit})` : "", panel.time ? `at ${panel.time}` : ""].filter(Boolean).join(" ");
  const draw = () => {
    const width = Math.min(Math.max(place.clientWidth || 520, 240), 620);
    const height = DOT_STRIP.top + DOT_STRIP.row * panel.columns.length + DOT_STRIP.bottom;
    const x = (value) => DOT_STRIP.left + ((value - low) / (high - low)) * (width - DOT_STRIP.left - DOT_STRIP.right);
    const drawing = svg("svg", { class: "curve-drawing dots", width, height, role: "img", "aria-label": `${name}. ${words}` });
    const base = height - DOT_STRIP.bottom;
    if (panel.reported) {
      const begin = panel.reported[0] === null ? x(low) : x(panel.reported[0]);
      const end = panel.reported[1] === null ? width - DOT_STRIP.right : x(panel.reported[1]);
      drawing.append(svg("rect", { class: "reported", x: begin, width: Math.max(end - begin, 1), y: DOT_STRIP.top, height: base - DOT_STRIP.top }));
    }
    for (const tick of niceTicks(low, high, width < 360 ? 3 : 5)) drawing.append(
      svg("line", { class: "grid", x1: x(tick), x2: x(tick), y1: DOT_STRIP.top, y2: base }),
      svg("text", { x: x(tick), y: base + 16, "text-anchor": "middle" }, numberText(tick)));
    panel.columns.forEach((column, n) => {
      const top = DOT_STRIP.top + n * DOT_STRIP.row, middle = top + DOT_STRIP.dots;
      const own = column.dots.map(([, value]) => value), at = x(mean(own));
      drawing.append(
        svg("text", { class: "strip-label", x: DOT_STRIP.left, y: top + DOT_STRIP.label }, `${column.label} (${dishesText(column)})`),
        svg("line", { class: "strip", x1: DOT_STRIP.left, x2: width - DOT_STRIP.right, y1: middle, y2: middle }),
        svg("line", { class: "mean", x1: at, x2: at, y1: middle - 13, y2: middle + 13 }));
      column.dots.forEach(([seed, value], k) => drawing.append(
        svg("circle", { class: "dish", r: DOT_RADIUS, cx: x(value), cy: middle + ((k * 7) % 5 - 2) * (DOT_SPREAD / 2) },
          svg("title", {}, `dish of seed ${seed}: ${measured(value)}`))));
    });
    drawing.append(
      svg("line", { class: "axis", x1: DOT_STRIP.left, x2: width - DOT_STRIP.right, y1: base, y2: base }),
      svg("text", { x: DOT_STRIP.left, y: height - 4 }, name));
    place.replaceChildren(drawing);
  };
  draw();
  window.addEventListener("resize", draw);
  return place;
}

// Number of dots, and of dishes if there are more.
function dishesText({ dots, planned }) { return dots.length < planned ? `${dots.length} of ${planned}` : String(dots.length); }

function mean(values) { return values.reduce((sum, value) => sum + value, 0) / values.length; }

function dishesElement(condition) {
  const parts = [el("h4", {}, condition.label)];
  if (condition.command)
    parts.push(el("p", { class: "note" }, "To see the first of these dishes:"),
      el("div", { class: "passage" }, el("pre", {}, condition.command), copyButton(condition.command, `Copy: see a dish of ${condition.label}`)));
  if (condition.files.length)
    parts.push(el("p", { class: "note files" }, "Readings of the dishes: ", condition.files.map((dish, n) => [
      n ? ", " : "", el("a", { href: dish.file }, `seed ${dish.seed}`),
      dish.page ? [" (", el("a", { href: dish.page }, "page"), ")"] : null,
    ]).flat(3)));
  return el("div", {}, parts);
}

function claimDetails(claim) {
  const standing = [claim.status, claim.source,
    claim.by_construction.length ? `by construction: ${claim.by_construction.join(", ")}` : "",
    claim.law_chosen_by ? "the law was chosen by people who had seen the claim" : "",
  ].filter(Boolean).join("; ");
  return [
    el("p", { class: "note" }, `${standing}. The statement that agrees least: ${claim.deciding}.`),
    tableElement(["statement", "reported", "effect (95 %)", "median p", "chance"], claim.statements),
    claim.panels.length ? el("p", { class: "note" },
      "Each dot is one simulated dish (in brackets: their number), the bar their mean",
      claim.panels.some((panel) => panel.reported) ? "; shaded: where the paper has it." : ".") : null,
    claim.panels.some((panel) => panel.columns.some((column) => column.dots.length < column.planned))
      ? el("p", { class: "notice" }, "Some dishes have no dot: they failed, have no such value, or are not in runs.csv, which has the dishes of the last call of reproduce.")
      : null,
    el("div", { class: "panels" }, claim.panels.map(dotStrips)),
    el("details", {}, el("summary", {}, "Dishes"), claim.dishes.map(dishesElement)),
  ];
}

// Cells that say which column they are of, for narrow windows, where a row is a block.
function labelledRow(header, attributes, ...cells) {
  const row = el("tr", attributes, ...cells);
  [...row.children].forEach((cell, n) => cell.setAttribute("data-label", header[n]));
  return row;
}

// A row that opens another one with the details, which are made then, or before printing.
function claimRows(claim, header, cells) {
  const id = `claim-${claim.id}`;
  const details = el("tr", { class: "details hidden", id }, el("td", { colspan: header.length }));
  const fillIn = () => {
    const place = details.firstChild;
    if (!place.childNodes.length) place.append(...claimDetails(claim).filter(Boolean));
  };
  const button = el("button", { type: "button", class: "open", "aria-expanded": "false", "aria-controls": id }, claim.id);
  const row = labelledRow(header, {}, el("th", { scope: "row" }, button), cells);
  button.addEventListener("click", () => {
    const open = details.classList.contains("hidden");
    details.classList.toggle("hidden", !open);
    button.setAttribute("aria-expanded", open);
    if (open) fillIn();
    window.dispatchEvent(new Event("resize"));
  });
  window.addEventListener("beforeprint", () => {
    if (row.hidden) return;
    fillIn();
    details.classList.remove("hidden");
  });
  return { row, details, button };
}

function choiceOf(label, values, apply) {
  const select = el("select", { onchange: apply }, [ANY_VALUE, ...values].map((value) => el("option", { value }, value)));
  return { select, element: el("label", { class: "choice" }, `${label} `, select), fits: (own) => select.value === ANY_VALUE || own.includes(select.value) };
}

function headerRow(names) {
  return el("tr", {}, names.map((name) => el("th", { scope: "col", class: NUMBERS.includes(name) ? "number" : "" }, name)));
}

function different(values) { return [...new Set(values)].sort(); }

function buildClaims(section) {
  const { data } = page, found = el("p", { class: "note", role: "status" });
  const rows = data.claims.map((claim) => ({
    claim,
    words: [claim.id, claim.says, claim.verdict, claim.status, claim.source].join(" ").toLowerCase(),
    ...claimRows(claim, CLAIMS_HEADER, [
      el("td", {}, claim.says),
      el("td", {}, claim.status),
      shadedCell(claim.explained),
      shadedCell(claim.others, claim.prior ? `prior ${claim.prior}` : ""),
      el("td", { class: "number" }, claim.null ? claim.null.text : "–"),
      el("td", { class: "verdict" }, claim.verdict),
    ]),
  }));
  const search = el("input", { type: "search", placeholder: "such as AMD3100" });
  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { claim, row, details, button, words: own } of rows) {
      const fits = words.every((word) => own.includes(word)) && verdict.fits([claim.verdict])
        && status.fits([claim.status]) && kind.fits(claim.kinds);
      row.hidden = !fits;
      shown += fits;
      if (!fits) { details.classList.add("hidden"); button.setAttribute("aria-expanded", "false"); }
    }
    found.textContent = `${shown} of ${rows.length} claims are shown. The button of a claim opens its experiment.`;
  };
  const verdict = choiceOf("Verdict", different(data.claims.map((claim) => claim.verdict)), apply);
  const status = choiceOf("Status", different(data.claims.map((claim) => claim.status)), apply);
  const kind = choiceOf("Kind", different(data.claims.flatMap((claim) => claim.kinds)), apply);
  search.addEventListener("input", apply);
  section.append(
    el("p", {}, data.citation),
    data.notes.map((text) => el("p", { class: "note reading" }, text))[0],
    ...data.notes.slice(1).map((text) => el("p", { class: "problem" }, text)),
    chanceLegend(data.scale));
  if (data.joint && data.joint.chance) section.append(el("p", {}, `One paper reports all of ${data.joint.claims.join(", ")} with a chance of `, el("b", {}, data.joint.chance.text), "."));
  section.append(
    el("div", { class: "filters" }, el("label", { class: "choice" }, "Find ", search), verdict.element, status.element, kind.element),
    found,
    el("div", { class: "scroll" }, el("table", { class: "claims stack" },
      el("thead", {}, headerRow(CLAIMS_HEADER)),
      el("tbody", {}, rows.flatMap(({ row, details }) => [row, details])))));
  apply();
}

// A calibration

// Prior interval, posterior and values of a parameter on its own axis.
function intervalBar(one) {
  const [low, high] = one.interval;
  const share = (value) => (one.logarithmic
    ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low));
  const x = (value) => INTERVAL_BAR.margin + Math.min(Math.max(share(value), 0), 1) * (INTERVAL_BAR.width - 2 * INTERVAL_BAR.margin);
  const y = INTERVAL_BAR.height / 2;
  const [median, within, best, shipped] = one.text;
  const drawing = svg("svg", {
    class: "interval", width: INTERVAL_BAR.width, height: INTERVAL_BAR.height, role: "img",
    "aria-label": `interval ${low} to ${high}; posterior median ${median}, 5 to 95 % ${within}; best ${best}; shipped ${shipped}`,
  }, svg("line", { class: "prior", x1: INTERVAL_BAR.margin, x2: INTERVAL_BAR.width - INTERVAL_BAR.margin, y1: y, y2: y }));
  for (const end of one.interval) drawing.append(svg("line", { class: "prior", x1: x(end), x2: x(end), y1: y - 5, y2: y + 5 }));
  if (one.quantiles) drawing.append(svg("line", { class: "posterior", x1: x(one.quantiles[0]), x2: x(one.quantiles[1]), y1: y, y2: y }));
  if (one.median !== null) drawing.append(svg("line", { class: "median", x1: x(one.median), x2: x(one.median), y1: y - 7, y2: y + 7 }));
  if (one.best !== null) drawing.append(svg("circle", { class: "best", cx: x(one.best), cy: y, r: 4 }));
  if (one.shipped !== null) {
    const at = x(one.shipped);
    drawing.append(svg("path", { class: "shipped", d: `M${at - 5} ${y - 12}h10l-5 9z` }));
  }
  return drawing;
}

function buildCalibratedClaims(section) {
  const { data } = page;
  const header = ["claim", "what the paper says", "role", "explained", "from the others", "prior", "effective size", "verdict"];
  section.append(
    el("p", {}, data.citation),
    el("p", { class: "note reading" }, data.notes[0]), el("p", { class: "reading" }, data.notes[1]),
    ...data.notes.slice(2).map((text) => el("p", { class: "problem" }, text)),
    chanceLegend(data.scale),
    el("div", { class: "scroll" }, el("table", { class: "claims stack" },
      el("thead", {}, headerRow(header)),
      el("tbody", {}, data.claims.map((claim) => labelledRow(header, {},
        el("th", { scope: "row" }, claim.id), el("td", {}, claim.says),
        el("td", {}, claim.seen ? `${claim.role}; the law was chosen seeing it` : claim.role),
        shadedCell(claim.explained), shadedCell(claim.reported), shadedCell(claim.prior),
        el("td", { class: "number" }, claim.size), el("td", { class: "verdict" }, claim.verdict)))))));
  section.append(
    el("h2", {}, "Share of the prior in which the claims are reported"),
    tableElement(["claims", "share of the prior with a chance of 0.3 or more"], data.space));
}

function buildCalibratedParameters(section) {
  const { data } = page;
  const mark = (name, text) => el("li", {}, name, text);
  const sample = (...parts) => svg("svg", { class: "interval", width: 34, height: INTERVAL_BAR.height, "aria-hidden": "true" }, ...parts);
  const y = INTERVAL_BAR.height / 2;
  section.append(
    el("ul", { class: "curve-legend" },
      mark(sample(svg("line", { class: "prior", x1: 2, x2: 32, y1: y, y2: y }), svg("line", { class: "prior", x1: 2, x2: 2, y1: y - 5, y2: y + 5 }), svg("line", { class: "prior", x1: 32, x2: 32, y1: y - 5, y2: y + 5 })), "interval of the shipped value"),
      mark(sample(svg("line", { class: "posterior", x1: 4, x2: 30, y1: y, y2: y })), "5 to 95 % of the posterior"),
      mark(sample(svg("line", { class: "median", x1: 17, x2: 17, y1: y - 7, y2: y + 7 })), "its median"),
      mark(sample(svg("circle", { class: "best", cx: 17, cy: y, r: 4 })), "best point"),
      mark(sample(svg("path", { class: "shipped", d: `M12 ${y - 10}h10l-5 9z` })), "shipped value")),
    el("p", { class: "note" }, "Axes are logarithmic unless the interval begins at 0. Width: of the posterior over that of the prior; 1 means that nothing was learnt."),
    el("div", { class: "scroll" }, el("table", { class: "claims stack" },
      el("thead", {}, headerRow(PARAMETERS_HEADER)),
      el("tbody", {}, data.parameters.map((one) => labelledRow(PARAMETERS_HEADER, {},
        el("th", { scope: "row", class: "key" }, one.key), el("td", {}, intervalBar(one)),
        el("td", {}, `${one.interval[0]} to ${one.interval[1]} ${one.unit}`),
        one.text.map((text) => el("td", { class: "number" }, text)), el("td", { class: "number" }, one.width)))))));
  section.append(el("h2", {}, "Correlations beyond one half"));
  section.append(data.correlations.length
    ? tableElement(["key", "with", "correlation"], data.correlations)
    : el("p", {}, "None is known of any two parameters."));
}

if (page.data.kind === "claims") page.addTab("claims", "Claims", buildClaims);
if (page.data.kind === "calibration") {
  page.addTab("claims", "Claims", buildCalibratedClaims);
  page.addTab("parameters", "Parameters", buildCalibratedParameters);
}
