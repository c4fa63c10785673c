// The page: what is asked, of which variants, and the address that says so.

import { Refused, info, search, useKey } from "./api.js";
import { make, plural } from "./dom.js";
import { VariantView, message } from "./variant.js";
import { Weights } from "./weights.js";

const at = (id) => document.getElementById(id);
const [form, query, first, second, count, results, status] = ["search", "query", "a", "b", "k", "results", "status"].map(at);
const EXAMPLES = ["how do I sort a list", "copy a directory tree", "read a csv file with a header"];
let variants = [];
let views = [];
let running = null;
let asked = null;
const weights = new Weights(at("weights"), at("weighed"), () => {
  writeLink();
  run();
});

// Theme: the system's, until somebody decides otherwise.
function showTheme() {
  const dark = isDark();
  at("theme").textContent = dark ? "Light" : "Dark";
  at("theme").setAttribute("aria-label", dark ? "Switch to light colours" : "Switch to dark colours");
  at("theme").setAttribute("aria-pressed", String(dark));
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function remembered() {
  try {
    return localStorage.getItem("tamis-theme");
  } catch {
    return null; // storage may be forbidden; the page works without
  }
}

at("theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  try {
    localStorage.setItem("tamis-theme", document.documentElement.dataset.theme);
  } catch {
    // see above
  }
  showTheme();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);

// Variants: every pipeline of every index that is served.
function fillChoices(served) {
  const ready = served.indexes.filter((index) => index.ready);
  variants = ready.flatMap((index) =>
    Object.entries(index.pipelines).map(([pipeline, config]) => ({ index: index.name, pipeline, config, id: `${index.name}/${pipeline}` })),
  );
  const many = ready.length > 1;
  const label = (variant) => (many ? `${variant.index} / ${variant.pipeline}` : variant.pipeline);
  const options = () => variants.map((variant) => make("option", { value: variant.id }, label(variant)));
  first.replaceChildren(...options());
  second.replaceChildren(make("option", { value: "" }, "nothing"), ...options());
  at("versus").hidden = variants.length < 2;
  if (variants.length) weights.of(variants[0].config);
  at("serving").textContent = ready
    .map((index) => `${index.name}: ${index.passages.toLocaleString("en")} passages`)
    .join(" · ");
}

function named(id) {
  return variants.find((variant) => variant.id === id);
}

// The link: after the #, which no browser sends to any server.
function writeLink() {
  const said = new URLSearchParams({ q: query.value, a: first.value, k: count.value });
  if (second.value) said.set("b", second.value);
  if (weights.value) said.set("w", weights.written);
  if (`#${said}` !== location.hash) history.pushState(null, "", `#${said}`);
}

function readLink() {
  const said = new URLSearchParams(location.hash.slice(1));
  query.value = said.get("q") ?? "";
  if (named(said.get("a"))) first.value = said.get("a");
  second.value = named(said.get("b")) ? said.get("b") : "";
  if (named(first.value)) weights.of(named(first.value).config);
  weights.read(said.get("w"));
  if (weights.value) at("what-if").open = true;
  if ([...count.options].some((option) => option.value === said.get("k"))) count.value = said.get("k");
}

async function run() {
  const text = query.value.trim();
  running?.abort();
  if (!text) return welcome();
  running = new AbortController();
  const { signal } = running;
  const chosen = [named(first.value), named(second.value)].filter(Boolean);
  loading(chosen.length);
  try {
    const answers = await Promise.all(chosen.map((variant, number) =>
      search(variant, text, Number(count.value), number ? null : weights.value, signal)));
    show(chosen, answers);
  } catch (error) {
    if (error.name !== "AbortError") failed(error);
  }
}

function loading(columns) {
  status.textContent = "Searching";
  results.setAttribute("aria-busy", "true");
  if (views.length) return results.classList.add("busy");
  results.replaceChildren(...Array.from({ length: columns * 3 }, () => make("div", { class: "card bones", "aria-hidden": "true" })));
}

function put(two, ...nodes) {
  results.classList.remove("busy");
  results.classList.toggle("two", two);
  results.removeAttribute("aria-busy");
  results.replaceChildren(...nodes);
}

function show(chosen, answers) {
  views = answers.map((answer, number) => new VariantView(labelOf(chosen[number], number), answer, number));
  put(views.length > 1, ...views.map((view) => view.node));
  if (views.length > 1) {
    views[0].compare(views[1]);
    views[1].compare(views[0]);
  }
  status.textContent = answers
    .map((answer, number) => `${chosen[number].id}: ${plural(answer.hits.length, "hit")} in ${answer.took_ms.toFixed(0)} milliseconds`)
    .join("; ");
  document.title = `${answers[0].query.text} · Tamis playground`;
}

// The second variant is what it is: weights tried out on the first can be set against the pipeline as configured.
function labelOf(variant, number) {
  return weights.value && !number ? `${variant.id}, weighed ${at("weighed").textContent}` : variant.id;
}

function welcome() {
  views = [];
  document.title = "Tamis playground";
  status.textContent = "";
  const examples = EXAMPLES.map((text) => make("button", { type: "button", class: "plain", onclick: () => ask(text) }, text));
  put(false, message("See how a query is sieved",
    "Every hit is shown with the rank and score that each stage gave it, and with what the answer cost.",
    make("div", { class: "examples" }, ...examples)));
}

function failed(error) {
  views = [];
  const locked = error instanceof Refused && error.status === 401;
  at("locked").hidden = !locked;
  if (locked) at("key").focus();
  const again = make("button", { type: "button", class: "plain", onclick: () => begin() }, "Try again");
  const box = message(locked ? "This service asks for a key" : "That did not work", error.message, locked ? null : again);
  box.classList.add("failed");
  box.setAttribute("role", "alert");
  put(false, box);
  status.textContent = "";
}

function ask(text) {
  query.value = text;
  form.requestSubmit();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!variants.length) return begin();
  writeLink();
  run();
});
for (const choice of [first, second, count]) {
  choice.addEventListener("change", () => {
    if (choice === first) weights.of(named(first.value).config);
    writeLink();
    run();
  });
}
addEventListener("popstate", () => {
  readLink();
  run();
});
at("share").addEventListener("click", async () => {
  writeLink();
  const button = at("share");
  try {
    await navigator.clipboard.writeText(location.href);
    button.textContent = "Copied";
  } catch {
    button.textContent = "It is in the address bar"; // the clipboard is closed to pages without TLS
  }
  setTimeout(() => (button.textContent = "Copy link"), 2000);
});
at("unlock").addEventListener("click", () => {
  useKey(at("key").value.trim());
  at("locked").hidden = true;
  begin();
});
at("key").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  at("unlock").click();
});

// Keyboard: / to the query, arrows through the hits and across variants, Escape back.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const active = document.activeElement;
  const place = views.flatMap((view, column) => view.items.map((item, row) => ({ column, row, item })))
    .find(({ item }) => item.title === active);
  const typing = active?.matches("input, select, textarea");
  if (event.key === "/" && !typing) {
    event.preventDefault();
    query.focus();
    query.select();
  } else if (event.key === "Escape" && place) {
    query.focus();
  } else if (event.key === "ArrowDown" && active === query && views.length) {
    event.preventDefault();
    views[0].focus(0);
  } else if (place && ["ArrowDown", "ArrowUp", "Home", "End", "ArrowLeft", "ArrowRight"].includes(event.key)) {
    event.preventDefault();
    move(event.key, place);
  }
});

function move(key, { column, row }) {
  const last = views[column].items.length - 1;
  if (key === "ArrowUp" && row === 0) return query.focus();
  if (key === "ArrowLeft" || key === "ArrowRight") {
    const side = column + (key === "ArrowRight" ? 1 : -1);
    return views[side]?.focus(row);
  }
  views[column].focus({ ArrowDown: row + 1, ArrowUp: row - 1, Home: 0, End: last }[key]);
}

async function begin() {
  if (!asked) asked = info();
  try {
    fillChoices(await asked);
    asked = null;
  } catch (error) {
    asked = null;
    return failed(error);
  }
  if (!variants.length) return failed(new Refused(503, "No index is open yet; it takes a few seconds after the start.", "not_ready"));
  const typed = query.value;
  readLink();
  if (typed && !query.value) query.value = typed;
  await run();
}

if (remembered()) document.documentElement.dataset.theme = remembered();
showTheme();
begin();
