// The explain panel of a hit: rank and score by stage, and what each arm gave to the fused score.

import { make, shown, styled } from "./dom.js";
import { stagesOf } from "./flow.js";

export function explain(hit, hits, pipeline) {
  return make("div", { class: "explain" }, scores(hit, hits), shares(hit, pipeline), facts(hit));
}

function scores(hit, hits) {
  const rows = stagesOf(hits).map((stage) => {
    const said = stage === "final" ? { rank: hit.rank, score: hit.score } : hit.stages[stage];
    const name = make("th", { scope: "row" }, make("span", { class: `dot of-${stage}` }), stage);
    if (!said) return make("tr", {}, name, make("td", {}, "–"), make("td", {}, "not found"), make("td", { class: "wide" }));
    return make("tr", {}, name, make("td", {}, String(said.rank)), make("td", {}, shown(said.score)), meter(stage, said, hits));
  });
  const head = make("tr", {}, ...["stage", "rank", "score"].map((word) => make("th", { scope: "col" }, word)),
    make("th", { scope: "col", class: "wide" }, "among the hits shown"));
  return make("table", {}, make("caption", { class: "visually-hidden" }, "Scores by stage"), make("thead", {}, head), make("tbody", {}, ...rows));
}

// Where a score stands between the lowest and the highest of the hits shown.
function meter(stage, said, hits) {
  const all = hits.map((hit) => (stage === "final" ? hit.score : hit.stages[stage]?.score)).filter((score) => score !== undefined);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const share = high > low ? 0.04 + (0.96 * (said.score - low)) / (high - low) : 1;
  const bar = styled(make("i", { class: `of-${stage}` }), { width: `${100 * share}%` });
  return make("td", { class: "wide" }, make("span", { class: "meter" }, bar));
}

// Reciprocal rank fusion is a sum of parts; the other fusion depends on hits that are not on this page.
function shares(hit, pipeline) {
  if (pipeline?.fusion !== "rrf") return null;
  const parts = pipeline.retrievers
    .filter((name) => hit.stages[name])
    .map((name) => [name, pipeline.weights[name] / (pipeline.rrf_k + hit.stages[name].rank)]);
  const whole = parts.reduce((sum, [, value]) => sum + value, 0);
  if (!whole) return null;
  const bars = parts.map(([name, value]) => styled(make("i", { class: `of-${name}` }), { flexGrow: String(value / whole) }));
  const said = parts.map(([name, value]) => `${name} ${Math.round((100 * value) / whole)} %`);
  return make(
    "div",
    {},
    make("h4", {}, "What the fused score is made of"),
    make("div", { class: "shares", role: "img", "aria-label": said.join(", ") }, ...bars),
    make("p", { class: "quiet" }, `${said.join(", ")}; 1 / (${pipeline.rrf_k} + rank) of each`),
  );
}

function facts(hit) {
  const pairs = [["passage", hit.docid]];
  if (hit.document_id !== hit.docid) pairs.push(["document", hit.document_id]);
  for (const [name, value] of Object.entries(hit.metadata)) {
    pairs.push([name, typeof value === "string" ? value : JSON.stringify(value)]);
  }
  return make("dl", { class: "facts" }, ...pairs.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}
