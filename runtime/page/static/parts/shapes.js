// Boxes and polygons, in shares of the picture.

import { svg } from "./dom.js";

export const SMALLEST = 0.02;
// What there is to begin with where nobody drags.
export const MIDDLE = {
  box: [0.3, 0.3, 0.7, 0.7],
  polygon: [
    [0.5, 0.25],
    [0.75, 0.7],
    [0.25, 0.7],
  ],
};
export const round = (share) => Math.round(Math.min(Math.max(share, 0), 1) * 1000) / 1000;
const isBox = (shape) => typeof shape[0] === "number";

/** Move one corner; a box stays a box. */
export function withCorner(shape, place, [x, y]) {
  if (!isBox(shape)) return shape.map((point, other) => (other === place ? [x, y] : point));
  const [left, top, right, bottom] = shape;
  const isLeft = place === 0 || place === 3;
  const isTop = place < 2;
  return [
    isLeft ? Math.min(x, right - SMALLEST) : left,
    isTop ? Math.min(y, bottom - SMALLEST) : top,
    isLeft ? right : Math.max(x, left + SMALLEST),
    isTop ? bottom : Math.max(y, top + SMALLEST),
  ].map(round);
}

/** Move a shape as a whole, as far as the picture goes. */
export function moved(shape, [byX, byY]) {
  const points = corners(shape);
  const clamp = (by, values) =>
    Math.min(Math.max(by, -Math.min(...values)), 1 - Math.max(...values));
  const along = (axis) => points.map((point) => point[axis]);
  const [x, y] = [clamp(byX, along(0)), clamp(byY, along(1))];
  const next = points.map(([oldX, oldY]) => [round(oldX + x), round(oldY + y)]);
  return isBox(shape) ? [...next[0], ...next[2]] : next;
}

/** The corners of a shape, a box or a polygon. */
export function corners(shape) {
  if (typeof shape[0] !== "number") return shape;
  const [left, top, right, bottom] = shape;
  return [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ];
}

export function outline(shape, kind) {
  return svg("polygon", {
    class: kind,
    points: corners(shape)
      .map((point) => point.join(","))
      .join(" "),
  });
}
