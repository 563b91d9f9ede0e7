// A moment that has just happened, added as an example of a label.

import { api } from "../run/api.js";
import { store } from "../run/store.js";
import { button, h, setChildren } from "./dom.js";
import { attempt, notice, say } from "./widgets.js";

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
