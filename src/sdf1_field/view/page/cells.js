// The chosen cell: its number, and a table of its states over time.
function buildCells() {
  const withCells = page.runs.filter((floor) => floor.cells);
  if (!withCells.length) return null;
  const { numbers } = withCells[0].told.cells;
  const number = el("input", {
    type: "number", min: 0, step: 1, id: "cell-number", inputmode: "numeric",
    placeholder: `${numbers[0]}–${numbers[numbers.length - 1]}`,
  });
  const which = withCells.length > 1
    ? el("select", { "aria-label": "run of the cell" }, ...withCells.map((floor) => el("option", { value: floor.index }, floor.told.name)))
    : null;
  const said = el("p", { class: "cell-now" });
  const place = el("div", { class: "cell-table" });
  const form = el("form", { class: "find", novalidate: true, onsubmit: (event) => { event.preventDefault(); find(); } },
    el("label", { for: "cell-number" }, "Cell number "), number, which, el("button", { type: "submit" }, "Show"),
    el("button", { type: "button", class: "forget hidden", "aria-label": "no cell", title: "no cell (Escape)", onclick: () => page.setCell(null) }, "✕"));
  const root = el("section", { class: "cell", "aria-label": "one cell" }, form, said, place);

  const find = () => {
    const floor = which ? page.runs[Number(which.value)] : withCells[0];
    const own = floor.told.cells.numbers, asked = Number(number.value);
    if (number.value === "" || !own.includes(asked)) {
      page.setCell(null);
      if (number.value === "") return;
      said.textContent = `There is no cell ${number.value}. Cells have the numbers ${own[0]} to ${own[own.length - 1]}.`;
      announce(said.textContent);
      return;
    }
    page.setCell({ run: floor.index, number: asked });
  };

  const now = () => {
    const { cell } = page.state;
    if (!cell) return;
    const floor = page.runs[cell.run], n = floor.told.cells.numbers.indexOf(cell.number);
    const seen = floor.observationAt(page.state.time);
    place.querySelectorAll("tr[aria-current]").forEach((row) => row.removeAttribute("aria-current"));
    if (seen < 0) { said.textContent = `Cell ${cell.number} is not yet in the dish.`; return; }
    const row = place.querySelector(`tr[data-seen="${seen}"]`);
    if (row) {
      row.setAttribute("aria-current", "time");
      const box = place.querySelector(".scroll");
      box.scrollTop = row.offsetTop - box.clientHeight / 2;
    }
    said.textContent = cellText(floor, n, seen);
  };

  const show = () => {
    const { cell } = page.state;
    root.querySelector(".forget").classList.toggle("hidden", !cell);
    if (!cell) { place.replaceChildren(); said.textContent = ""; return; }
    number.value = cell.number;
    if (which) which.value = cell.run;
    place.replaceChildren(cellTable(page.runs[cell.run], cell.number));
    now();
    announce(said.textContent);
  };
  page.onCell(show);
  page.onTime(now);
  return root;
}

// What a cell touches: the body under its centre, and the bonds of the adhesion map at its place.
function touched(floor, n, seen) {
  const bits = floor.cells.touches.code(seen, n);
  return {
    body: floor.cells.under.at(seen, n),
    bonds: floor.told.cells.bonds.filter((_, bit) => bits & (1 << bit)),
  };
}

function touchedText(floor, n, seen) {
  const { body, bonds } = touched(floor, n, seen);
  return [body >= 0 ? `body ${body}` : "", bonds.join(", ")].filter(Boolean).join(": ") || "nothing";
}

function listText(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
}

function regionText(floor, n, seen) {
  return floor.told.regions.labels[floor.cells.region.code(seen, n)] || "outside the dish";
}

function cellText(floor, n, seen) {
  const { told, cells } = floor, held = cells.held.code(seen, n);
  const when = timeText(told.observations[seen]);
  const text = `Cell ${told.cells.numbers[n]} at ${when}: ${held ? "held" : "crawling"} over ${regionText(floor, n, seen)}`;
  if (!cells.touches) return `${text}.`;
  const { body, bonds } = touched(floor, n, seen), on = body >= 0 ? ` (body ${body})` : "";
  if (held && bonds.length) return `${text}${on} by ${listText(bonds)}.`;
  if (held) return `${text}${on}; nothing that could hold it is within its reach in the last saved floor.`;
  return bonds.length ? `${text}${on}; it touches ${listText(bonds)}.` : `${text}${on}; nothing that could hold it is within its reach.`;
}

function cellTable(floor, number) {
  const { told, cells } = floor, n = told.cells.numbers.indexOf(number);
  const touching = Boolean(cells.touches);
  const rows = told.observations.map((time, seen) => {
    const held = cells.held.code(seen, n);
    return el("tr", { "data-seen": seen, class: held ? "is-held" : null, onclick: () => page.setTime(time) },
      el("th", { scope: "row", class: "number" }, el("button", { type: "button", class: "plain", "aria-label": `show ${timeText(time)}` }, timeText(time))),
      el("td", {}, el("span", { class: "swatch ring", style: `--own: var(${held ? "--held" : "--crawling"})`, "aria-hidden": "true" }), held ? "held" : "crawling"),
      el("td", {}, regionText(floor, n, seen)),
      touching ? el("td", {}, touchedText(floor, n, seen)) : null);
  });
  return el("div", {},
    el("div", { class: "scroll table", tabindex: 0, role: "region", "aria-label": `cell ${number} over time` },
      el("table", {}, el("caption", {}, `${told.cells.label} cell ${number} over time${page.runs.length > 1 ? `, ${told.name}` : ""}`),
        el("thead", {}, el("tr", {}, el("th", { scope: "col", class: "number" }, "time"), el("th", { scope: "col" }, "state"),
          el("th", { scope: "col" }, "over"), touching ? el("th", { scope: "col" }, "within reach") : null)),
        el("tbody", {}, ...rows))),
    touching ? el("p", { class: "note" }, "The file says that a cell is held, not by which bond. These are the bonds within its reach by the run's own adhesion map of the last saved floor, which hold it together, and the body under its centre.") : null);
}
