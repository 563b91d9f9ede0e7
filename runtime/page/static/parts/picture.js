// The picture of a stream with what is seen in it: regions, masks, labels, the heat map.

import { h, icon, setChildren, setText, svg } from "./dom.js";
import { percent } from "./format.js";
import { live } from "../run/live.js";
import { corners, outline } from "./shapes.js";
import { store } from "../run/store.js";

export const STATE_WORDS = {
  connecting: "Connecting",
  live: "Live",
  stalled: "Stalled",
  lost: "Lost",
  ended: "Ended",
};

/** What is seen in words: the decision, or none of these. */
export function seen(result) {
  if (!result) return { label: "", text: "Nothing seen yet", decided: false, share: 0 };
  const best = result.top.find(({ label }) => label === result.decision) ?? result.top[0];
  return {
    label: best.label,
    text: result.decision ?? "None of these",
    decided: result.decision !== null,
    share: best.score,
  };
}

/** Return a picture that keeps itself up to date until the signal aborts. */
export class Picture {
  #name;
  #signal;
  #canvas = h("canvas", { role: "img", width: 16, height: 9 });
  #areas = svg("svg", {
    class: "areas",
    viewBox: "0 0 1 1",
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  });
  #chips = h("div", { class: "chips" });
  #chipOf = new Map();
  #fate = h("div", { class: "fate" });
  #still = h(
    "span",
    { class: "still", hidden: true, title: "Nothing moves: a still every few seconds" },
    "still",
  );
  #shown = false;

  constructor(name, signal, { onshown = () => {} } = {}) {
    this.#name = name;
    this.#signal = signal;
    this.onshown = onshown;
    this.fit = h("div", { class: "fit skeleton" }, this.#canvas, this.#areas, this.#chips);
    this.element = h("div", { class: "picture" }, this.fit, this.#fate, this.#still);
    const stream = store.streams.get(name);
    if (stream.width) this.#size(stream.width, stream.height);
    live.onPicture(`picture ${name}`, (picture) => this.#draw(picture), signal);
    store.on("result", (result) => result.source === name && this.#showResult(result), signal);
    store.on("state", (changed) => changed.name === name && this.showState(), signal);
    store.on("info", (changed) => changed.name === name && this.showAreas(), signal);
    store.on("event", (event) => event.source === name && this.#showResults(), signal);
    this.showAreas();
    this.showState();
  }

  #size(width, height) {
    this.fit.style.setProperty("--ratio", width / height);
    this.element.style.setProperty("--ratio", width / height);
  }

  #draw({ header, bitmap }) {
    if (this.#canvas.width !== bitmap.width || this.#canvas.height !== bitmap.height) {
      this.#canvas.width = bitmap.width;
      this.#canvas.height = bitmap.height;
      this.#size(bitmap.width, bitmap.height);
    }
    this.#canvas.getContext("2d").drawImage(bitmap, 0, 0);
    this.#canvas.dataset.time = header.time ?? header.time_s;
    this.#still.hidden = header.live;
    if (!this.#shown) {
      this.#shown = true;
      this.fit.classList.remove("skeleton");
      this.showState();
      this.onshown();
    }
  }

  /** Draw the outlines of regions and masks, and a chip for each lane. */
  showAreas() {
    const stream = store.streams.get(this.#name);
    setChildren(this.#areas, [
      ...stream.mask.map((shape) => outline(shape, "mask")),
      ...stream.regions.map(({ name, shape }) => {
        const drawn = outline(shape, "region");
        drawn.dataset.region = name;
        return drawn;
      }),
    ]);
    this.#chipOf.clear();
    for (const { lane, info } of store
      .lanesOf(this.#name)
      .map((lane) => ({ lane: lane.info.lane, info: lane.info }))) {
      const region = stream.regions.find(({ name }) => name === info.region);
      const chip = h("div", { class: `chip ${region ? "of-region" : ""}` });
      if (region) {
        const points = corners(region.shape);
        chip.style.left = `${100 * Math.min(...points.map(([x]) => x))}%`;
        chip.style.top = `${100 * Math.min(...points.map(([, y]) => y))}%`;
      }
      this.#chipOf.set(lane, { chip, region: info.region });
    }
    setChildren(
      this.#chips,
      [...this.#chipOf.values()].map(({ chip }) => chip),
    );
    this.#showResults();
  }

  #showResults() {
    for (const lane of store.lanesOf(this.#name)) this.#showChip(lane);
    this.#describe();
  }

  #showResult(result) {
    const lane = store.lanes.get(result.lane);
    if (lane) this.#showChip(lane);
    this.#describe();
  }

  #showChip({ info, latest }) {
    const entry = this.#chipOf.get(info.lane);
    if (!entry) return;
    const { text, decided, share } = seen(latest);
    entry.chip.classList.toggle("decided", decided);
    entry.chip.hidden = !latest || (!decided && !entry.region);
    const words = decided ? `${text} ${percent(share)}` : "";
    setText(entry.chip, entry.region ? [entry.region, words].filter(Boolean).join(" · ") : words);
    for (const drawn of this.#areas.querySelectorAll(".region")) {
      if (drawn.dataset.region === entry.region) drawn.classList.toggle("decided", decided);
    }
  }

  /** Say in words what the canvas shows. */
  #describe() {
    const decided = store.lanesOf(this.#name).filter(({ latest }) => latest?.decision);
    const words = decided.map(({ info, latest }) =>
      info.region ? `${latest.decision} in ${info.region}` : latest.decision,
    );
    const label = `Picture of ${this.#name}: ${words.join(", ") || "none of these"}`;
    if (this.#canvas.getAttribute("aria-label") !== label)
      this.#canvas.setAttribute("aria-label", label);
  }

  /** Say over the picture what is wrong with it; a live stream says nothing. */
  showState() {
    const { state, reason } = store.streams.get(this.#name);
    const away = state === "lost" || state === "ended" || state === "stalled";
    this.element.classList.toggle("away", away);
    if (away) {
      setChildren(
        this.#fate,
        [
          icon("lost"),
          h("strong", {}, STATE_WORDS[state]),
          reason && h("span", { class: "why-lost" }, reason),
        ].filter(Boolean),
      );
    } else if (!this.#shown) {
      setChildren(this.#fate, [
        h("span", {}, state === "connecting" ? "Connecting…" : "Waiting for the first picture…"),
      ]);
    } else setChildren(this.#fate, []);
    this.fit.classList.toggle("skeleton", !this.#shown && !away);
  }
}
