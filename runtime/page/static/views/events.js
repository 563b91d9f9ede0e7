// Events of the store: searched, filtered, exported, and each with its still and its clip.

import { api, withQuery } from "../run/api.js";
import { button, h, icon, setChildren, setText } from "../parts/dom.js";
import { clock, count, day, duration, percent } from "../parts/format.js";
import { showEvent } from "./event.js";
import { store } from "../run/store.js";
import { empty, notice, showDialog } from "../parts/widgets.js";

const PAGE = 48;
const REFRESHED_AFTER_MS = 700;
const SINCE = { "": "Any time", 3600: "Last hour", 86400: "Last day", 604800: "Last week" };
const MARKS = { "": "Any mark", right: "Marked right", wrong: "Marked wrong", kept: "Kept" };

/** The small picture, the label and the facts of an event. */
export function eventCard(event, onopen) {
  const where = [event.source, event.region].filter(Boolean).join(" / ");
  const when = event.time ?? event.recorded;
  const still = event.still
    ? h("img", {
        src: `/api/events/${event.id}/still`,
        alt: "",
        loading: "lazy",
        decoding: "async",
        width: 320,
        height: 180,
      })
    : h("div", { class: "no-still" }, "No still");
  return h(
    "button",
    { type: "button", class: "event-card", "data-id": event.id, onclick: onopen },
    h(
      "span",
      { class: "event-still" },
      still,
      event.clip && h("span", { class: "badge" }, icon("play"), duration(event.duration_s)),
      event.state === "open" && h("span", { class: "badge now" }, "now"),
    ),
    h(
      "span",
      { class: "event-words" },
      h(
        "span",
        { class: "event-label cut" },
        event.label,
        event.mark && h("span", { class: `mark ${event.mark}` }, event.mark),
        event.kept &&
          h(
            "span",
            { class: "mark kept" },
            icon("star"),
            h("span", { class: "visually-hidden" }, "kept"),
          ),
      ),
      h(
        "span",
        { class: "small muted cut number" },
        h("time", { dateTime: new Date(when * 1000).toISOString() }, clock(when)),
        ` · ${where} · ${percent(event.peak)}`,
      ),
    ),
  );
}

export function eventsView(signal, query) {
  if (!store.run.events) {
    return h(
      "div",
      {},
      h("h1", { class: "visually-hidden" }, "Events"),
      empty(
        "bell",
        "No events are kept",
        store.run.why_not.events ?? "Start the run with --events and a folder.",
      ),
    );
  }
  return new EventsView(signal, query).element;
}

class EventsView {
  #signal;
  #events = [];
  #more = false;
  #asked = 0;
  #timer = 0;
  #cards = new Map();
  #list = h("div", { class: "event-days", "aria-busy": "true" });
  #moreButton = button("Show older", { hidden: true, onclick: () => this.#load(true) });
  #status = h("p", { class: "small muted", role: "status" });
  #text = h("input", {
    type: "search",
    placeholder: "Search label, stream or words",
    "aria-label": "Search",
    id: "search",
  });
  #stream = this.#choice("Stream", [
    ["", "All streams"],
    ...[...store.streams.keys()].map((name) => [name, name]),
  ]);
  #label = this.#choice("Label", [["", "All labels"]]);
  #since = this.#choice(
    "When",
    Object.entries(SINCE).sort(([a], [b]) => a - b),
  );
  #mark = this.#choice("Mark", Object.entries(MARKS));
  #peak = this.#choice("Score", [
    ["", "Any score"],
    ["0.6", "60 % and more"],
    ["0.8", "80 % and more"],
    ["0.9", "90 % and more"],
  ]);

  constructor(signal, query) {
    this.#signal = signal;
    this.#text.value = query.get("text") ?? "";
    this.#stream.value = query.get("stream") ?? "";
    this.element = h(
      "div",
      {},
      h(
        "div",
        { class: "view-head" },
        h("h1", {}, "Events"),
        this.#status,
        h("span", { class: "grow" }),
        button("Export", { iconName: "download", onclick: () => this.#export() }),
      ),
      h(
        "search",
        { class: "filters" },
        h("div", { class: "search" }, icon("search"), this.#text),
        this.#stream,
        this.#label,
        this.#since,
        this.#mark,
        this.#peak,
      ),
      this.#list,
      h("div", { class: "more" }, this.#moreButton),
    );
    for (const field of [
      this.#text,
      this.#stream,
      this.#label,
      this.#since,
      this.#mark,
      this.#peak,
    ]) {
      field.addEventListener("input", () => this.#soon(field === this.#text ? 250 : 0));
    }
    store.on(
      "stored",
      () => this.#events.length <= 2 * PAGE && this.#soon(REFRESHED_AFTER_MS, true),
      signal,
    );
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
    this.#skeletons();
    this.#loadLabels();
    this.#load();
  }

  #choice(name, options) {
    return h(
      "select",
      { "aria-label": name },
      options.map(([value, text]) => h("option", { value }, text)),
    );
  }

  get #filters() {
    const mark = this.#mark.value;
    return {
      text: this.#text.value.trim(),
      stream: this.#stream.value,
      label: this.#label.value,
      min_peak: this.#peak.value,
      since: this.#since.value && Math.round(store.now() - Number(this.#since.value)),
      mark: mark === "kept" ? "" : mark,
      kept: mark === "kept" ? "true" : "",
    };
  }

  get #filtered() {
    return Object.values(this.#filters).some((value) => value !== "");
  }

  async #loadLabels() {
    try {
      const counts = await api.get("/api/events/counts", {}, this.#signal);
      const labels = Object.keys(counts.label).sort((a, b) => a.localeCompare(b));
      this.#label.append(...labels.map((label) => h("option", { value: label }, label)));
    } catch {
      // the filter offers all labels alone
    }
  }

  #soon(milliseconds, quietly = false) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#load(false, quietly), milliseconds);
  }

  async #load(older = false, quietly = false) {
    this.#asked += 1;
    const asked = this.#asked;
    if (!quietly) this.#list.setAttribute("aria-busy", "true");
    this.#moreButton.disabled = true;
    try {
      const before = older ? this.#events.at(-1)?.id : undefined;
      const limit = quietly ? Math.max(PAGE, this.#events.length) : PAGE;
      const { events, more } = await api.get(
        "/api/events",
        { ...this.#filters, before, limit },
        this.#signal,
      );
      if (asked !== this.#asked) return;
      this.#events = older ? [...this.#events, ...events] : events;
      this.#more = more;
      this.#show();
    } catch (error) {
      if (error.name === "AbortError" || asked !== this.#asked) return;
      if (!quietly)
        setChildren(this.#list, [
          empty(
            "lost",
            "The events cannot be shown",
            error.message,
            button("Try again", { onclick: () => this.#load() }),
          ),
        ]);
    } finally {
      this.#list.removeAttribute("aria-busy");
      this.#moreButton.disabled = false;
    }
  }

  #skeletons() {
    setChildren(this.#list, [
      h(
        "div",
        { class: "event-grid", "aria-hidden": "true" },
        Array.from({ length: 8 }, () =>
          h(
            "div",
            { class: "event-card" },
            h("div", { class: "event-still skeleton" }),
            h("div", { class: "skeleton line" }),
          ),
        ),
      ),
    ]);
  }

  #show() {
    const focused = document.activeElement?.closest?.(".event-card")?.dataset.id;
    this.#moreButton.hidden = !this.#more;
    setText(
      this.#status,
      this.#events.length
        ? `${this.#more ? "the newest " : ""}${count(this.#events.length, "event")}`
        : "",
    );
    if (!this.#events.length) {
      setChildren(this.#list, [
        this.#filtered
          ? empty(
              "search",
              "No event fits",
              "Fewer words or a longer time may find some.",
              button("Clear the filters", { onclick: () => this.#clear() }),
            )
          : empty(
              "bell",
              "No events yet",
              "As soon as an action is decided on, it stands here with its picture and its clip.",
            ),
      ]);
      return;
    }
    const days = new Map();
    for (const event of this.#events) {
      const name = day(event.time ?? event.recorded);
      if (!days.has(name)) days.set(name, []);
      days.get(name).push(event);
    }
    setChildren(
      this.#list,
      [...days].map(([name, events]) =>
        h(
          "section",
          { "aria-label": name },
          h("h2", { class: "day" }, name),
          h(
            "div",
            { class: "event-grid" },
            events.map((event) => this.#card(event)),
          ),
        ),
      ),
    );
    if (focused) this.#list.querySelector(`[data-id="${focused}"]`)?.focus();
    const shown = new Set(this.#events.map((event) => event.id));
    for (const id of this.#cards.keys()) if (!shown.has(id)) this.#cards.delete(id);
  }

  /** An event that has not changed keeps its element, and so its picture. */
  #card(event) {
    const said = JSON.stringify(event);
    const known = this.#cards.get(event.id);
    if (known?.said === said) return known.element;
    const element = eventCard(event, () => this.#open(event.id));
    this.#cards.set(event.id, { said, element });
    return element;
  }

  #clear() {
    for (const field of [
      this.#text,
      this.#stream,
      this.#label,
      this.#since,
      this.#mark,
      this.#peak,
    ])
      field.value = "";
    this.#load();
  }

  #open(id) {
    const ids = this.#events.map((event) => event.id);
    showEvent(id, { ids, onchange: () => this.#soon(0, true) });
  }

  #export() {
    const link = (format, name, what) =>
      h(
        "a",
        {
          class: "export",
          href: withQuery("/api/events/export", { ...this.#filters, format }),
          download: `events.${format}`,
        },
        h("strong", {}, name),
        h("span", { class: "small muted" }, what),
      );
    showDialog(
      "Export events",
      h(
        "div",
        { class: "stack" },
        notice(
          this.#filtered
            ? "The events that fit the filters are exported."
            : "All events are exported.",
        ),
        link("csv", "CSV", "for spreadsheets"),
        link("json", "JSON", "for programs"),
        link("parquet", "Parquet", "for data frames"),
      ),
      { narrow: true },
    );
  }
}
