// Why a label won: the heat of the winning patches over the picture, and the window's frames with their weights.

import { h, setText } from "./dom.js";
import { percent } from "./format.js";
import { live } from "../run/live.js";
import { store } from "../run/store.js";

// From nothing over amber to almost white: reads on dark and bright pictures.
const RAMP = new Uint32Array(256);
for (let heat = 0; heat < 256; heat += 1) {
  const share = heat / 255;
  const strong = share ** 3;
  const bytes = [
    255,
    Math.round(90 + 165 * share ** 1.5),
    Math.round(20 + 180 * share ** 4),
    Math.round(215 * strong),
  ];
  RAMP[heat] = bytes[0] | (bytes[1] << 8) | (bytes[2] << 16) | (bytes[3] << 24);
}

function paint(canvas, heat, [rows, columns]) {
  canvas.width = columns;
  canvas.height = rows;
  const image = new ImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  heat.forEach((value, place) => {
    pixels[place] = RAMP[value];
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** The heat map of one lane at a time over a picture's `fit`. */
export class HeatMap {
  #canvas = h("canvas", { class: "heat", "aria-hidden": "true" });
  #patch = h("div", { class: "patch", "aria-hidden": "true" });

  constructor() {
    this.element = h("div", { class: "heat-layer", hidden: true }, this.#canvas, this.#patch);
  }

  show(why) {
    const frame = why?.frames.at(-1);
    this.element.hidden = !frame;
    if (!frame) return;
    const [left, top, right, bottom] = why.area;
    const [rows, columns] = why.grid;
    Object.assign(this.element.style, {
      left: `${100 * left}%`,
      top: `${100 * top}%`,
      width: `${100 * (right - left)}%`,
      height: `${100 * (bottom - top)}%`,
    });
    paint(this.#canvas, frame.heat, why.grid);
    const [row, column] = frame.patch;
    Object.assign(this.#patch.style, {
      left: `${(100 * column) / columns}%`,
      top: `${(100 * row) / rows}%`,
      width: `${100 / columns}%`,
      height: `${100 / rows}%`,
    });
  }
}

/** The frames of a window, oldest first, each with its weight and what fits best in it. */
export class Strip {
  #list = h("ol", { class: "strip", "aria-label": "The frames of the window, oldest first" });
  #words = h("p", { class: "small muted strip-words" }, "Waiting for the next window…");
  #frames = [];
  #lane = null;
  #showsHeat = false;
  element = h("div", { class: "stack" }, this.#list, this.#words);

  constructor(lane, signal) {
    this.#lane = lane;
    live.onPicture(`strip ${lane}`, (strip) => this.#drawPictures(strip), signal);
    store.on("why", (why) => why.lane === lane && this.#showWhy(why), signal);
  }

  #size(count) {
    while (this.#frames.length > count) this.#frames.pop().item.remove();
    while (this.#frames.length < count) {
      const picture = h("canvas", { width: 1, height: 1 });
      const heat = h("canvas", { class: "heat" });
      const bar = h("span", { class: "weight" });
      const share = h("span", { class: "number" });
      const item = h(
        "li",
        {},
        h("div", { class: "thumb" }, picture, heat),
        h("span", { class: "weight-track" }, bar),
        share,
      );
      this.#list.append(item);
      this.#frames.push({ item, picture, heat, bar, share });
    }
  }

  #drawPictures({ header, bitmap }) {
    const count = header.times_s.length;
    this.#size(count);
    const side = bitmap.height;
    this.#frames.forEach(({ picture }, place) => {
      picture.width = side;
      picture.height = side;
      picture.getContext("2d").drawImage(bitmap, place * side, 0, side, side, 0, 0, side, side);
    });
  }

  showHeat(on) {
    this.#showsHeat = on;
    this.#list.classList.toggle("with-heat", on);
  }

  #showWhy({ frames, grid, label }) {
    this.#size(frames.length);
    const most = frames.reduce(
      (best, { weight }, place) => (weight > frames[best].weight ? place : best),
      0,
    );
    frames.forEach((frame, place) => {
      const { item, heat, bar, share } = this.#frames[place];
      if (this.#showsHeat) paint(heat, frame.heat, grid);
      bar.style.width = `${(100 * frame.weight) / frames[most].weight}%`;
      setText(share, percent(frame.weight));
      item.classList.toggle("most", place === most);
      item.title = `${frame.attribute} (${frame.similarity.toFixed(2)})`;
    });
    const fits = `“${frames[most].attribute}” fits best in it`;
    setText(this.#words, `Frame ${most + 1} counts most for “${label}”; ${fits}.`);
  }
}
