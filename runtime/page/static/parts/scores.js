// The best labels of the last window, each with its score and where its threshold is.

import { h, setChildren, setText } from "./dom.js";
import { percent } from "./format.js";
import { store } from "../run/store.js";

/** The threshold of one label, or null where it has none. */
export function thresholdOf({ value, labels }, label) {
  return labels[label] ?? value ?? null;
}

export class Scores {
  #lane;
  #rows = new Map();
  #list = h("ol", { class: "scores" });
  #decision = h("p", { class: "decision" });
  #rival = h("p", { class: "small muted", hidden: true });

  constructor(lane, signal) {
    this.#lane = lane;
    this.element = h("div", { class: "stack" }, this.#decision, this.#list, this.#rival);
    store.on("result", (result) => result.lane === lane && this.#show(result), signal);
    store.on("info", () => this.#show(store.lanes.get(lane)?.latest), signal);
    this.#show(store.lanes.get(lane).latest);
  }

  #show(result) {
    this.#decision.classList.toggle("decided", Boolean(result?.decision));
    setText(
      this.#decision,
      result ? (result.decision ?? "None of these") : "Waiting for the first window…",
    );
    this.#rival.hidden = !result?.rival;
    if (result?.rival)
      setText(this.#rival, `“${result.rival}”, which is to be ignored, explains it better.`);
    const threshold = store.lanes.get(this.#lane)?.info.threshold;
    const top = result && threshold ? result.top : [];
    for (const label of this.#rows.keys()) {
      if (!top.some((score) => score.label === label)) this.#rows.delete(label);
    }
    setChildren(
      this.#list,
      top.map((score, place) => this.#row(score, result, place, threshold)),
    );
  }

  #row({ label, score }, result, place, threshold) {
    let row = this.#rows.get(label);
    if (!row) {
      row = {
        name: h("span", { class: "score-name" }, label),
        share: h("span", { class: "number" }),
        bar: h("span", { class: "bar" }),
        tick: h("span", { class: "tick" }),
        value: h("span", { class: "small faint number" }),
      };
      row.element = h(
        "li",
        {},
        row.name,
        row.share,
        h("span", { class: "track", "aria-hidden": "true" }, row.bar, row.tick),
        row.value,
      );
      this.#rows.set(label, row);
    }
    const needed = thresholdOf(threshold, label);
    const isScore = threshold.kind === "score";
    row.element.classList.toggle("decided", label === result.decision);
    setText(row.share, percent(score));
    row.bar.style.transform = `scaleX(${score})`;
    row.tick.hidden = !isScore || needed === null;
    if (needed !== null) row.tick.style.left = `${100 * needed}%`;
    const value = result.values?.[place];
    setText(
      row.value,
      isScore || needed === null || value === undefined
        ? ""
        : `${threshold.kind} ${value.toFixed(2)}, needs ${needed.toFixed(2)}`,
    );
    return row.element;
  }
}
