// The page: its data, shared state, tabs, and makers of elements. See view/__init__.py.
const page = {
  data: JSON.parse(document.getElementById("data").textContent),
  runs: [],
  state: { time: 0, cell: null },
  tabs: [],
  starters: [],
  timeListeners: [],
  cellListeners: [],

  onTime(listener) { page.timeListeners.push(listener); },
  onCell(listener) { page.cellListeners.push(listener); },

  setTime(seconds) {
    page.state.time = seconds;
    for (const listener of page.timeListeners) listener(seconds);
  },

  // A cell is {run: index in page.runs, number}, or null for none.
  setCell(cell) {
    page.state.cell = cell;
    for (const listener of page.cellListeners) listener(cell);
  },

  // build(section) fills the tab once, when the page starts.
  addTab(id, label, build) { page.tabs.push({ id, label, build }); },

  // Work that has to be done before tabs are built, such as inflating blocks.
  addStarter(start) { page.starters.push(start); },

  block(name) {
    const element = document.getElementById(`block-${name}`);
    const text = atob(element.textContent);
    element.remove();
    const bytes = new Uint8Array(text.length);
    for (let n = 0; n < text.length; n += 1) bytes[n] = text.charCodeAt(n);
    return bytes;
  },
};

// el("p", {class: "note", onclick: f}, "text", element, ...): text is never read as HTML.
function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

function el(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

const MINUTES_BELOW = 7200; // [s]

// Three significant digits, in scientific notation where zeros would be counted.
function numberText(value, digits = 3) {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e4 || size < 1e-3) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    const raised = [...String(Number(exponent))].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] || "⁻").join("");
    return `${Number(mantissa)}\u00a0×\u00a010${raised}`.replace("-", "−");
  }
  return String(Number(value.toPrecision(digits))).replace("-", "−");
}

// Minutes below two hours, then hours, with minutes where two digits of an hour do not tell.
function timeText(seconds) {
  const size = Math.abs(seconds), sign = seconds < 0 ? "−" : "", hours = Math.floor(size / 3600);
  const rounded = (value) => String(Number(value.toFixed(2)));
  if (size > 0 && size < MINUTES_BELOW) return `${sign}${rounded(size / 60)} min`;
  if (Number.isInteger(Math.round(size) / 36)) return `${sign}${rounded(size / 3600)} h`;
  return `${sign}${hours} h ${rounded(size / 60 - 60 * hours)} min`;
}

// A colour of style.css, such as colourOf("--held").
function colourOf(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function announce(text) {
  const place = document.getElementById("announcement");
  if (place) place.textContent = text;
}

const themeListeners = [];
function themeSwitch() {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const button = el("button", { type: "button", class: "theme" });
  const changed = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", isDark() ? "Switch to light colours" : "Switch to dark colours");
    for (const listener of themeListeners) listener();
  };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    changed();
  });
  system.addEventListener("change", changed);
  changed();
  return button;
}

function buildTabs() {
  const list = document.querySelector("[role=tablist]");
  const main = document.getElementById("main");
  const show = (id, focus) => {
    for (const tab of page.tabs) {
      const chosen = tab.id === id;
      tab.button.setAttribute("aria-selected", chosen);
      tab.button.tabIndex = chosen ? 0 : -1;
      tab.section.classList.toggle("hidden", !chosen);
      if (chosen && focus) tab.button.focus();
    }
    window.dispatchEvent(new Event("resize"));
  };
  page.showTab = (id) => show(id, false);
  for (const tab of page.tabs) {
    tab.button = el("button", {
      type: "button", role: "tab", id: `tab-${tab.id}`, "aria-controls": tab.id,
      onclick: () => show(tab.id, false),
    }, tab.label);
    tab.section = el("section", {
      role: "tabpanel", id: tab.id, class: "tab", "aria-labelledby": `tab-${tab.id}`,
    }, el("h2", { class: "print-only" }, tab.label));
    list.append(tab.button);
    main.append(tab.section);
  }
  list.addEventListener("keydown", (event) => {
    const at = page.tabs.findIndex((tab) => tab.button === document.activeElement);
    const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -at, End: page.tabs.length - 1 - at };
    if (at < 0 || !(event.key in steps)) return;
    event.preventDefault();
    event.stopPropagation();
    const count = page.tabs.length;
    show(page.tabs[(at + steps[event.key] + count) % count].id, true);
  });
  const asked = location.hash.slice(1);
  const first = page.tabs.some((tab) => tab.id === asked) ? asked : page.tabs[0].id;
  for (const tab of page.tabs) tab.build(tab.section);
  show(first, false);
  list.classList.toggle("hidden", page.tabs.length < 2);
}

function problem(text) {
  document.getElementById("main").prepend(el("p", { class: "problem", role: "alert" }, text));
}
