// One stream: its picture, why a label won, its history, and everything that can be changed of it.

import { api } from "../run/api.js";
import { h, icon, setChildren, setText, toggle } from "../parts/dom.js";
import { age, duration, percent, rate } from "../parts/format.js";
import { History } from "../parts/history.js";
import { LabelsEditor } from "../parts/labels.js";
import { live } from "../run/live.js";
import { addMoment } from "../parts/moment.js";
import { Picture, STATE_WORDS } from "../parts/picture.js";
import { RegionsEditor } from "../parts/regions.js";
import { Scores } from "../parts/scores.js";
import { store } from "../run/store.js";
import { attempt, empty, notice, tabs } from "../parts/widgets.js";
import { HeatMap, Strip } from "../parts/why.js";

// What a person has switched on stays so from stream to stream.
const shows = { frames: false, heat: false };

export function streamView(name, signal) {
  if (!store.streams.has(name)) {
    return h(
      "div",
      {},
      h("h1", { class: "visually-hidden" }, name),
      empty(
        "lost",
        "No such stream",
        `This run has no stream “${name}”.`,
        h("a", { class: "button", href: "#/" }, "All streams"),
      ),
    );
  }
  return new StreamView(name, signal).element;
}

class StreamView {
  #name;
  #signal;
  #watch;
  #lane = null; // until the run has opened the stream
  #laneEnd = null;
  #heatMap = new HeatMap();
  #strip = null;
  #state = h("span", { class: "state" });
  #facts = h("dl", { class: "facts" });
  #lanes = h("div", { class: "row lanes" });
  #scores = h("div", { class: "stack" }, h("p", { class: "decision" }, "Waiting for the stream…"));
  #why = h("section", { class: "card", "aria-label": "The window", hidden: true });
  #history = h("div", { class: "card-body" });

  constructor(name, signal) {
    this.#name = name;
    this.#signal = signal;
    this.#watch = live.watch(signal, { large: [name] });
    const picture = new Picture(name, signal);
    picture.fit.insertBefore(this.#heatMap.element, picture.fit.children[1]);
    const regions = new RegionsEditor(name, picture.fit, signal);
    const panels = {
      now: h(
        "div",
        { class: "stack" },
        this.#scores,
        this.#facts,
        !store.run.explains && h("p", { class: "small muted" }, store.run.why_not.explains),
      ),
      labels: h("div", {}, new LabelsEditor(name, signal).element),
      regions: h("div", {}, regions.element),
      teach: h("div", {}, addMoment(name, signal)),
    };
    const { list } = tabs(
      "About the stream",
      [
        ["Scores", panels.now],
        ["Labels", panels.labels],
        ["Regions", panels.regions],
        ["Teach", panels.teach],
      ],
      (chosen) => regions.show(chosen === "Regions"),
    );
    this.element = h(
      "div",
      {},
      this.#head(),
      this.#lanes,
      h(
        "div",
        { class: "stream-view" },
        h(
          "div",
          { class: "stack main-column" },
          picture.element,
          this.#why,
          h(
            "section",
            { class: "card" },
            h("div", { class: "card-head" }, h("h2", {}, "Last five minutes")),
            this.#history,
          ),
        ),
        h(
          "aside",
          { class: "card side-column", "aria-label": "About the stream" },
          h("div", { class: "card-body stack" }, list, ...Object.values(panels)),
        ),
      ),
    );
    store.on("state", (changed) => changed.name === name && this.#showState(), signal);
    store.on("stats", (stats) => this.#showFacts(stats), signal);
    store.on("info", (changed) => changed.name === name && this.#showLanes(), signal);
    store.on(
      "why",
      (why) => why.lane === this.#lane && shows.heat && this.#heatMap.show(why),
      signal,
    );
    this.#showState();
    this.#showLanes();
  }

  #head() {
    const { duty } = store.streams.get(this.#name);
    const armed = h("input", { type: "checkbox", role: "switch", disabled: !store.mayChange });
    const armedWords = h("span", {}, "Armed");
    armed.addEventListener("change", () =>
      attempt(armed, async () => {
        try {
          await api.put("/api/armed", { stream: this.#name, armed: armed.checked });
        } catch (error) {
          armed.checked = !armed.checked;
          throw error;
        }
      }),
    );
    const schedule = h("span", { class: "tag", hidden: true }, "outside its schedule");
    this.showDuty = () => {
      const now = store.streams.get(this.#name).duty;
      if (!now) return;
      armed.checked = now.armed;
      schedule.hidden = !now.armed || now.scheduled;
    };
    return h(
      "div",
      { class: "view-head" },
      store.streams.size > 1 &&
        h(
          "a",
          { class: "icon-button", href: "#/", "aria-label": "All streams", title: "All streams" },
          icon("back"),
        ),
      h("h1", { class: "cut" }, this.#name),
      this.#state,
      h("span", { class: "grow" }),
      ...this.#whyButtons(),
      schedule,
      duty &&
        h(
          "label",
          { class: "switch", title: "A stream that is not armed makes no events" },
          armed,
          armedWords,
        ),
    );
  }

  /** What shows why a label won costs the run a little: it is asked for only while it is shown. */
  #whyButtons() {
    if (!store.run.explains) return [];
    const frames = toggle(
      "Frames",
      "frames",
      (on) => {
        shows.frames = on;
        this.#showWhy();
      },
      shows.frames,
    );
    const heat = toggle(
      "Heat map",
      "heat",
      (on) => {
        shows.heat = on;
        this.#showWhy();
      },
      shows.heat,
    );
    return [frames, heat];
  }

  #showWhy() {
    this.#why.hidden = !shows.frames;
    this.#strip?.showHeat(shows.heat);
    if (!shows.heat) this.#heatMap.show(null);
    this.#watch({
      why: store.run.explains && (shows.heat || shows.frames) && this.#lane ? [this.#lane] : [],
    });
  }

  #showLanes() {
    const { lanes } = store.streams.get(this.#name);
    const names = lanes.map(({ lane }) => lane);
    this.#lanes.hidden = names.length < 2;
    setChildren(
      this.#lanes,
      names.length < 2
        ? []
        : lanes.map(({ lane, region }) =>
            h(
              "button",
              {
                type: "button",
                class: "button plain",
                "aria-pressed": String(lane === this.#lane),
                onclick: () => this.#show(lane),
              },
              region ?? lane,
            ),
          ),
    );
    if (names.length && !names.includes(this.#lane)) this.#show(names[0]);
  }

  /** Show one lane: the stream, or one of its regions. */
  #show(lane) {
    this.#laneEnd?.abort();
    this.#laneEnd = new AbortController();
    const signal = AbortSignal.any([this.#signal, this.#laneEnd.signal]);
    this.#lane = lane;
    this.#heatMap.show(null);
    setChildren(this.#scores, [new Scores(lane, signal).element]);
    if (store.run.explains) {
      this.#strip = new Strip(lane, signal);
      setChildren(this.#why, [h("div", { class: "card-body" }, this.#strip.element)]);
    }
    setChildren(this.#history, [new History(lane, signal).element]);
    this.#showWhy();
    for (const element of this.#lanes.children)
      element.setAttribute(
        "aria-pressed",
        String(element.textContent === (store.lanes.get(lane).info.region ?? lane)),
      );
    this.#showFacts({ before: null, now: store.stats });
  }

  #showState() {
    const { state, since } = store.streams.get(this.#name);
    this.#state.className = `state ${state}`;
    const forHowLong =
      state === "live" || !since ? "" : ` for ${duration(Math.max(0, store.now() - since))}`;
    setText(this.#state, `${STATE_WORDS[state]}${forHowLong}`);
    this.showDuty();
  }

  #showFacts({ before, now }) {
    const [old, is] = [before?.lanes[this.#lane], now?.lanes[this.#lane]];
    const latest = store.lanes.get(this.#lane)?.latest;
    const each = (what) =>
      old && is ? Math.max(0, is[what] - old[what]) / (now.time - before.time) : null;
    const sampled = latest?.rate_fps;
    const asked = store.lanes.get(this.#lane)?.info.rate_fps;
    const facts = [
      ["Last decision", !is ? "–" : is.age_s === null ? "none yet" : `${age(is.age_s * 1000)} ago`],
      [
        "Capture to decision",
        latest?.age_ms === null || latest?.age_ms === undefined ? "–" : age(latest.age_ms),
      ],
      [
        "Looked at",
        sampled
          ? `${rate(sampled)} a second${asked && sampled < asked * 0.98 ? ` of ${rate(asked)}` : ""}`
          : "–",
      ],
      ["Pictures", each("read") === null ? "–" : `${rate(each("read"))} a second`],
      ["Dropped", is ? `${is.dropped.toLocaleString()}` : "–"],
      ["Connections", is ? String(is.connections) : "–"],
    ];
    if (store.run.overload < 1)
      facts.push(["Overload", `all rates at ${percent(store.run.overload)}`]);
    if (this.#facts.childElementCount !== facts.length)
      setChildren(
        this.#facts,
        facts.map(([name]) => h("div", {}, h("dt", {}, name), h("dd", {}))),
      );
    facts.forEach(([, value], place) => setText(this.#facts.children[place].lastChild, value));
    if (store.streams.get(this.#name).state !== "live") this.#showState();
  }
}
