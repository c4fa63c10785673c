// The rank-flow picture: a line for each hit, from stage to stage, at the height of its rank.

import { draw, make, plural } from "./dom.js";

const TOP = 46;
const ROW = 31;
const WIDTH = 400;
const NAMES = { sparse: "words", dense: "meaning", fused: "combined", blend: "learned", rerank: "read through", final: "answer" };

// Which first-stage arm found a hit decides its colour, here and in the list.
export function foundBy(hit) {
  const arms = ["sparse", "dense"].filter((name) => hit.stages[name]);
  return arms.length === 1 ? arms[0] : "both";
}

export function stagesOf(hits) {
  const names = Object.keys(hits[0].stages);
  const last = names.at(-1);
  return hits.some((hit) => hit.stages[last]?.rank !== hit.rank) ? [...names, "final"] : names;
}

function rankAt(hit, stage) {
  return stage === "final" ? hit.rank : hit.stages[stage]?.rank;
}

// The ranks that are shown have equal steps; those beyond are pressed together, as a logarithm.
function height(rank, count) {
  const rows = rank <= count ? rank - 1 : count - 1 + 0.9 + 0.75 * Math.log2(rank / count);
  return TOP + 22 + rows * ROW;
}

// Circles of one column that would cover each other are moved apart.
function spread(nodes, least) {
  nodes.sort((one, other) => one.y - other.y);
  for (let place = 1; place < nodes.length; place += 1) {
    nodes[place].y = Math.max(nodes[place].y, nodes[place - 1].y + least);
  }
}

export function flow(hits, choose, tell) {
  const stages = stagesOf(hits);
  const count = hits.length;
  const xs = stages.map((_, at) => 34 + (at * (WIDTH - 68)) / Math.max(1, stages.length - 1));
  const radius = count > 20 ? 8 : 11;
  const grid = stages.map((stage) => {
    const nodes = hits
      .map((hit, at) => ({ at, rank: rankAt(hit, stage) }))
      .filter((node) => node.rank)
      .map((node) => ({ ...node, y: height(node.rank, count) }));
    spread(nodes, 2 * radius + 2);
    return nodes;
  });
  const deepest = Math.max(...grid.flat().map((node) => node.y), height(count, count));
  const missing = stages.some((_, at) => grid[at].length < count);
  const lost = deepest + 42;
  const bottom = (missing ? lost + 6 : deepest) + radius + 8;
  const edge = height(count, count) + ROW / 2 + 2;

  const svg = draw("svg", {
    viewBox: `0 0 ${WIDTH} ${Math.ceil(bottom)}`,
    role: "group",
    "aria-label": `Rank of ${plural(count, "hit")} in the stages ${stages.join(", ")}`,
  });
  svg.append(draw("rect", { class: "zone", x: 8, y: TOP, width: WIDTH - 16, height: edge - TOP, rx: 10 }));
  stages.forEach((stage, at) => {
    svg.append(
      draw("line", { class: "column", x1: xs[at], x2: xs[at], y1: TOP + 6, y2: bottom - 4 }),
      draw("text", { class: "name", x: xs[at], y: 16 }, stage),
      draw("text", { class: "note", x: xs[at], y: 32 }, NAMES[stage] ?? ""),
    );
  });
  if (missing) svg.append(draw("text", { class: "note", x: WIDTH / 2, y: lost - 16 }, "not found"));

  hits.forEach((hit, at) => {
    const points = stages.map((_, column) => {
      const node = grid[column].find((one) => one.at === at);
      return { x: xs[column], y: node ? node.y : lost, rank: node?.rank };
    });
    svg.append(line(hit, at, points, stages, radius, choose, tell));
  });
  return svg;
}

function line(hit, at, points, stages, radius, choose, tell) {
  const curve = (from, to) => {
    const middle = (from.x + to.x) / 2;
    return `M${from.x} ${from.y}C${middle} ${from.y} ${middle} ${to.y} ${to.x} ${to.y}`;
  };
  const said = stages.map((stage, column) => `${stage} ${points[column].rank ?? "not found"}`).join(", ");
  const group = draw("g", { class: `path by-${foundBy(hit)}`, "data-at": at, role: "img", "aria-label": `${hit.title || hit.docid}: ${said}` });
  for (let column = 1; column < points.length; column += 1) {
    const [from, to] = [points[column - 1], points[column]];
    group.append(
      draw("path", { d: curve(from, to), class: from.rank && to.rank ? "" : "lost" }),
      draw("path", { d: curve(from, to), class: "reach" }),
    );
  }
  for (const point of points) {
    if (point.rank) {
      group.append(
        draw("circle", { cx: point.x, cy: point.y, r: radius }),
        draw("text", { x: point.x, y: point.y }, String(point.rank)),
      );
    } else {
      group.append(draw("circle", { class: "none", cx: point.x, cy: point.y, r: 4 }));
    }
  }
  group.addEventListener("click", () => choose(at, true));
  group.addEventListener("pointerenter", (event) => {
    choose(at, false);
    tell(`${hit.rank}. ${hit.title || hit.docid} — ${said}`, event);
  });
  group.addEventListener("pointermove", (event) => tell(`${hit.rank}. ${hit.title || hit.docid} — ${said}`, event));
  group.addEventListener("pointerleave", () => tell(null));
  return group;
}

export function light(svg, at) {
  svg.classList.toggle("chosen", at >= 0);
  for (const group of svg.querySelectorAll(".path")) group.classList.toggle("on", Number(group.dataset.at) === at);
  const chosen = svg.querySelector(".path.on");
  if (chosen) svg.append(chosen); // what is drawn last lies on top
}

export function legend(hits) {
  const words = { sparse: "found by words alone", dense: "by meaning alone", both: "by words and meaning" };
  const there = new Set(hits.map(foundBy));
  return make(
    "p",
    { class: "legend" },
    ...Object.entries(words)
      .filter(([name]) => there.has(name))
      .map(([name, said]) => make("span", {}, make("span", { class: `dot of-${name}` }), said)),
  );
}
