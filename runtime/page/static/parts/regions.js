// Draw where to look and what nobody may see: by mouse, finger or keys, on the picture itself.

import { api } from "../run/api.js";
import { button, h, icon, iconButton, setChildren, setText } from "./dom.js";
import { corners, MIDDLE, moved, outline, round, SMALLEST, withCorner } from "./shapes.js";
import { store } from "../run/store.js";
import { attempt, empty, notice, say } from "./widgets.js";

export class RegionsEditor {
  #stream;
  #fit;
  #shapes = []; // {kind: "region" | "mask", name, shape}
  #chosen = null;
  #drawing = null; // {tool: "box" | "polygon", kind, points}
  #dirty = false;
  #layer = h("div", { class: "draw-layer", hidden: true });
  #list = h("ul", { class: "shapes" });
  #hint = h("p", { class: "small muted", role: "status" });
  #saveButton = button("Save", { kind: "primary", onclick: () => this.#save() });
  #cancelButton = button("Discard", { kind: "plain", onclick: () => this.#load() });

  /** `fit` is the box of the picture. Editing is on while `show(true)`. */
  constructor(stream, fit, signal) {
    this.#stream = stream;
    this.#fit = fit;
    const { editable } = store.streams.get(stream);
    const tool = (name, iconName, kind, shape) =>
      button(name, { iconName, onclick: () => this.#begin(kind, shape) });
    this.element = h(
      "div",
      { class: "stack" },
      this.#list,
      !editable && notice("Regions and masks of a file cannot be changed."),
      editable && !store.mayChange && notice("This login can look, not change."),
      editable &&
        store.mayChange &&
        h(
          "div",
          { class: "tools", role: "group", "aria-label": "Draw" },
          tool("Region box", "region", "region", "box"),
          tool("Region polygon", "region", "region", "polygon"),
          tool("Mask box", "mask", "mask", "box"),
          tool("Mask polygon", "mask", "mask", "polygon"),
        ),
      this.#hint,
      editable &&
        store.mayChange &&
        h("div", { class: "row" }, this.#saveButton, this.#cancelButton),
    );
    this.mayDraw = editable && store.mayChange;
    fit.append(this.#layer);
    this.#layer.addEventListener("pointerdown", (event) => this.#press(event));
    this.#layer.addEventListener("dblclick", () => this.#closePolygon());
    addEventListener("keydown", (event) => this.#key(event), { signal });
    store.on(
      "info",
      (changed) =>
        changed.name === stream && (this.#dirty || this.#drawing ? this.#draw() : this.#load()),
      signal,
    );
    signal.addEventListener("abort", () => this.#layer.remove());
    this.#load();
  }

  show(on) {
    this.#layer.hidden = !on || !this.mayDraw;
    this.#fit.classList.toggle("editing", on && this.mayDraw);
    if (!on) this.#drawing = null;
    this.#draw();
  }

  #load() {
    const { regions, mask } = store.streams.get(this.#stream);
    this.#shapes = [
      ...regions.map(({ name, shape }) => ({ kind: "region", name, shape })),
      ...mask.map((shape) => ({ kind: "mask", name: "", shape })),
    ];
    this.#chosen = null;
    this.#drawing = null;
    this.#dirty = false;
    this.#listShapes();
    this.#draw();
  }

  #changed() {
    this.#dirty = true;
    this.#draw();
  }

  // Drawing

  #begin(kind, tool) {
    this.#drawing = { kind, tool, points: [] };
    this.#chosen = null;
    this.#draw();
    this.#layer.scrollIntoView({ block: "nearest" });
  }

  #point(event) {
    const box = this.#layer.getBoundingClientRect();
    return [
      round((event.clientX - box.left) / box.width),
      round((event.clientY - box.top) / box.height),
    ];
  }

  #press(event) {
    if (!this.#drawing || event.button) return;
    event.preventDefault();
    const point = this.#point(event);
    const { tool, points } = this.#drawing;
    if (tool === "polygon") {
      const [first] = points;
      const box = this.#layer.getBoundingClientRect();
      const near =
        first &&
        Math.hypot((first[0] - point[0]) * box.width, (first[1] - point[1]) * box.height) < 12;
      if (near && points.length > 2) this.#closePolygon();
      else {
        points.push(point);
        this.#draw();
      }
      return;
    }
    this.#layer.setPointerCapture(event.pointerId);
    this.#drawing.points = [point, point];
    this.#layer.onpointermove = (move) => {
      if (!this.#drawing) return;
      this.#drawing.points[1] = this.#point(move);
      this.#draw();
    };
    this.#layer.onpointerup = () => {
      this.#layer.onpointermove = null;
      this.#layer.onpointerup = null;
      if (this.#drawing) this.#finish(this.#drawnBox());
    };
  }

  #drawnBox() {
    const [[x1, y1], [x2, y2]] = this.#drawing.points;
    return [Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2)];
  }

  #closePolygon() {
    if (this.#drawing?.tool !== "polygon") return;
    const points = this.#drawing.points.filter(
      (point, place, all) => !place || point.join() !== all[place - 1].join(),
    );
    if (points.length > 2) this.#finish(points);
  }

  /** Take a shape that was drawn; a click that drew none puts one in the middle. */
  #finish(shape) {
    const { kind } = this.#drawing;
    const points = corners(shape);
    const size = (axis) =>
      Math.max(...points.map((point) => point[axis])) -
      Math.min(...points.map((point) => point[axis]));
    this.#drawing = null;
    this.#add(kind, size(0) < SMALLEST || size(1) < SMALLEST ? MIDDLE.box : shape);
  }

  #add(kind, shape) {
    const taken = this.#shapes.map(({ name }) => name);
    let number = this.#shapes.filter((other) => other.kind === "region").length + 1;
    while (taken.includes(`region ${number}`)) number += 1;
    this.#shapes.push({ kind, name: kind === "region" ? `region ${number}` : "", shape });
    this.#chosen = this.#shapes.length - 1;
    this.#listShapes();
    this.#changed();
    const field = this.#list.children[this.#chosen].querySelector("input");
    if (field) field.select();
    else this.#layer.querySelector(".handle")?.focus();
  }

  #key(event) {
    if (!this.#drawing) return;
    const { tool, kind } = this.#drawing;
    if (event.key === "Escape") {
      this.#drawing = null;
      this.#draw();
    } else if (event.key === "Enter" && tool === "polygon" && this.#drawing.points.length > 2) {
      event.preventDefault();
      this.#closePolygon();
    } else if (event.key === "Enter" && !this.#drawing.points.length) {
      event.preventDefault(); // by keys alone: a shape in the middle, whose corners the arrows move
      this.#drawing = null;
      this.#add(kind, MIDDLE[tool]);
    }
  }

  // Showing

  #draw() {
    const drawn = this.#fit.querySelector(".areas");
    for (const old of drawn.querySelectorAll(".draft")) old.remove();
    drawn.classList.toggle("hidden-areas", !this.#layer.hidden);
    if (this.#layer.hidden) return;
    this.#shapes.forEach(({ kind, shape }, place) =>
      drawn.append(outline(shape, `draft ${kind} ${place === this.#chosen ? "chosen" : ""}`)),
    );
    if (this.#drawing?.points.length) {
      const { tool, kind, points } = this.#drawing;
      drawn.append(outline(tool === "box" ? this.#drawnBox() : points, `draft ${kind} chosen`));
    }
    this.#layer.classList.toggle("drawing", Boolean(this.#drawing));
    this.#drawHandles();
    this.#say();
  }

  #drawHandles() {
    const places = this.#drawing
      ? this.#drawing.points.map((point) => ({ point, dot: true }))
      : this.#chosen === null
        ? []
        : this.#handlesOf(this.#shapes[this.#chosen]);
    const held = [...this.#layer.children].indexOf(document.activeElement);
    while (this.#layer.childElementCount > places.length) this.#layer.lastChild.remove();
    places.forEach(({ point: [x, y], dot, name, corner }, place) => {
      const known = this.#layer.children[place];
      const wanted = dot ? "dot" : "handle";
      let element = known;
      if (!known?.classList.contains(wanted) || known.dataset.corner !== String(corner)) {
        element = dot ? h("span", { class: "dot" }) : this.#handle(corner, name);
        element.dataset.corner = String(corner);
        if (known) known.replaceWith(element);
        else this.#layer.append(element);
      }
      element.style.left = `${100 * x}%`;
      element.style.top = `${100 * y}%`;
    });
    if (held >= 0 && !this.#drawing) this.#layer.children[held]?.focus();
  }

  #handlesOf({ shape }) {
    const points = corners(shape);
    const middle = [0, 1].map(
      (axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length,
    );
    return [
      { point: middle, name: "Move the shape", corner: "all" },
      ...points.map((point, corner) => ({
        point,
        name: `Corner ${corner + 1} of ${points.length}`,
        corner,
      })),
    ];
  }

  #handle(corner, name) {
    const element = h("button", {
      type: "button",
      class: `handle ${corner === "all" ? "whole" : ""}`,
      "aria-label": `${name}: drag it, or press the arrow keys`,
    });
    const change = (to) => {
      const item = this.#shapes[this.#chosen];
      const next = to(item.shape);
      if (String(next) === String(item.shape)) return;
      item.shape = next;
      this.#changed();
    };
    element.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      event.stopPropagation();
      element.focus();
      element.setPointerCapture(event.pointerId);
      let last = this.#point(event);
      element.onpointermove = (move) => {
        const point = this.#point(move);
        if (corner === "all")
          change((shape) => moved(shape, [point[0] - last[0], point[1] - last[1]]));
        else change((shape) => withCorner(shape, corner, point));
        last = point;
      };
      element.onlostpointercapture = () => {
        element.onpointermove = null;
      };
    });
    element.addEventListener("keydown", (event) => {
      const [x, y] = {
        ArrowLeft: [-1, 0],
        ArrowRight: [1, 0],
        ArrowUp: [0, -1],
        ArrowDown: [0, 1],
      }[event.key] ?? [0, 0];
      if (!x && !y) return;
      event.preventDefault();
      const step = event.shiftKey ? 0.05 : 0.01;
      change((shape) => {
        if (corner === "all") return moved(shape, [x * step, y * step]);
        const [oldX, oldY] = corners(shape)[corner];
        return withCorner(shape, corner, [round(oldX + x * step), round(oldY + y * step)]);
      });
    });
    return element;
  }

  #listShapes() {
    const items = this.#shapes.map((item, place) => {
      const name =
        item.kind === "region"
          ? h("input", {
              type: "text",
              value: item.name,
              "aria-label": `Name of region ${place + 1}`,
              maxLength: 64,
              readOnly: !this.mayDraw,
              onfocus: () => this.#choose(place),
              oninput: (event) => {
                item.name = event.target.value;
                this.#changed();
              },
            })
          : h("span", { class: "grow" }, "Mask");
      return h(
        "li",
        {},
        h(
          "button",
          {
            type: "button",
            class: "icon-button",
            "aria-label": `Show ${item.name || "mask"} on the picture`,
            onclick: () => this.#choose(place),
          },
          icon(item.kind),
        ),
        name,
        this.mayDraw &&
          iconButton(`Remove ${item.name || "mask"}`, "trash", () => {
            this.#shapes.splice(place, 1);
            this.#chosen = null;
            this.#listShapes();
            this.#changed();
          }),
      );
    });
    setChildren(
      this.#list,
      items.length
        ? items
        : [
            h(
              "li",
              { class: "none" },
              empty(
                "region",
                "All of the picture",
                "A region makes what is small large to the network. A mask blanks what nobody may see.",
              ),
            ),
          ],
    );
  }

  #choose(place) {
    this.#chosen = place;
    this.#draw();
  }

  #say() {
    const { tool, points } = this.#drawing ?? {};
    const hint =
      tool === "box"
        ? "Drag across the picture. Enter puts a box in the middle, Escape ends."
        : tool === "polygon"
          ? points.length > 2
            ? "Go on, or click the first corner, or press Enter to close it."
            : "Click the corners in turn. Enter puts a triangle in the middle, Escape ends."
          : this.#chosen !== null
            ? "Drag the corners, or reach them by Tab and move them by the arrow keys."
            : "";
    setText(this.#hint, hint);
    this.#hint.hidden = !hint;
    this.#saveButton.disabled = !this.#dirty;
    this.#cancelButton.hidden = !this.#dirty;
  }

  async #save() {
    const of = (kind) => this.#shapes.filter((item) => item.kind === kind);
    await attempt(this.#saveButton, async () => {
      await api.put("/api/regions", {
        stream: this.#stream,
        regions: of("region").map(({ name, shape }) => ({ name: name.trim(), shape })),
        mask: of("mask").map(({ shape }) => shape),
      });
      this.#dirty = false;
      this.#chosen = null;
      say("The regions and masks are in use.");
    });
    this.#draw();
  }
}
