// The labels of a stream or of all, edited while they run. What is wrong is marked by its line.

import { api, ApiError } from "../run/api.js";
import { button, h, setChildren, setText } from "./dom.js";
import { count } from "./format.js";
import { store } from "../run/store.js";
import { attempt, notice, say } from "./widgets.js";

const CHECKED_AFTER_MS = 400;

export class LabelsEditor {
  #stream;
  #known = null; // LabelsInfo as the run has it
  #timer = 0;
  #checks = 0;
  #numbered = "";
  #gutter = h("div", { class: "gutter", "aria-hidden": "true" });
  #text = h("textarea", {
    class: "code",
    id: "labels-text",
    spellcheck: false,
    autocapitalize: "off",
    rows: 10,
    wrap: "off",
    "aria-label": "Labels, one a line",
    "aria-describedby": "labels-help labels-errors",
    oninput: () => this.#edited(),
    onscroll: () => {
      this.#gutter.scrollTop = this.#text.scrollTop;
    },
    onkeydown: (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#apply();
    },
  });
  #errors = h("ul", { class: "errors", id: "labels-errors", role: "alert" });
  #all = h("input", { type: "radio", name: "labels-for", value: "all" });
  #one = h("input", { type: "radio", name: "labels-for", value: "one", checked: true });
  #save = h("input", { type: "checkbox" });
  #saveRow = h("label", { class: "check" }, this.#save, h("span", {}));
  #notSaved = h("p", { class: "small muted" });
  #status = h("p", { class: "small muted", role: "status" });
  #applyButton = button("Apply", {
    kind: "primary",
    title: "Apply (Ctrl and Enter)",
    onclick: () => this.#apply(),
  });
  #discardButton = button("Discard", { kind: "plain", onclick: () => this.#load() });

  constructor(stream, signal) {
    this.#stream = stream;
    const choice =
      store.streams.size > 1 &&
      h(
        "fieldset",
        { class: "row choice" },
        h("legend", { class: "visually-hidden" }, "Apply to"),
        h("label", { class: "check" }, this.#one, h("span", {}, "This stream")),
        h("label", { class: "check" }, this.#all, h("span", {}, "All streams")),
      );
    this.element = h(
      "div",
      { class: "stack" },
      h("div", { class: "editor" }, this.#gutter, this.#text),
      this.#errors,
      h(
        "p",
        { class: "small muted", id: "labels-help" },
        "One label a line, attributes behind a colon: ",
        h("code", {}, "archery: bow, arrow"),
        ". ",
        h("code", {}, "! walking"),
        " is a label to ignore.",
      ),
      store.mayChange && choice,
      store.mayChange && this.#saveRow,
      store.mayChange && this.#notSaved,
      store.mayChange
        ? h(
            "div",
            { class: "row" },
            this.#applyButton,
            this.#discardButton,
            h("span", { class: "grow" }),
            this.#status,
          )
        : notice("This login can look, not change."),
    );
    for (const target of [this.#one, this.#all])
      target.addEventListener("change", () => this.#showSaving());
    this.#text.readOnly = !store.mayChange;
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
    store.on("info", (changed) => changed.name === stream && !this.#dirty && this.#load(), signal);
    this.#load();
  }

  get #dirty() {
    return this.#known !== null && this.#text.value !== this.#known.text;
  }

  async #load() {
    const before = this.#text.value;
    try {
      const known = await api.get("/api/labels", { stream: this.#stream });
      this.#take(known, this.#text.value === before ? known.text : this.#text.value);
      this.#showErrors([]);
    } catch (error) {
      this.#showErrors([], error.message);
    }
  }

  /** What somebody typed while the answer was on its way stays. */
  #take(known, text = known.text) {
    this.#known = known;
    this.#text.value = text;
    this.#showState();
    this.#showSaving();
  }

  /** Labels that came from one file can be saved back to it; those of all streams may have several. */
  async #showSaving() {
    this.#save.checked = false;
    const isAll = this.#all.checked;
    const known = isAll ? await api.get("/api/labels").catch(() => null) : this.#known;
    if (isAll !== this.#all.checked) return; // the answer to an older question
    this.#saveRow.hidden = !known?.savable;
    this.#notSaved.hidden = !known?.why_not;
    if (known?.savable) setText(this.#saveRow.lastChild, `Save to ${known.file}, too`);
    if (known?.why_not) setText(this.#notSaved, known.why_not);
  }

  #showState() {
    const labels = this.#text.value
      .split("\n")
      .filter((line) => line.trim() && !line.trim().startsWith("#"));
    this.#applyButton.disabled = !this.#dirty;
    this.#discardButton.hidden = !this.#dirty;
    setText(this.#status, this.#dirty ? "Not applied yet" : count(labels.length, "label"));
    this.#number([]);
  }

  #edited() {
    this.#showState();
    clearTimeout(this.#timer);
    if (this.#dirty) this.#timer = setTimeout(() => this.#check(), CHECKED_AFTER_MS);
    else this.#showErrors([]);
  }

  get #request() {
    return { text: this.#text.value, stream: this.#all.checked ? null : this.#stream };
  }

  async #check() {
    this.#checks += 1;
    const check = this.#checks;
    try {
      await api.put("/api/labels", { ...this.#request, save: false, check: true });
      if (check === this.#checks) this.#showErrors([]);
    } catch (error) {
      if (check === this.#checks) this.#showErrors(error.lines ?? [], error.message);
    }
  }

  async #apply() {
    if (!this.#dirty) return;
    clearTimeout(this.#timer);
    this.#checks += 1;
    setText(this.#status, "Embedding…");
    await attempt(this.#applyButton, async () => {
      try {
        const known = await api.put("/api/labels", {
          ...this.#request,
          save: this.#save.checked,
          check: false,
        });
        const saved = this.#save.checked ? ` and saved to ${known.file}` : "";
        await this.#load(); // what was applied to all streams says nothing of this one's file
        say(`The labels are in use${saved}.`);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        this.#showErrors(error.lines, error.message);
        setText(this.#status, "Not applied");
      }
    });
    this.#applyButton.disabled = !this.#dirty;
  }

  #showErrors(lines, message = "") {
    this.#text.setAttribute("aria-invalid", String(Boolean(message)));
    const items = lines.length
      ? lines.map(({ line, error }) =>
          h(
            "li",
            {},
            h(
              "button",
              { type: "button", class: "link", onclick: () => this.#goTo(line) },
              `Line ${line}`,
            ),
            ` ${error}`,
          ),
        )
      : message
        ? [h("li", {}, message)]
        : [];
    setChildren(this.#errors, items);
    this.#number(lines.map(({ line }) => line));
  }

  #number(wrong) {
    const lines = this.#text.value.split("\n").length;
    const numbered = `${lines}: ${wrong}`;
    if (numbered === this.#numbered) return;
    this.#numbered = numbered;
    setChildren(
      this.#gutter,
      Array.from({ length: lines }, (_, place) =>
        h("span", { class: wrong.includes(place + 1) ? "wrong" : "" }, String(place + 1)),
      ),
    );
    this.#gutter.scrollTop = this.#text.scrollTop;
  }

  #goTo(line) {
    const before =
      this.#text.value
        .split("\n")
        .slice(0, line - 1)
        .join("\n").length + (line > 1 ? 1 : 0);
    this.#text.focus();
    this.#text.setSelectionRange(
      before,
      before + (this.#text.value.split("\n")[line - 1]?.length ?? 0),
    );
  }
}
