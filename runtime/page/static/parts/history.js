// The scores of the last minutes as lines, and the thresholds in them, which can be dragged.

import { api } from "../run/api.js";
import { h, setChildren, setText } from "./dom.js";
import { clock } from "./format.js";
import { thresholdOf } from "./scores.js";
import { store } from "../run/store.js";
import { colour, themeChanges } from "./theme.js";
import { say } from "./widgets.js";

const SERIES = 6;
const SPAN_S = 300;
const BREAK_S = 4;
const DRAWN_EVERY_MS = 500;
const SAVED_AFTER_MS = 500;

export class History {
  #lane;
  #plot = null;
  #labels = Array(SERIES).fill(null); // which label has which colour; a label keeps its own while it is shown
  #place = h("div", { class: "chart" });
  #legend = h("ul", { class: "legend" });
  #handles = new Map();
  #timer;
  #kind = "";

  constructor(lane, signal) {
    this.#lane = lane;
    this.element = h("div", {}, this.#place, this.#legend);
    this.#timer = setInterval(() => document.hidden || this.#draw(), DRAWN_EVERY_MS);
    const observer = new ResizeObserver(() => this.#plot?.setSize(this.#size()));
    observer.observe(this.#place);
    themeChanges.addEventListener("change", () => this.#build(), { signal });
    store.on(
      "info",
      () => this.#known?.info.threshold.kind !== this.#kind && this.#build(),
      signal,
    );
    signal.addEventListener("abort", () => {
      clearInterval(this.#timer);
      observer.disconnect();
      this.#plot?.destroy();
      this.#plot = null;
    });
  }

  get #known() {
    return store.lanes.get(this.#lane);
  }

  #size() {
    return { width: Math.max(this.#place.clientWidth, 200), height: 200 };
  }

  /** The labels that were highest lately; those that are shown already come first. */
  #choose() {
    const best = new Map();
    for (const { top } of this.#known.history) {
      for (const [label, value] of top)
        best.set(label, Math.max(best.get(label) ?? -Infinity, value));
    }
    const chosen = [...best.keys()].sort((a, b) => best.get(b) - best.get(a)).slice(0, SERIES);
    const next = Array.from({ length: SERIES }, (_, place) =>
      chosen.includes(this.#labels[place]) ? this.#labels[place] : null,
    );
    for (const label of chosen) if (!next.includes(label)) next[next.indexOf(null)] = label;
    return next;
  }

  /** Times, and a column of values for each label; a break in the stream breaks the lines. */
  #data() {
    const { history, info } = this.#known;
    const isScore = info.threshold.kind === "score";
    const times = [];
    const columns = this.#labels.map(() => []);
    let last = Infinity;
    for (const { time, top } of history) {
      if (time - last > BREAK_S) {
        times.push(last + BREAK_S / 2);
        for (const column of columns) column.push(null);
      }
      last = time;
      times.push(time);
      // A score that is not among the best is below the least of these.
      const most = isScore ? Math.min(...top.map(([, value]) => value)) : null;
      this.#labels.forEach((label, place) =>
        columns[place].push(
          label === null ? null : (top.find(([name]) => name === label)?.[1] ?? most),
        ),
      );
    }
    return [times, ...columns];
  }

  #draw() {
    if (!this.#known) return;
    const labels = this.#choose();
    const changed = labels.some((label, place) => label !== this.#labels[place]);
    this.#labels = labels;
    if (!this.#plot) this.#build();
    else {
      this.#plot.setData(this.#data(), false);
      const now = store.now();
      this.#plot.setScale("x", { min: now - SPAN_S, max: now });
      if (this.#known.info.threshold.kind !== "score") this.#plot.setScale("y", this.#range());
    }
    if (changed) this.#showLegend();
  }

  #range() {
    const { threshold } = this.#known.info;
    if (threshold.kind === "score") return { min: 0, max: 1 };
    const values = this.#known.history.flatMap(({ top }) => top.map(([, value]) => value));
    for (const label of this.#labels)
      if (label && thresholdOf(threshold, label) !== null)
        values.push(thresholdOf(threshold, label));
    const [low, high] = [Math.min(...values, 0), Math.max(...values, 0.1)];
    return { min: low - 0.05 * (high - low), max: high + 0.1 * (high - low) };
  }

  #build() {
    if (!this.#known || !this.#place.isConnected) return;
    this.#plot?.destroy();
    this.#handles.clear(); // they went with the plot
    const [faint, line] = [colour("--faint"), colour("--line")];
    this.#kind = this.#known.info.threshold.kind;
    const isScore = this.#kind === "score";
    const now = store.now();
    const font = `11px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: faint, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    this.#plot = new uPlot(
      {
        ...this.#size(),
        padding: [8, 12, 0, 0],
        legend: { show: false },
        hooks: { draw: [() => this.#placeHandles()] },
        cursor: { show: false },
        scales: {
          x: { time: true, min: now - SPAN_S, max: now },
          y: { auto: false, ...this.#range() },
        },
        axes: [
          {
            ...axis,
            grid: { show: false },
            size: 26,
            space: 50,
            incrs: [60, 120, 300],
            values: (_, ticks) => ticks.map((tick) => clock(tick).slice(0, 5)),
          },
          {
            ...axis,
            size: 46,
            space: 34,
            values: (_, ticks) =>
              ticks.map((tick) => (isScore ? `${Math.round(tick * 100)} %` : tick.toFixed(2))),
          },
        ],
        series: [
          {},
          ...Array.from({ length: SERIES }, (_, place) => ({
            stroke: colour(`--series-${place + 1}`),
            width: 1.75,
            points: { show: false },
            spanGaps: false,
          })),
        ],
      },
      this.#data(),
      this.#place,
    );
    this.#plot.ctx.canvas.setAttribute("aria-hidden", "true");
    this.#showLegend();
  }

  #showLegend() {
    setChildren(
      this.#legend,
      this.#labels
        .map(
          (label, place) =>
            label &&
            h(
              "li",
              {},
              h("span", { class: "swatch", style: { background: `var(--series-${place + 1})` } }),
              label,
            ),
        )
        .filter(Boolean),
    );
  }

  /** One line where all labels share a threshold, else one for each label that is shown. */
  #thresholds() {
    const { threshold } = this.#known.info;
    if (threshold.kind === "score") {
      return threshold.value === null
        ? []
        : [{ label: null, value: threshold.value, token: "--text" }];
    }
    return this.#labels.flatMap((label, place) => {
      const value = label && thresholdOf(threshold, label);
      return value === null || label === null
        ? []
        : [{ label, value, token: `--series-${place + 1}` }];
    });
  }

  #placeHandles() {
    if (!this.#plot) return; // the first drawing, before the plot is known
    const wanted = this.#thresholds();
    for (const [label, handle] of this.#handles) {
      if (!wanted.some((one) => one.label === label)) {
        handle.element.remove();
        this.#handles.delete(label);
      }
    }
    for (const one of wanted) {
      if (!this.#handles.has(one.label)) this.#handles.set(one.label, this.#handle(one.label));
      const handle = this.#handles.get(one.label);
      handle.element.style.setProperty("--line-colour", `var(${one.token})`);
      if (!handle.held) handle.show(one.value);
    }
  }

  #handle(label) {
    const isScore = this.#known.info.threshold.kind === "score";
    const name = label ? `Threshold of ${label}` : "Threshold";
    const text = h("span", { class: "number" });
    const element = h(
      "div",
      {
        class: "threshold",
        role: "slider",
        tabIndex: store.mayChange ? 0 : -1,
        "aria-label": name,
        "aria-orientation": "vertical",
        "aria-disabled": String(!store.mayChange),
        title: store.mayChange ? `${name}: drag it, or press the arrow keys` : name,
      },
      text,
    );
    const handle = { element, held: false, value: 0, timer: 0 };
    const words = (value) => (isScore ? `${Math.round(value * 100)} %` : value.toFixed(2));
    handle.show = (value) => {
      handle.value = value;
      const { min, max } = this.#plot.scales.y;
      element.style.top = `${this.#plot.valToPos(value, "y")}px`;
      setText(text, words(value));
      for (const [what, is] of [
        ["now", value],
        ["min", isScore ? 0.1 : min],
        ["max", max],
      ])
        element.setAttribute(`aria-value${what}`, is.toFixed(3));
      element.setAttribute("aria-valuetext", words(value));
    };
    const within = (value) => {
      const { min, max } = this.#plot.scales.y;
      return Math.round(Math.min(Math.max(value, isScore ? 0.1 : min), max) * 1000) / 1000;
    };
    const save = async () => {
      try {
        const threshold = await api.put("/api/threshold", {
          lane: this.#lane,
          value: handle.value,
          label,
        });
        if (this.#known) this.#known.info.threshold = threshold;
      } catch (error) {
        say(error.message, { bad: true });
      } finally {
        handle.held = false;
      }
    };
    const move = (event) =>
      handle.show(
        within(
          this.#plot.posToVal(event.clientY - this.#plot.over.getBoundingClientRect().top, "y"),
        ),
      );
    if (store.mayChange) {
      element.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        element.focus();
        element.setPointerCapture(event.pointerId);
        handle.held = true;
        element.onpointermove = move;
      });
      element.addEventListener("lostpointercapture", () => {
        element.onpointermove = null;
        save();
      });
      element.addEventListener("keydown", (event) => {
        const { min, max } = this.#plot.scales.y;
        const step = (max - min) / 100;
        const by = {
          ArrowUp: step,
          ArrowRight: step,
          ArrowDown: -step,
          ArrowLeft: -step,
          PageUp: 10 * step,
          PageDown: -10 * step,
        }[event.key];
        if (!by) return;
        event.preventDefault();
        handle.held = true;
        handle.show(within(handle.value + by));
        clearTimeout(handle.timer);
        handle.timer = setTimeout(save, SAVED_AFTER_MS);
      });
    }
    this.#plot.over.append(element);
    return handle;
  }
}
