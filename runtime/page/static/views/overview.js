// All streams at once, and beside them what happened last.

import { api } from "../run/api.js";
import { h, setAttribute, setChildren, setText } from "../parts/dom.js";
import { eventCard } from "./events.js";
import { showEvent } from "./event.js";
import { age, clock, percent, rate } from "../parts/format.js";
import { live } from "../run/live.js";
import { Picture, seen, STATE_WORDS } from "../parts/picture.js";
import { store } from "../run/store.js";
import { empty } from "../parts/widgets.js";

const LATEST = 14;

export const streamAddress = (name) => `#/stream/${encodeURIComponent(name)}`;

export function overview(signal) {
  const names = [...store.streams.keys()];
  if (!names.length)
    return h(
      "div",
      {},
      h("h1", { class: "visually-hidden" }, "Live"),
      empty("region", "No streams", "This run has no stream yet."),
    );
  const visible = new Set();
  const watch = live.watch(signal);
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries)
        visible[isIntersecting ? "add" : "delete"](target.dataset.name);
      watch({ small: [...visible] });
    },
    { rootMargin: "120px" },
  );
  signal.addEventListener("abort", () => observer.disconnect());
  const cards = names.map((name) => new StreamCard(name, signal).element);
  for (const card of cards) observer.observe(card);
  return h(
    "div",
    { class: "overview" },
    h(
      "section",
      { "aria-label": "Streams" },
      h("h1", { class: "visually-hidden" }, "Live"),
      h("ul", { class: `streams ${names.length > 6 ? "many" : ""}` }, cards),
    ),
    latestEvents(signal),
  );
}

class StreamCard {
  #name;
  #words = h("span", { class: "card-label cut" });
  #share = h("span", { class: "number" });
  #bar = h("span", { class: "bar" });
  #state = h("span", { class: "state" });
  #facts = h("span", { class: "small faint number cut" });
  #duty = h("span", { class: "tag", hidden: true });

  constructor(name, signal) {
    this.#name = name;
    const picture = new Picture(name, signal);
    this.element = h(
      "li",
      { class: "stream-card", "data-name": name },
      picture.element,
      h(
        "div",
        { class: "stream-words" },
        h(
          "div",
          { class: "stream-line" },
          this.#state,
          h("a", { class: "stream-name cut", href: streamAddress(name) }, name),
          this.#duty,
          h("span", { class: "grow" }),
          this.#facts,
        ),
        h("div", { class: "stream-line" }, this.#words, h("span", { class: "grow" }), this.#share),
        h("span", { class: "track", "aria-hidden": "true" }, this.#bar),
      ),
    );
    store.on("result", (result) => result.source === name && this.#showResult(), signal);
    store.on("state", (changed) => changed.name === name && this.#showState(), signal);
    store.on("info", (changed) => changed.name === name && this.#showResult(), signal);
    store.on("stats", (stats) => this.#showStats(stats), signal);
    this.#showState();
    this.#showResult();
  }

  /** Of several regions, the one where most is seen. */
  #showResult() {
    const all = store.lanesOf(this.#name).map(({ latest }) => seen(latest));
    const best = all.sort((a, b) => b.decided - a.decided || b.share - a.share)[0] ?? seen(null);
    this.element.classList.toggle("decided", best.decided);
    setText(this.#words, best.decided || !best.label ? best.text : `None of these · ${best.label}`);
    setText(this.#share, best.label ? percent(best.share) : "");
    this.#bar.style.transform = `scaleX(${best.share})`;
  }

  #showState() {
    const { state, duty } = store.streams.get(this.#name);
    this.#state.className = `state ${state}`;
    setAttribute(this.#state, "aria-label", STATE_WORDS[state]);
    setAttribute(this.#state, "role", "img");
    this.element.dataset.state = state;
    this.#duty.hidden = !duty || duty.on;
    if (duty && !duty.on) setText(this.#duty, duty.armed ? "off duty" : "disarmed");
    if (state !== "live") setText(this.#facts, STATE_WORDS[state]);
  }

  #showStats({ before, now }) {
    if (store.streams.get(this.#name).state !== "live") return;
    setText(this.#facts, liveFacts(this.#name, before, now));
  }
}

/** Pictures a second, and the age of the last decision. */
function liveFacts(name, before, now) {
  const lane = store.streams.get(name).lanes[0]?.lane;
  const [old, is] = [before?.lanes[lane], now.lanes[lane]];
  const ages = store
    .lanesOf(name)
    .map(({ latest }) => latest?.age_ms)
    .filter((one) => typeof one === "number");
  const each =
    old && is ? `${rate(Math.max(0, is.read - old.read) / (now.time - before.time))}/s` : "";
  return [each, ages.length && age(Math.max(...ages))].filter(Boolean).join(" · ");
}

/** The last events: with their stills where they are kept, else as lines. */
function latestEvents(signal) {
  const list = h("ul", { class: "latest" });
  const section = h(
    "section",
    { class: "latest-events", "aria-label": "Latest events" },
    h(
      "div",
      { class: "row latest-head" },
      h("h2", { class: "grow" }, "Latest events"),
      store.run.events && h("a", { class: "small muted", href: "#/events" }, "All"),
    ),
    list,
  );
  const nothing = () =>
    h("li", { class: "none muted small" }, "Nothing yet. What is decided on stands here.");
  if (!store.run.events) {
    const show = () =>
      setChildren(
        list,
        store.events.length ? store.events.slice(0, LATEST).map(eventLine) : [nothing()],
      );
    store.on("event", show, signal);
    show();
    return section;
  }
  let timer = 0;
  const cards = new Map();
  const card = (event) => {
    const said = JSON.stringify(event);
    if (cards.get(event.id)?.said !== said)
      cards.set(event.id, {
        said,
        element: h(
          "li",
          {},
          eventCard(event, () => showEvent(event.id, { onchange: load })),
        ),
      });
    return cards.get(event.id).element;
  };
  const load = async () => {
    try {
      const { events } = await api.get("/api/events", { limit: LATEST }, signal);
      setChildren(list, events.length ? events.map(card) : [nothing()]);
      const shown = new Set(events.map(({ id }) => id));
      for (const id of cards.keys()) if (!shown.has(id)) cards.delete(id);
    } catch (error) {
      if (error.name !== "AbortError" && !list.childElementCount)
        setChildren(list, [h("li", { class: "none muted small" }, error.message)]);
    }
  };
  store.on(
    "stored",
    () => {
      timer ||= setTimeout(() => {
        timer = 0;
        load();
      }, 800);
    },
    signal,
  );
  signal.addEventListener("abort", () => clearTimeout(timer));
  load();
  return section;
}

function eventLine(event) {
  const words = { start: "began", repeat: "goes on", end: "ended" }[event.event];
  return h(
    "li",
    { class: "event-line" },
    h("time", { class: "small faint" }, clock(event.time ?? store.now())),
    h(
      "span",
      { class: "grow cut" },
      h("strong", {}, event.label),
      h("span", { class: "muted" }, ` ${words}`),
    ),
    h(
      "span",
      { class: "small muted cut" },
      [event.source, event.region].filter(Boolean).join(" / "),
    ),
  );
}
