// Teaching: what people marked and added, what it would change, and the change itself.

import { api } from "../run/api.js";
import { button, h, iconButton, setChildren } from "../parts/dom.js";
import { clock, count, day, duration } from "../parts/format.js";
import { store } from "../run/store.js";
import { attempt, empty, notice, say } from "../parts/widgets.js";

/** Add the last seconds of a stream as an example of a label. */
export function addMoment(stream, signal) {
  if (!store.run.teaches) return notice(store.run.why_not.teaches);
  if (!store.mayChange) return notice("This login can look, not change.");
  const label = h("select", { id: "teach-label" });
  const seconds = h(
    "select",
    { id: "teach-seconds" },
    [2, 4, 6, 8].map((value) =>
      h("option", { value, selected: value === 4 }, `the last ${value} seconds`),
    ),
  );
  const fill = () => {
    const chosen = label.value;
    const names = new Set(
      store
        .lanesOf(stream)
        .flatMap(({ info }) => info.labels)
        .filter(({ role }) => role === "action")
        .map((one) => one.label),
    );
    setChildren(
      label,
      [...names].map((name) => h("option", { value: name }, name)),
    );
    if (names.has(chosen)) label.value = chosen;
  };
  fill();
  store.on("info", (changed) => changed.name === stream && fill(), signal);
  const add = button("Add as an example", {
    kind: "primary",
    onclick: () =>
      attempt(add, async () => {
        store.take({
          type: "teaching",
          teaching: await api.post("/api/teaching/examples", {
            stream,
            label: label.value,
            seconds: Number(seconds.value),
          }),
        });
        say(`An example of “${label.value}” is added.`);
      }),
  });
  return h(
    "div",
    { class: "stack" },
    h(
      "p",
      { class: "muted" },
      "When it has just happened, add it as an example. One to five examples of a label find more of it.",
    ),
    h("label", { class: "field" }, h("span", {}, "What happened"), label),
    h("label", { class: "field" }, h("span", {}, "When"), seconds),
    h(
      "div",
      { class: "row" },
      add,
      h("span", { class: "grow" }),
      h("a", { class: "button plain", href: "#/teach" }, "All examples"),
    ),
  );
}

export function teachView(signal) {
  const heading = h("div", { class: "view-head" }, h("h1", {}, "Teach"));
  if (!store.run.teaches)
    return h(
      "div",
      {},
      heading,
      empty("right", "Nothing can be taught here", store.run.why_not.teaches),
    );
  const body = h(
    "div",
    { class: "teach" },
    h("div", { class: "skeleton card block" }),
    h("div", { class: "skeleton card block" }),
  );
  const show = (teaching) => setChildren(body, [examples(teaching), lesson(teaching)]);
  store.on("teaching", show, signal);
  const load = async () => {
    try {
      store.take({ type: "teaching", teaching: await api.get("/api/teaching", {}, signal) });
    } catch (error) {
      if (error.name !== "AbortError")
        setChildren(body, [
          empty(
            "lost",
            "The examples cannot be shown",
            error.message,
            button("Try again", { onclick: load }),
          ),
        ]);
    }
  };
  store.on("stored", load, signal);
  load();
  return h("div", {}, heading, body);
}

const card = (title, side, ...body) =>
  h(
    "section",
    { class: "card" },
    h("div", { class: "card-head" }, h("h2", { class: "grow" }, title), side),
    h("div", { class: "card-body stack" }, ...body),
  );

function examples({ examples: all, ordinary, wrong }) {
  const labels = Map.groupBy
    ? Map.groupBy(all, ({ label }) => label)
    : all.reduce((map, one) => map.set(one.label, [...(map.get(one.label) ?? []), one]), new Map());
  const remove = (id, label) =>
    iconButton(`Remove the example of ${label}`, "trash", (event) =>
      attempt(event.currentTarget, async () => {
        store.take({
          type: "teaching",
          teaching: await api.delete(`/api/teaching/examples/${encodeURIComponent(id)}`),
        });
      }),
    );
  const rows = [...labels].map(([label, found]) =>
    h(
      "li",
      { class: "lesson-label" },
      h(
        "div",
        { class: "row" },
        h("strong", { class: "grow" }, label),
        h("span", { class: "small muted" }, count(found.length, "example")),
      ),
      h(
        "ul",
        {},
        found.map(({ id, stream, time, seconds, kind }) =>
          h(
            "li",
            { class: "row small" },
            h(
              "span",
              { class: "grow muted number" },
              `${kind === "event" ? "event" : "moment"} · ${stream} · ${day(time)}, ${clock(time)} · ${duration(seconds)}`,
            ),
            store.mayChange && remove(id, label),
          ),
        ),
      ),
    ),
  );
  const seconds = ordinary.reduce((sum, one) => sum + (one.seconds ?? 0), 0);
  return card(
    "What it learns from",
    null,
    rows.length
      ? h("ul", { class: "stack" }, rows)
      : empty(
          "right",
          "No examples yet",
          "Mark events as right, or add a moment on a stream's page.",
        ),
    h(
      "dl",
      { class: "facts" },
      h(
        "div",
        {},
        h("dt", {}, "Ordinary footage"),
        h(
          "dd",
          {},
          ordinary.length
            ? `${duration(seconds)} in ${count(ordinary.length, "recording")}`
            : "none: start a recording while nothing happens",
        ),
      ),
      h("div", {}, h("dt", {}, "Events marked wrong"), h("dd", {}, String(wrong.length))),
    ),
  );
}

function lesson({ job, used, missing }) {
  const each = h(
    "select",
    { id: "false-alarms", "aria-label": "False alarms" },
    [
      ["0.1", "one in ten days"],
      ["1", "one a day"],
      ["10", "ten a day"],
      ["24", "one an hour"],
    ].map(([value, text]) => h("option", { value, selected: value === "1" }, text)),
  );
  const ask = (control, method, path, body) =>
    attempt(control, async () =>
      store.take({ type: "teaching", teaching: await api[method](path, body) }),
    );
  const start = button(job ? "Teach again" : "Teach", {
    kind: job?.state === "done" ? "" : "primary",
    disabled: Boolean(missing),
    onclick: () =>
      ask(start, "post", "/api/teaching", { false_alarms_per_day: Number(each.value) }),
  });
  const running = job?.state === "running";
  const stop = button("Stop", {
    iconName: "stop",
    onclick: () => ask(stop, "delete", "/api/teaching"),
  });
  const use = button(used ? "In use" : "Use it", {
    kind: "primary",
    disabled: used,
    onclick: () => ask(use, "post", "/api/teaching/use"),
  });
  return card(
    "What it changes",
    null,
    job?.state === "failed" && notice(job.error, "bad"),
    running &&
      h(
        "div",
        { class: "stack tight", role: "status" },
        h("div", { class: "progress" }),
        h("p", { class: "small muted number" }, `${job.said.at(-1) ?? "Starting"}`),
      ),
    job?.state === "done"
      ? comparison(job)
      : !running &&
          h(
            "p",
            { class: "muted" },
            "Teaching finds a threshold for each label, from its examples and from ordinary footage. You see what it would change before it is used.",
          ),
    missing && !running && notice(missing),
    store.mayChange &&
      (running
        ? h("div", { class: "row" }, stop)
        : h(
            "div",
            { class: "row" },
            h("label", { class: "row" }, h("span", { class: "muted" }, "False alarms:"), each),
            start,
            h("span", { class: "grow" }),
            job?.state === "done" && use,
          )),
  );
}

function comparison({ before, after, hours }) {
  const old = new Map(before.map((one) => [one.label, one]));
  const share = (some, all) => (all ? `${some} of ${all}` : "–");
  const change = (from, to) =>
    from === to
      ? [h("span", {}, to)]
      : [
          h("span", { class: "faint" }, from),
          h("span", { class: "arrow", "aria-label": "then" }, "→"),
          h("strong", {}, to),
        ];
  const threshold = (value) => (value === null || value === undefined ? "–" : value.toFixed(2));
  const rows = after.map((one) => {
    const was = old.get(one.label) ?? one;
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, one.label),
      h("td", {}, change(threshold(was.threshold), threshold(one.threshold))),
      h("td", {}, change(share(was.right, was.right_of), share(one.right, one.right_of))),
      h("td", {}, change(share(was.wrong, was.wrong_of), share(one.wrong, one.wrong_of))),
    );
  });
  return h(
    "div",
    { class: "table-wrap", role: "region", "aria-label": "Before and after", tabIndex: 0 },
    h(
      "table",
      {},
      h(
        "caption",
        { class: "small muted" },
        hours
          ? `Before → after, with ${duration(hours * 3600)} of ordinary footage`
          : "Before → after",
      ),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ["Label", "Threshold", "Right ones found", "Wrong ones reported"].map((name) =>
            h("th", { scope: "col" }, name),
          ),
        ),
      ),
      h("tbody", {}, rows),
    ),
  );
}
