// Teaching: what people marked and added, what it would change, and the change itself.

import { button, h, iconButton, setChildren } from "../parts/dom.js";
import { clock, count, day, duration } from "../parts/format.js";
import { attempt, empty, notice } from "../parts/widgets.js";
import { api } from "../run/api.js";
import { store } from "../run/store.js";

const FALSE_ALARMS = {
  0.1: "one in ten days",
  1: "one a day",
  10: "ten a day",
  24: "one an hour",
};

export function teachView(signal) {
  if (store.run.teaches) return new TeachView(signal).element;
  return h(
    "div",
    {},
    h("div", { class: "view-head" }, h("h1", {}, "Teach")),
    empty("right", "Nothing can be taught here", store.run.why_not.teaches),
  );
}

/** Do what changes teaching, and show what came of it. */
function ask(control, method, path, body) {
  return attempt(control, async () =>
    store.take({ type: "teaching", teaching: await api[method](path, body) }),
  );
}

const card = (title, ...body) =>
  h(
    "section",
    { class: "card" },
    h("div", { class: "card-head" }, h("h2", {}, title)),
    h("div", { class: "card-body stack" }, ...body),
  );

class TeachView {
  #signal;
  #leftOut = new Set(); // recordings that show an action after all
  #body = h(
    "div",
    { class: "teach" },
    h("div", { class: "skeleton card block" }),
    h("div", { class: "skeleton card block" }),
  );
  #falseAlarms = h(
    "select",
    { "aria-label": "False alarms" },
    Object.entries(FALSE_ALARMS)
      .sort(([a], [b]) => a - b)
      .map(([value, text]) => h("option", { value, selected: value === "1" }, text)),
  );

  constructor(signal) {
    this.#signal = signal;
    this.element = h("div", {}, h("div", { class: "view-head" }, h("h1", {}, "Teach")), this.#body);
    store.on("teaching", (teaching) => this.#show(teaching), signal);
    store.on("stored", () => this.#load(), signal);
    this.#load();
  }

  async #load() {
    try {
      const teaching = await api.get("/api/teaching", {}, this.#signal);
      store.take({ type: "teaching", teaching });
    } catch (error) {
      if (error.name === "AbortError") return;
      const again = button("Try again", { onclick: () => this.#load() });
      setChildren(this.#body, [
        empty("lost", "The examples cannot be shown", error.message, again),
      ]);
    }
  }

  #show(teaching) {
    const examples = teaching.examples.length
      ? h("ul", { class: "stack" }, examplesByLabel(teaching.examples))
      : empty(
          "right",
          "No examples yet",
          "Mark events as right, or add a moment on a stream's page.",
        );
    setChildren(this.#body, [
      h(
        "div",
        { class: "stack" },
        card("Examples", examples),
        card("What is ordinary", this.#ordinary(teaching)),
      ),
      card("What it changes", ...this.#lesson(teaching)),
    ]);
  }

  #ordinary({ ordinary, wrong }) {
    const recordings = ordinary.map(({ name, seconds }) => {
      const chosen = h("input", {
        type: "checkbox",
        checked: !this.#leftOut.has(name),
        disabled: !store.mayChange,
        onchange: () => this.#leftOut[chosen.checked ? "delete" : "add"](name),
      });
      const words = h("span", { class: "number" }, name.replace(/\.\w+$/, ""));
      const length = h("span", { class: "muted small number" }, duration(seconds));
      return h("li", {}, h("label", { class: "check" }, chosen, words, length));
    });
    const counted = count(
      wrong.length,
      "event that was marked wrong counts",
      "events that were marked wrong count",
    );
    const hint = wrong.length
      ? `${counted} as ordinary, too.`
      : recordings.length && "Leave out recordings in which one of your actions happens.";
    return h(
      "div",
      { class: "stack" },
      recordings.length > 0
        ? h("ul", {}, recordings)
        : h("p", { class: "muted" }, "No recording yet: record while nothing happens."),
      Boolean(hint) && h("p", { class: "small muted" }, hint),
    );
  }

  #lesson({ job, used, missing, ordinary }) {
    if (job?.state === "running") {
      const stop = button("Stop", {
        iconName: "stop",
        onclick: () => ask(stop, "delete", "/api/teaching"),
      });
      const said = h("p", { class: "small muted number" }, job.said.at(-1) ?? "Starting…");
      return [
        h("div", { class: "stack tight", role: "status" }, h("div", { class: "progress" }), said),
        store.mayChange && h("div", { class: "row" }, stop),
      ];
    }
    const words =
      "Teaching finds a threshold for each label, from its examples and from ordinary footage. " +
      "You see what it would change before it is used.";
    return [
      job?.state === "failed" && notice(job.error, "bad"),
      job?.state === "done" ? comparison(job) : h("p", { class: "muted" }, words),
      missing && notice(missing),
      store.mayChange && this.#buttons(job, used, missing, ordinary),
    ];
  }

  #buttons(job, used, missing, ordinary) {
    const isDone = job?.state === "done";
    const start = button(job ? "Teach again" : "Teach", {
      kind: isDone ? "" : "primary",
      disabled: Boolean(missing),
      onclick: () =>
        ask(start, "post", "/api/teaching", {
          false_alarms_per_day: Number(this.#falseAlarms.value),
          ordinary: this.#leftOut.size
            ? ordinary.map(({ name }) => name).filter((name) => !this.#leftOut.has(name))
            : null,
        }),
    });
    const use = button(used ? "In use" : "Use it", {
      kind: "primary",
      disabled: used,
      onclick: () => ask(use, "post", "/api/teaching/use"),
    });
    return h(
      "div",
      { class: "row" },
      h("span", { class: "muted" }, "False alarms:"),
      this.#falseAlarms,
      start,
      h("span", { class: "grow" }),
      isDone && use,
    );
  }
}

function examplesByLabel(all) {
  const labels = new Map();
  for (const one of all) labels.set(one.label, [...(labels.get(one.label) ?? []), one]);
  return [...labels].map(([label, found]) =>
    h(
      "li",
      { class: "lesson-label" },
      h(
        "div",
        { class: "row" },
        h("strong", { class: "grow" }, label),
        h("span", { class: "small muted" }, count(found.length, "example")),
      ),
      h("ul", {}, found.map(exampleLine)),
    ),
  );
}

function exampleLine({ id, label, stream, time, seconds, kind }) {
  const words = `${kind} · ${stream} · ${day(time)}, ${clock(time)} · ${duration(seconds)}`;
  const remove = iconButton(`Remove the example of ${label}`, "trash", () =>
    ask(remove, "delete", `/api/teaching/examples/${encodeURIComponent(id)}`),
  );
  return h(
    "li",
    { class: "row small" },
    h("span", { class: "grow muted number" }, words),
    store.mayChange && remove,
  );
}

/** What a calibration would change, for the labels of which something is known. */
function comparison({ before, after, hours }) {
  const old = new Map(before.map((one) => [one.label, one]));
  const share = (some, all) => (all ? `${some} of ${all}` : "–");
  const threshold = (value) => value?.toFixed(2) ?? "–";
  const cells = (one) => [
    threshold(one.threshold),
    share(one.right, one.right_of),
    share(one.wrong, one.wrong_of),
  ];
  const rows = after
    .filter((one) => one.examples || one.right_of || one.wrong_of)
    .map((one) => {
      const was = cells(old.get(one.label) ?? one);
      const columns = cells(one).map((now, place) => h("td", {}, change(was[place], now)));
      return h("tr", {}, h("th", { scope: "row" }, one.label), columns);
    });
  const heads = ["Label", "Threshold", "Right ones found", "Wrong ones reported"];
  const caption = hours
    ? `Before → after, with ${duration(hours * 3600)} of ordinary footage`
    : "Before → after";
  return h(
    "div",
    { class: "table-wrap", role: "region", "aria-label": "Before and after", tabIndex: 0 },
    h(
      "table",
      {},
      h("caption", { class: "small muted" }, caption),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          heads.map((name) => h("th", { scope: "col" }, name)),
        ),
      ),
      h("tbody", {}, rows),
    ),
  );
}

function change(from, to) {
  if (from === to) return [h("span", {}, to)];
  const arrow = [
    h("span", { class: "arrow", "aria-hidden": "true" }, "→"),
    h("span", { class: "visually-hidden" }, "then"),
  ];
  return [h("span", { class: "faint" }, from), ...arrow, h("strong", {}, to)];
}
