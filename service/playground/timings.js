// The timings bar: the retrievers run side by side, each in a lane of its own; what follows them comes after.

import { make, styled } from "./dom.js";

const SIDE_BY_SIDE = new Set(["sparse", "dense"]);

export function timings(answer) {
  const steps = Object.entries(answer.timings_ms);
  const arms = steps.filter(([name]) => SIDE_BY_SIDE.has(name)).sort(([one], [other]) => (one > other ? -1 : 1));
  const later = steps.filter(([name]) => !SIDE_BY_SIDE.has(name));
  const first = Math.max(0, ...arms.map(([, ms]) => ms));
  const whole = Math.max(answer.took_ms, first + later.reduce((sum, [, ms]) => sum + ms, 0), 0.001);
  const part = (name, from, ms) =>
    styled(make("i", { class: `of-${name}` }), {
      left: `${(100 * from) / whole}%`,
      width: `${Math.max(0, (100 * ms) / whole)}%`,
    });
  const lanes = arms.map(([name, ms]) => make("div", { class: "lane" }, part(name, 0, ms)));
  if (!lanes.length) lanes.push(make("div", { class: "lane" }));
  let from = first;
  for (const [name, ms] of later) {
    lanes[0].append(part(name, from, ms));
    from += ms;
  }
  const said = [...arms, ...later].map(([name, ms]) => `${name} ${ms.toFixed(1)} ms`).join(", ");
  return [
    make("div", { class: "lanes", role: "img", "aria-label": `Timings: ${said}` }, ...lanes),
    make(
      "p",
      { class: "legend" },
      ...[...arms, ...later].map(([name, ms]) =>
        make("span", {}, make("span", { class: `dot of-${name}` }), name, make("b", {}, `${ms.toFixed(1)} ms`)),
      ),
    ),
  ];
}
