// One variant's answer: what it cost, how its hits moved, and the hits.

import { make, plural, shown } from "./dom.js";
import { explain } from "./explain.js";
import { flow, foundBy, legend, light } from "./flow.js";
import { highlighted, snippet, terms } from "./text.js";
import { timings } from "./timings.js";

const FOUND = { sparse: "words", dense: "meaning", both: "words and meaning" };
const tip = document.getElementById("tip");

export class VariantView {
  constructor(label, answer, number) {
    this.answer = answer;
    this.number = number;
    this.items = [];
    this.chosen = -1;
    this.wanted = terms(answer.query.text);
    this.node = make("section", { class: "variant", "aria-label": label }, this.head(label));
    if (!answer.hits.length) {
      this.node.append(message("Nothing found", "No stage found a passage for this query. Try other words."));
      return;
    }
    this.picture = flow(answer.hits, (at, go) => (go ? this.focus(at) : this.light(at)), tell);
    this.picture.addEventListener("pointerleave", () => this.light(this.chosen));
    this.items = answer.hits.map((hit, at) => this.item(hit, at));
    this.node.append(
      make("figure", { class: "flow card" }, make("h3", {}, "How the hits moved"),
        make("figcaption", { class: "quiet" }, "Each line is a hit, each column a stage, the number its rank there."),
        this.picture, legend(answer.hits)),
      make("ol", { class: "hits", "aria-label": `Hits of ${label}` }, ...this.items.map((item) => item.node)),
    );
  }

  head(label) {
    const { answer } = this;
    const about = `${plural(answer.hits.length, "hit")} · version ${answer.index.version}`;
    const notes = answer.degraded.map((one) => make("p", { class: "degraded" }, `${one.stage} did less: ${one.reason}; ${one.action}`));
    return make("div", { class: "head card" },
      make("h2", {}, label, make("span", { class: "quiet" }, about), make("span", { class: "took" }, `${answer.took_ms.toFixed(1)} ms`)),
      ...timings(answer), ...notes);
  }

  item(hit, at) {
    const panel = make("div", { id: `hit-${this.number}-${at}`, hidden: true });
    const title = make("button",
      { type: "button", class: "title", "aria-expanded": "false", "aria-controls": panel.id, "aria-label": `${hit.rank}. ${hit.title || hit.docid}` },
      make("span", {}, ...highlighted(hit.title || hit.docid, this.wanted)),
      make("span", { class: "score", title: "score" }, shown(hit.score)), make("span", { class: "chevron", "aria-hidden": "true" }));
    const text = make("p", { class: "text" });
    const moved = make("span", { class: "moved" });
    const by = foundBy(hit);
    const node = make("li", { class: "hit card" }, make("div", { class: "place" }, String(hit.rank), moved),
      make("div", { class: "body" }, title,
        make("p", { class: "meta" }, make("code", {}, hit.docid),
          make("span", { class: "found" }, make("span", { class: `dot of-${by}` }), FOUND[by])),
        text, panel));
    const item = { hit, node, title, panel, text, moved };
    this.write(item, false);
    title.addEventListener("click", () => this.toggle(at));
    title.addEventListener("focus", () => this.choose(at));
    node.addEventListener("pointerenter", () => this.light(at));
    node.addEventListener("pointerleave", () => this.light(this.chosen));
    return item;
  }

  write({ hit, text }, whole) {
    const written = whole ? hit.text : snippet(hit.text.replace(/\s+/g, " "), this.wanted);
    text.replaceChildren(...highlighted(written, this.wanted));
  }

  toggle(at) {
    const item = this.items[at];
    const open = item.title.getAttribute("aria-expanded") !== "true";
    item.title.setAttribute("aria-expanded", String(open));
    item.node.classList.toggle("open", open);
    item.panel.hidden = !open;
    if (open) item.panel.replaceChildren(explain(item.hit, this.answer.hits, this.answer.pipeline));
    this.write(item, open);
    this.choose(at);
  }

  choose(at) {
    this.chosen = at;
    this.items.forEach((item, place) => item.node.classList.toggle("on", place === at));
    this.light(at);
  }

  light(at) {
    if (this.picture) light(this.picture, at);
  }

  focus(at) {
    this.items[Math.max(0, Math.min(at, this.items.length - 1))]?.title.focus();
  }

  // Says of each hit where the other variant has it.
  compare(other) {
    const there = new Map(other.answer.hits.map((hit) => [hit.docid, hit.rank]));
    for (const { hit, moved } of this.items) {
      const rank = there.get(hit.docid);
      const [kind, sign, said] = rank === undefined ? ["only", "new", "not among the other's hits"]
        : rank > hit.rank ? ["up", `▲${rank - hit.rank}`, `rank ${rank} in the other`]
          : rank < hit.rank ? ["down", `▼${hit.rank - rank}`, `rank ${rank} in the other`] : ["quiet", "=", "the same rank in the other"];
      moved.className = `moved ${kind}`;
      moved.textContent = sign;
      moved.title = said;
    }
  }
}

function tell(said, event) {
  tip.hidden = !said;
  if (!said) return;
  tip.textContent = said;
  tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8))}px`;
  tip.style.top = `${Math.min(event.clientY + 16, innerHeight - tip.offsetHeight - 8)}px`;
}

export function message(heading, said, ...more) {
  return make("div", { class: "message card" }, make("h2", {}, heading), make("p", {}, said), ...more);
}
