"use strict";
/* The logic of the page without a browser; test_render.py runs it with the data of a page of two reports. */
const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const { Catalogue, counted, formatState, parseState, quoted } = require(
  path.join(__dirname, "..", "loopcheck", "report", "html", "page.js"),
);

const catalogue = new Catalogue(JSON.parse(fs.readFileSync(process.argv[2], "utf8")));
const shown = (hash) => catalogue.select(parseState(hash)).map((number) => catalogue.ids[number]);

/* The address. */
assert.deepStrictEqual(parseState("#text=a%20b&outcome=hang&__proto__=x&toString=y"), {
  ...parseState(""),
  text: "a b",
  outcome: "hang",
});
assert.strictEqual(formatState(parseState("")), "");
for (const hash of ["#outcome=failed%2Chang&level=must&area=tls&text=a+%26+b&compare=only-1&check=a%3A%3Ab"]) {
  assert.strictEqual(formatState(parseState(hash)), hash);
}

/* The filters. */
assert.strictEqual(shown("#outcome=all").length, catalogue.size);
assert.deepStrictEqual(shown("#outcome=passed"), ["b::'it'", "scheduling::a", "tls::d"]);
assert.deepStrictEqual(shown("#outcome=crash,broken"), ["tls::f", "tls::g"]);
assert.deepStrictEqual(shown("#area=scheduling"), ["scheduling::b[debug]", "scheduling::c"]);
assert.deepStrictEqual(shown("#level=may,should"), ["tls::d", "tls::f"]);
assert.deepStrictEqual(shown("#text=IPV6"), ["tls::e"]);
assert.deepStrictEqual(shown("#text=tls+sigsegv+nowhere"), []);
assert.deepStrictEqual(shown("#outcome=nonsense"), []);

/* The comparison of two. */
assert.deepStrictEqual(shown("#compare=regressed"), ["scheduling::c"]);
assert.deepStrictEqual(shown("#compare=fixed"), ["b::'it'", "tls::d"]);
assert.deepStrictEqual(shown("#compare=only-1"), ["scheduling::c"]);
assert.deepStrictEqual(shown("#compare=differs&outcome=all"), [
  "b::'it'", "scheduling::c", "tls::d", "tls::e", "tls::f", "tls::g",
]);
assert.deepStrictEqual(shown("#compare=only-x"), shown(""));

/* Causes: b explains d, as the test has said. */
assert.deepStrictEqual(shown("#area=tls&only=causes"), ["tls::e", "tls::f", "tls::g"]);
assert.deepStrictEqual([...catalogue.effects.values()].map((one) => [...one].map((number) => catalogue.ids[number])), [["tls::d"]]);

/* What is told. */
const crash = catalogue.index.get("tls::g");
assert.strictEqual(catalogue.outcome(crash, 0), "crash");
assert.strictEqual(catalogue.outcome(crash, 1), undefined);
assert.deepStrictEqual(catalogue.rows(crash, 1), []);
assert.ok(catalogue.rows(crash, 0).some(([label, text]) => label === "stack" && text.includes("<script>")));
assert.deepStrictEqual(counted(catalogue, catalogue.ofArea().get("tls"), 0), ["1 failed", "1 crash", "1 unavailable", "1 broken"]);
assert.strictEqual(quoted("a::b[c]"), "'a::b[c]'");
assert.strictEqual(quoted("it's"), "'it'\"'\"'s'");
assert.strictEqual(quoted("uvloop:new_event_loop"), "uvloop:new_event_loop");
