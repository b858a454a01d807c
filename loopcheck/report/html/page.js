"use strict";
/* The certification report in a browser: a map of all checks, filters kept in the address, cards built on demand.

   No library, no request: everything is in the data that the page carries. Whatever a loop has put into a message is
   only ever set as text, never as markup. */

/* What needs no document: tested by itself. */

const DEFAULT = { outcome: "deviations", level: "", area: "", text: "", compare: "", only: "", check: "" };

/* The state that an address names: what follows "#", as in a query. */
function parseState(hash) {
  const state = { ...DEFAULT };
  for (const [key, value] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (Object.hasOwn(DEFAULT, key)) state[key] = value;
  }
  return state;
}

/* The address of a state; empty for the default. */
function formatState(state) {
  const parameters = new URLSearchParams();
  for (const key of Object.keys(DEFAULT)) if (state[key] !== DEFAULT[key]) parameters.set(key, state[key]);
  const text = parameters.toString();
  return text ? "#" + text : "";
}

/* A word for a POSIX shell. */
function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : "'" + word.replaceAll("'", "'\"'\"'") + "'";
}

/* All checks of a report, each with its outcome in every column, and which of them a state shows. */
class Catalogue {
  constructor(data) {
    this.data = data;
    this.size = data.checks.length;
    this.ids = data.checks.map((check) => check[0]);
    this.index = new Map(this.ids.map((id, number) => [id, number]));
    this.areas = this.ids.map((id) => id.split("::", 1)[0]);
    this.words = {}; /* an outcome's letter to its word */
    this.failing = new Set(); /* letters of failures that nothing explains */
    for (const outcome of data.outcomes) {
      this.words[outcome.letter] = outcome.word;
      if (outcome.fails) this.failing.add(outcome.letter);
    }
    this.columns = data.columns.map((column) => column.outcomes);
    this.effects = new Map(); /* a cause to the checks whose failures it explains, in any column */
    for (const column of data.columns) {
      for (const [number, cause] of Object.entries(column.because)) {
        if (!this.effects.has(cause)) this.effects.set(cause, new Set());
        this.effects.get(cause).add(Number(number));
      }
    }
    this.haystacks = null;
  }

  level(number) {
    return this.data.levels[this.data.checks[number][1]];
  }

  sentence(number) {
    return this.data.sentences[this.data.checks[number][2]];
  }

  reference(number) {
    return this.data.references[this.data.checks[number][3]];
  }

  /* The outcome of a check in a column; undefined if it was not planned there. */
  outcome(number, column) {
    return this.words[this.columns[column][number]];
  }

  /* The check whose failure explains that of another, in a column; undefined if there is none. */
  cause(number, column) {
    return this.data.columns[column].because[number];
  }

  /* Whether all that is said against a check is explained by others. */
  isExplained(number) {
    const failing = [...this.columns.keys()].filter((column) => this.failing.has(this.columns[column][number]));
    const explained = failing.map((column) => this.cause(number, column) !== undefined);
    return explained.length > 0 && explained.every(Boolean);
  }

  /* Label and text of what is told of a check that did not pass. */
  rows(number, column) {
    const found = this.data.details[column][number] || [];
    const rows = [];
    for (let at = 0; at < found.length; at += 2) {
      rows.push([this.data.labels[found[at]], this.data.texts[found[at + 1]]]);
    }
    return rows;
  }

  /* The area's checks, as numbers; they stand together. */
  ofArea() {
    const areas = new Map();
    this.areas.forEach((area, number) => {
      if (!areas.has(area)) areas.set(area, []);
      areas.get(area).push(number);
    });
    return areas;
  }

  /* The numbers of the checks that a state shows. */
  select(state) {
    const levels = new Set(state.level ? state.level.split(",") : this.data.levels);
    const outcomes = this.letters(state.outcome);
    const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
    const compare = this.comparison(state.compare);
    if (words.length) this.prepare();
    const found = [];
    for (let number = 0; number < this.size; number++) {
      if (state.area && this.areas[number] !== state.area) continue;
      if (!levels.has(this.level(number))) continue;
      if (outcomes && !this.columns.some((letters) => outcomes.has(letters[number]))) continue;
      if (compare && !compare(number)) continue;
      if (state.only === "causes" && this.effects.size && this.isExplained(number)) continue;
      if (words.length && !words.every((word) => this.haystacks[number].includes(word))) continue;
      found.push(number);
    }
    return found;
  }

  /* The letters that a filter of outcomes lets through; null for all. */
  letters(filter) {
    if (filter === "all") return null;
    const wanted = new Set(filter.split(","));
    const letters = new Set();
    for (const outcome of this.data.outcomes) {
      if (wanted.has(outcome.word) || (wanted.has("deviations") && outcome.word !== "passed")) letters.add(outcome.letter);
    }
    return letters;
  }

  /* What two or more reports say differently: a test of a check's number; null for no comparison.

     Fixed and regressed are about the first and the last report, as "loopcheck diff" means them. */
  comparison(name) {
    const fails = (column, number) => this.failing.has(this.columns[column][number]);
    const last = this.columns.length - 1;
    if (last < 1) return null;
    if (Object.hasOwn(this.data.turns, name)) {
      const pairs = new Set(this.data.turns[name]);
      return (number) => pairs.has(this.columns[0][number] + this.columns[last][number]);
    }
    if (name === "differs") return (number) => this.columns.some((letters) => letters[number] !== this.columns[0][number]);
    if (/^only-\d+$/.test(name)) {
      const only = Number(name.slice(5));
      return (number) => this.columns.every((_, column) => fails(column, number) === (column === only));
    }
    return null;
  }

  /* What a search looks into: id, sentence and what is told, in lower case. */
  prepare() {
    this.haystacks ??= this.ids.map((id, number) => {
      const texts = [id, this.sentence(number)];
      this.columns.forEach((_, column) => texts.push(...this.rows(number, column).map((row) => row[1])));
      return texts.join("\n").toLowerCase();
    });
  }
}

/* How many of some checks ended how, in words. */
function counted(catalogue, numbers, column) {
  const counts = new Map();
  for (const number of numbers) {
    const word = catalogue.outcome(number, column);
    if (word) counts.set(word, (counts.get(word) || 0) + 1);
  }
  return catalogue.data.outcomes.filter((one) => counts.has(one.word)).map((one) => `${counts.get(one.word)} ${one.word}`);
}

if (typeof module !== "undefined") module.exports = { Catalogue, counted, formatState, parseState, quoted };

/* The document. */

const CELL = 10;
const ON_PAPER = 44; /* cells in a row of the map, on A4 and on letter paper */
const CHUNK = 60;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== false && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function drawing(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/* The shape of each outcome, in a square of 8: what tells them apart without colour. */
const shapes = {};

function mark(word) {
  const svg = drawing("svg", { class: "mark", viewBox: "0 0 8 8", "aria-hidden": "true" });
  svg.append(drawing("path", { class: `is-${word}`, d: `M0 0${shapes[word]}`, "fill-rule": "evenodd" }));
  return svg;
}

class Page {
  constructor(data) {
    this.data = data;
    for (const outcome of data.outcomes) shapes[outcome.word] = outcome.shape;
    this.catalogue = new Catalogue(data);
    this.several = data.columns.length > 1;
    this.areas = this.catalogue.ofArea();
    this.found = [];
    this.shown = 0;
    this.list = document.getElementById("list");
    this.more = document.getElementById("more");
    this.count = document.getElementById("count");
    this.tip = document.getElementById("tip");
    this.state = parseState(location.hash);
    this.makeControls();
    this.makeMap();
    this.apply();
    this.listen();
    if (this.state.check) this.open(this.state.check);
  }

  /* The filters. */

  makeControls() {
    const filters = document.getElementById("filters");
    const present = new Set();
    for (const letters of this.catalogue.columns) for (const letter of letters) present.add(this.catalogue.words[letter]);
    const outcomes = this.data.outcomes.filter((one) => present.has(one.word));
    this.outcomes = [
      ["deviations", "not passed", "everything but what passed"],
      ...outcomes.map((one) => [one.word, one.word, one.means]),
      ["all", "all", "every check"],
    ].map(([value, label, means]) =>
      element(
        "button",
        { type: "button", value, title: means, class: "chip", onclick: () => this.toggle("outcome", value) },
        ...(shapes[value] ? [mark(value)] : []),
        label,
      ),
    );
    this.levels = this.data.levels.map((level) =>
      element(
        "button",
        { type: "button", value: level, title: this.data.meanings[level], class: "chip", onclick: () => this.toggle("level", level) },
        level,
      ),
    );
    this.area = element("select", { id: "area", onchange: () => this.change({ area: this.area.value }) });
    this.area.append(element("option", { value: "" }, "all areas"));
    for (const area of this.areas.keys()) this.area.append(element("option", { value: area }, area));
    this.text = element("input", {
      type: "search",
      id: "text",
      placeholder: "words in id, sentence or message",
      autocomplete: "off",
      oninput: () => this.change({ text: this.text.value }),
    });
    this.compare = element("select", { id: "compare", onchange: () => this.change({ compare: this.compare.value }) });
    for (const [value, label] of [
      ["", "whatever the others say"],
      ["differs", "differs between reports"],
      ["regressed", "regressed: fails in the last, not in the first"],
      ["fixed", "fixed: fails in the first, not in the last"],
      ...this.data.columns.map((column, number) => [`only-${number}`, `fails in ${column.letter} only: ${column.label}`]),
    ]) {
      this.compare.append(element("option", { value }, label));
    }
    this.causes = element(
      "button",
      {
        type: "button",
        class: "chip",
        title: "leave away the failures that another failure explains",
        onclick: () => this.change({ only: this.state.only ? "" : "causes" }),
      },
      "causes only",
    );
    filters.append(
      element("div", { role: "group", "aria-label": "Outcome" }, ...this.outcomes),
      element("div", { role: "group", "aria-label": "Level" }, ...this.levels),
      element("label", { for: "area" }, "Area ", this.area),
      element("label", { for: "text" }, "Search ", this.text),
      ...(this.several ? [element("label", { for: "compare" }, "Compare ", this.compare)] : []),
      ...(this.catalogue.effects.size ? [this.causes] : []),
      element("button", { type: "button", class: "plain", onclick: () => this.change({ ...DEFAULT }) }, "Reset"),
    );
  }

  toggle(key, value) {
    const exclusive = value === "all" || value === "deviations";
    const now = new Set(this.state[key].split(",").filter((one) => one && one !== "all" && one !== "deviations"));
    if (!exclusive) now.has(value) ? now.delete(value) : now.add(value);
    const joined = exclusive ? value : [...now].join(",");
    this.change({ [key]: joined || DEFAULT[key] });
  }

  change(part) {
    this.state = { ...this.state, check: "", ...part };
    this.remember();
    this.apply();
  }

  remember() {
    try {
      history.replaceState(null, "", location.pathname + location.search + formatState(this.state));
    } catch {
      /* some browsers refuse it to files; then the address stays */
    }
  }

  apply() {
    const state = this.state;
    for (const button of this.outcomes) button.setAttribute("aria-pressed", state.outcome.split(",").includes(button.value));
    for (const button of this.levels) button.setAttribute("aria-pressed", state.level.split(",").includes(button.value));
    this.causes.setAttribute("aria-pressed", state.only === "causes");
    this.area.value = state.area;
    this.compare.value = state.compare;
    if (this.text.value !== state.text) this.text.value = state.text;
    for (const [area, row] of this.rows) row.classList.toggle("chosen", area === state.area);
    this.found = this.catalogue.select(state);
    this.list.replaceChildren();
    this.shown = 0;
    this.showMore();
    const number = this.found.length;
    this.count.textContent = `${number} of ${this.catalogue.size} checks`;
  }

  /* The map: an area a row, a cell a check. */

  makeMap() {
    const map = document.getElementById("map");
    this.rows = new Map();
    this.strips = [];
    for (const [area, numbers] of this.areas) {
      const row = element("div", { class: "row" });
      row.append(
        element("button", { type: "button", class: "area", onclick: () => this.change({ area: this.state.area === area ? "" : area }) }, area),
      );
      this.data.columns.forEach((column, at) => {
        const told = counted(this.catalogue, numbers, at);
        const svg = drawing("svg", { role: "img", "aria-label": `${area}, ${column.label}: ${told.join(", ") || "not planned"}` });
        svg.addEventListener("pointermove", (event) => this.point(event, svg, numbers, at));
        svg.addEventListener("pointerleave", () => (this.tip.hidden = true));
        svg.addEventListener("click", (event) => this.choose(event, svg, numbers));
        const strip = element("div", { class: "strip" });
        if (this.several) strip.append(element("span", { class: "letter", title: column.label }, column.letter));
        strip.append(svg);
        row.append(strip);
        this.strips.push([svg, numbers, at]);
      });
      map.append(row);
      this.rows.set(area, row);
    }
    this.layOut();
  }

  layOut(across = this.room()) {
    if (across === this.across) return;
    this.across = across;
    for (const [svg, numbers, column] of this.strips) {
      const paths = {};
      numbers.forEach((number, at) => {
        const word = this.catalogue.outcome(number, column);
        if (!word) return;
        const x = (at % across) * CELL;
        const y = Math.floor(at / across) * CELL;
        paths[word] = (paths[word] || "") + `M${x} ${y}${shapes[word]}`;
      });
      const width = Math.min(across, numbers.length) * CELL;
      const height = Math.ceil(numbers.length / across) * CELL;
      for (const [key, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) svg.setAttribute(key, value);
      svg.replaceChildren(...Object.entries(paths).map(([word, d]) => drawing("path", { class: `is-${word}`, d, "fill-rule": "evenodd" })));
    }
  }

  /* How many cells there is room for. */
  room() {
    const [first] = this.strips;
    const width = first ? first[0].parentNode.clientWidth - (this.several ? 22 : 0) : 0;
    return Math.max(10, Math.floor(width / CELL));
  }

  /* Which check is under the pointer; undefined if none. */
  under(event, svg, numbers) {
    const box = svg.getBoundingClientRect();
    const scale = svg.viewBox.baseVal.width / box.width;
    const x = Math.floor(((event.clientX - box.left) * scale) / CELL);
    const y = Math.floor(((event.clientY - box.top) * scale) / CELL);
    return x < this.across ? numbers[y * this.across + x] : undefined;
  }

  point(event, svg, numbers, column) {
    const number = this.under(event, svg, numbers);
    this.tip.hidden = number === undefined;
    if (number === undefined) return;
    this.tip.textContent = `${this.catalogue.ids[number]}: ${this.catalogue.outcome(number, column) || "not planned"}`;
    this.tip.style.left = `${Math.min(event.clientX + 12, document.documentElement.clientWidth - this.tip.offsetWidth - 8)}px`;
    this.tip.style.top = `${event.clientY + 16}px`;
  }

  choose(event, svg, numbers) {
    const number = this.under(event, svg, numbers);
    if (number !== undefined) this.open(this.catalogue.ids[number]);
  }

  /* The list: a line a check, a card when it is opened. */

  showMore(until = this.shown + CHUNK) {
    const lines = document.createDocumentFragment();
    const end = Math.min(until, this.found.length);
    for (; this.shown < end; this.shown++) lines.append(this.line(this.found[this.shown]));
    this.list.append(lines);
    const rest = this.found.length - this.shown;
    this.more.hidden = rest <= 0;
    this.more.textContent = `Show ${Math.min(rest, CHUNK)} more of ${rest}`;
  }

  line(number) {
    const id = this.catalogue.ids[number];
    const words = this.data.columns.map((_, column) => this.catalogue.outcome(number, column));
    const effects = this.catalogue.effects.get(number);
    const marks = element("span", { class: "marks" });
    words.forEach((word, column) => {
      const said = word || "not planned";
      const name = this.several ? `${this.data.columns[column].letter}: ${said}` : said;
      marks.append(element("span", { class: "said", title: name }, word ? mark(word) : "\u00a0", element("span", { class: "word" }, this.several ? name : said)));
    });
    const details = element(
      "details",
      { id: `check-${number}` },
      element(
        "summary",
        {},
        marks,
        element("span", { class: `level ${this.catalogue.level(number)}` }, this.catalogue.level(number)),
        element("code", {}, id),
        ...(effects ? [element("span", { class: "letter", title: "failures that this one explains" }, `+${effects.size}`)] : []),
        element("span", { class: "sentence" }, this.catalogue.sentence(number)),
      ),
    );
    details.addEventListener("toggle", () => this.toggled(details, number));
    return element("li", {}, details);
  }

  toggled(details, number) {
    const id = this.catalogue.ids[number];
    if (details.open && details.childElementCount === 1) {
      details.append(this.card(number));
      /* What scrolls must be within reach of the keyboard. */
      for (const text of details.querySelectorAll("pre")) if (text.scrollHeight > text.clientHeight) text.tabIndex = 0;
    }
    if (details.open) this.state.check = id;
    else if (this.state.check === id) this.state.check = "";
    this.remember();
  }

  card(number) {
    const id = this.catalogue.ids[number];
    const [reference, link] = this.catalogue.reference(number);
    const level = this.catalogue.level(number);
    const card = element("div", { class: "card" }, element("p", {}, this.catalogue.sentence(number)));
    const cells = element("div", { class: "cells" });
    const passed = [];
    this.data.columns.forEach((column, at) => {
      const word = this.catalogue.outcome(number, at);
      if (this.several && word === "passed") {
        passed.push(`${column.letter}: ${column.label}`);
        return;
      }
      const cell = element("section", { class: "cell" });
      if (this.several) cell.append(element("h3", {}, `${column.letter}: ${column.label}`));
      const list = element("dl", {});
      const add = (label, ...value) => list.append(element("dt", {}, label), element("dd", {}, ...value));
      add("outcome", ...(word ? [mark(word), element("b", {}, word), ` \u2014 ${this.data.meanings[word]}`] : ["not planned"]));
      for (const [label, text] of this.catalogue.rows(number, at)) add(label, element("pre", {}, text));
      const cause = this.catalogue.cause(number, at);
      if (cause !== undefined) {
        const go = element("button", { type: "button", class: "plain", onclick: () => this.open(this.catalogue.ids[cause]) });
        go.append(this.catalogue.ids[cause]);
        add("because", go, " fails, too: mend that first");
      }
      if (word) add("rerun", this.copyable(`pytest --loop-factory=${quoted(column.factory)} ${quoted(id)}`));
      cell.append(list);
      cells.append(cell);
    });
    const about = element("dl", {});
    about.append(
      element("dt", {}, "level"),
      element("dd", {}, `${level}: ${this.data.meanings[level]}`),
      element("dt", {}, "reference"),
      element("dd", {}, link ? element("a", { href: link, rel: "noopener noreferrer" }, reference) : reference),
    );
    if (passed.length) about.append(element("dt", {}, mark("passed"), "passed"), element("dd", {}, passed.join("; ")));
    card.append(about, cells);
    return card;
  }

  copyable(command) {
    const code = element("code", { class: "command" }, command);
    const button = element("button", { type: "button", class: "plain" }, "Copy");
    button.addEventListener("click", () => {
      const selection = getSelection();
      selection.selectAllChildren(code);
      /* The modern way first; files may be refused it, and then the selection is there for the keyboard. */
      Promise.resolve(navigator.clipboard ? navigator.clipboard.writeText(command) : Promise.reject())
        .then(() => (button.textContent = "Copied"))
        .catch(() => (button.textContent = "Selected: copy it with the keyboard"));
    });
    return element("span", {}, code, " ", button);
  }

  /* Show one check, whatever the filters say. */
  open(id) {
    const number = this.catalogue.index.get(id);
    if (number === undefined) return;
    let at = this.found.indexOf(number);
    if (at < 0) {
      this.found = [number, ...this.found];
      this.list.prepend(this.line(number));
      this.shown++;
      at = 0;
    }
    while (this.shown <= at) this.showMore();
    const details = document.getElementById(`check-${number}`);
    details.open = true;
    details.scrollIntoView({ block: "center" });
    details.firstElementChild.focus({ preventScroll: true });
  }

  /* Events. */

  listen() {
    this.more.addEventListener("click", () => this.showMore());
    if ("IntersectionObserver" in window) {
      new IntersectionObserver((entries) => {
        if (entries.some((entry) => entry.isIntersecting) && this.shown) this.showMore();
      }, { rootMargin: "400px" }).observe(this.more);
    }
    addEventListener("hashchange", () => {
      if (document.getElementById(location.hash.slice(1))) return; /* a place on the page, no state */
      this.state = parseState(location.hash);
      this.apply();
      if (this.state.check) this.open(this.state.check);
    });
    /* So that the first search is as quick as the others. */
    (window.requestIdleCallback || setTimeout)(() => this.catalogue.prepare());
    let waiting = 0;
    addEventListener("resize", () => {
      cancelAnimationFrame(waiting);
      waiting = requestAnimationFrame(() => this.layOut());
    });
    addEventListener("beforeprint", () => {
      this.showMore(this.found.length);
      this.layOut(ON_PAPER);
    });
    addEventListener("afterprint", () => this.layOut());
    addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "Escape" && event.target === this.text) this.change({ text: "" });
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") {
      event.preventDefault();
      this.text.focus();
    } else if (event.key === "j" || event.key === "k") {
      const lines = [...this.list.querySelectorAll("summary")];
      const next = lines.indexOf(document.activeElement) + (event.key === "j" ? 1 : -1);
      if (next >= lines.length) this.showMore();
      const target = this.list.querySelectorAll("summary")[Math.max(0, next)];
      if (target) target.focus();
    }
  }
}

if (typeof document !== "undefined") new Page(JSON.parse(document.getElementById("data").textContent));
