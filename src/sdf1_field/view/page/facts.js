// What a run is, in text: explained, its parameters, and where it comes from. Data: view/facts.py.
function runsWithFacts() {
  return (page.data.runs || []).filter((run) => run.facts && run.facts.curves);
}

function copyButton(text, label) {
  const button = el("button", { type: "button", class: "copy", "aria-label": label }, "Copy");
  const said = (word) => {
    button.textContent = word;
    announce(word);
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  };
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      said("Copied");
    } catch {
      const area = el("textarea", { class: "unseen" });
      area.value = text;
      document.body.append(area);
      area.select();
      said(document.execCommand("copy") ? "Copied" : "Select the text to copy it");
      area.remove();
      button.focus();
    }
  });
  return button;
}

const OF_KEYS = ["key", "mechanism", "changed alone"];

function tableElement(header, rows, caption = "") {
  const first = OF_KEYS.includes(header[0]) ? "key" : "row";
  const cells = (row) => row.map((cell, n) =>
    (n === 0 ? el("th", { scope: "row", class: first }, cell) : el("td", {}, cell)));
  return el("div", { class: "scroll" }, el("table", {},
    caption ? el("caption", {}, caption) : null,
    header.length ? el("thead", {}, el("tr", {}, header.map((name) => el("th", { scope: "col" }, name)))) : null,
    el("tbody", {}, rows.map((row) => el("tr", {}, cells(row))))));
}

function partElement(part, title) {
  if ("paragraph" in part) return el("p", { class: "reading" }, part.paragraph);
  if ("copy" in part)
    return el("div", { class: "passage" },
      part.commands ? el("pre", {}, part.copy) : el("p", {}, part.copy),
      copyButton(part.copy, `Copy: ${title}`));
  return tableElement(part.header, part.rows, part.caption);
}

function sectionElements(told) {
  return [el("h2", {}, told.title), told.parts.map((part) => partElement(part, told.title))].flat();
}

// Parts of a section for each run, of which the chosen one is shown and all are printed.
function forEachRun(section, runs, fillFor) {
  const several = runs.length > 1;
  const parts = runs.map((run, n) => el("div", { class: n ? "other-run" : null },
    several ? el("h2", { class: "print-only" }, run.name) : null, ...fillFor(run)));
  if (several) {
    const choice = el("select", { onchange: () => parts.forEach((part, n) => part.classList.toggle("other-run", n !== Number(choice.value))) },
      runs.map((run, n) => el("option", { value: n }, run.name)));
    section.append(el("p", { class: "choose-run" }, el("label", {}, "Run: ", choice)));
  }
  section.append(...parts);
}

const AGAIN = "again";

function explainedElements(run) {
  return run.facts.explain.sections.filter((told) => told.key !== AGAIN).flatMap(sectionElements);
}

function aboutElements(run) {
  const { facts } = run, parts = [];
  parts.push(el("h2", {}, "Warnings"));
  if (facts.warnings.length)
    parts.push(el("ul", { class: "warnings" }, facts.warnings.map((text) => el("li", { class: "problem" }, text))));
  else parts.push(el("p", {}, "None: all values lie within their intervals, and no changed value is without effect."));
  parts.push(el("h2", {}, "Changed values"));
  parts.push(facts.changed.length
    ? tableElement(["key", "in this run", "shipped", "set by"], facts.changed)
    : el("p", {}, "None: the run is of the shipped model as it is."));
  if (facts.audit.length) {
    parts.push(el("h2", {}, "Mass audit at the end"));
    parts.push(el("p", { class: "note" },
      "All molecules that came in, against all that are there or have left. What is missing is the error of the solver."));
    parts.push(el("div", { class: "audits" }, facts.audit.map((audit) =>
      el("div", {}, el("h3", {}, audit.label), tableElement([], audit.rows)))));
  }
  const again = facts.explain.sections.find((told) => told.key === AGAIN);
  if (again) parts.push(...sectionElements(again));
  parts.push(el("h2", {}, "Where it comes from"), tableElement([], facts.provenance));
  return parts;
}

// Parameters

const PARAMETER_HEADER = ["key", "value", "unit", "status", "interval", "source"];
const STATUS_ORDER = ["literature", "derived", "calibrated", "assumed", "model choice"];

// Rows of all runs by key: values that differ are listed run by run.
function mergedParameters(runs) {
  const rows = new Map();
  runs.forEach((run, n) => {
    for (const row of run.facts.parameters) {
      if (!rows.has(row.key)) rows.set(row.key, { ...row, values: [], idle: true, any: false });
      const merged = rows.get(row.key);
      merged.values[n] = row.unit ? `${row.value} ${row.unit}` : row.value;
      merged.idle = merged.idle && row.unread !== "";
      merged.any = merged.any || row.changed;
    }
  });
  const merged = [...rows.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  for (const row of merged)
    row.differs = runs.some((_, n) => row.values[n] !== row.values[0]);
  return merged;
}

// A key that may break after its dots and underscores.
function breakable(key) {
  return key.split(/(?<=[._])/).flatMap((part, n) => (n ? [el("wbr"), part] : [part]));
}

function parameterCells(row, runs) {
  const value = row.differs
    ? el("td", { colspan: 2 }, el("ul", { class: "plain" },
      runs.map((run, n) => el("li", {}, `${run.name}: ${row.values[n] === undefined ? "none" : row.values[n]}`))))
    : [el("td", { class: Number.isFinite(Number(row.value)) ? "number" : "written" }, row.value), el("td", { class: "unit" }, row.unit)];
  return [
    el("th", { scope: "row", class: "key" }, breakable(row.key), row.any ? el("span", { class: "mark" }, "changed") : null),
    value,
    el("td", {}, el("span", { class: `status status-${row.status.replace(" ", "-")}` }, row.status)),
    el("td", {}, row.interval),
    el("td", { class: "source" }, row.source, row.idle ? el("span", { class: "note" }, ` Without effect here: ${row.unread}.`) : null),
  ].flat();
}

function filterBox(label, checked, changed) {
  return el("label", { class: "check" }, el("input", { type: "checkbox", checked, onchange: changed }), label);
}

function buildParameters(section, runs) {
  const rows = mergedParameters(runs);
  for (const row of rows) {
    row.element = el("tr", {}, parameterCells(row, runs));
    [...row.element.children].forEach((cell, n, cells) =>
      cell.setAttribute("data-label", PARAMETER_HEADER[cells.length < PARAMETER_HEADER.length && n > 1 ? n + 1 : n]));
    row.words = [row.key, ...row.values, row.status, row.source, row.interval].join(" ").toLowerCase();
  }
  const statuses = STATUS_ORDER.filter((status) => rows.some((row) => row.status === status));
  const counted = (status) => rows.filter((row) => row.status === status && !row.idle).length;
  const found = el("p", { class: "note", role: "status" });
  const search = el("input", { type: "search", id: "parameter-filter", placeholder: "such as speed or Deniz" });
  const boxes = new Map();
  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const isOn = (name) => !boxes.has(name) || boxes.get(name).querySelector("input").checked;
    let shown = 0;
    for (const row of rows) {
      const fits = words.every((word) => row.words.includes(word)) && isOn(row.status)
        && (isOn("without effect") || !row.idle)
        && (!boxes.has("changed") || !isOn("changed") || row.any)
        && (!boxes.has("differs") || !isOn("differs") || row.differs);
      row.element.hidden = !fits;
      shown += fits;
    }
    found.textContent = `${shown} of ${rows.length} values are shown.`;
  };
  for (const status of statuses) boxes.set(status, filterBox(`${status} (${counted(status)})`, true, apply));
  boxes.set("without effect", filterBox(`also without effect (${rows.filter((row) => row.idle).length})`, false, apply));
  if (rows.some((row) => row.any)) boxes.set("changed", filterBox("only changed values", false, apply));
  if (rows.some((row) => row.differs)) boxes.set("differs", filterBox("only values that differ between the runs", false, apply));
  const only = el("button", { type: "button", onclick: () => {
    for (const status of statuses) boxes.get(status).querySelector("input").checked = status === "assumed";
    apply();
  } }, "Only assumed values");
  const all = el("button", { type: "button", onclick: () => {
    for (const status of statuses) boxes.get(status).querySelector("input").checked = true;
    search.value = "";
    apply();
  } }, "All");
  search.addEventListener("input", apply);
  section.append(
    el("p", { class: "note" },
      "Status: literature, read in the source named; derived, computed from it; calibrated, fitted to published "
      + "claims; assumed, not measured in this system; model choice, set by a model file or the user. The interval "
      + "is the range of plausible values."),
    el("div", { class: "filters" },
      el("label", { for: "parameter-filter" }, "Find ", search),
      el("fieldset", {}, el("legend", {}, "Show"), [...boxes.values()]), only, all),
    found,
    el("div", { class: "scroll" }, el("table", { class: "parameters stack" },
      el("thead", {}, el("tr", {}, PARAMETER_HEADER.map((name) => el("th", { scope: "col", class: name === "value" ? "number" : null }, name)))),
      el("tbody", {}, rows.map((row) => row.element)))));
  apply();
}

if (runsWithFacts().length) {
  page.addTab("explained", "Explained", (section) => forEachRun(section, runsWithFacts(), explainedElements));
  page.addTab("parameters", "Parameters", (section) => buildParameters(section, runsWithFacts()));
  page.addTab("about", "About this run", (section) => forEachRun(section, runsWithFacts(), aboutElements));
}
