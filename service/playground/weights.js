// What-if weights: a slider for each arm of the first variant; untouched, the pipeline's own hold.

import { make } from "./dom.js";

export class Weights {
  // `box` is filled with sliders, `said` tells what holds, `changed` is called once somebody let go of one.
  constructor(box, said, changed) {
    this.box = box;
    this.said = said;
    this.changed = changed;
    this.own = {};
    this.asked = {};
  }

  // Shows the arms of a pipeline; what was asked of arms that it has too is kept.
  of(pipeline) {
    this.own = Object.fromEntries(pipeline.retrievers.map((arm) => [arm, pipeline.weights[arm]]));
    this.asked = Object.fromEntries(Object.entries(this.asked).filter(([arm]) => arm in this.own));
    this.draw();
  }

  // What a request should say; null where the pipeline's own weights hold.
  get value() {
    return Object.keys(this.asked).length ? { ...this.asked } : null;
  }

  // As it stands in a link: sparse:0.3,dense:1
  get written() {
    return Object.entries(this.asked).map(([arm, weight]) => `${arm}:${weight}`).join(",");
  }

  read(written) {
    const pairs = (written ?? "").split(",").map((pair) => pair.split(":"));
    const sound = pairs.filter(([arm, weight]) => arm in this.own && weight && Number(weight) >= 0 && Number(weight) <= 1000);
    this.asked = Object.fromEntries(sound.map(([arm, weight]) => [arm, Number(weight)]));
    this.draw();
  }

  draw() {
    const sliders = Object.keys(this.own).map((arm) => this.slider(arm));
    const reset = make("button", { type: "button", class: "plain", onclick: () => this.reset() }, "As configured");
    reset.disabled = !this.value;
    this.reset_button = reset;
    this.box.replaceChildren(...sliders, reset);
    this.tell();
  }

  slider(arm) {
    const weight = this.asked[arm] ?? this.own[arm];
    const shown = make("output", { class: "number" }, weight.toFixed(2));
    const input = make("input", { type: "range", min: "0", max: String(Math.max(2, this.own[arm])), step: "0.05",
      value: String(weight), "aria-label": `Weight of ${arm}` });
    input.addEventListener("input", () => {
      this.asked[arm] = Number(input.value);
      shown.textContent = this.asked[arm].toFixed(2);
      this.reset_button.disabled = false;
      this.tell();
    });
    input.addEventListener("change", () => this.changed());
    return make("label", {}, make("span", {}, make("span", { class: `dot of-${arm}` }), arm), input, shown);
  }

  reset() {
    this.asked = {};
    this.draw();
    this.changed();
  }

  tell() {
    const all = Object.entries({ ...this.own, ...this.asked });
    this.said.textContent = this.value ? all.map(([arm, weight]) => `${arm} ${weight.toFixed(2)}`).join(", ") : "as configured";
  }
}
