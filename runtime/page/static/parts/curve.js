// Scores over time as a small drawing, as in the report of a search.

import { h, svg } from "./dom.js";
import { percent, place } from "./format.js";

const [WIDTH, HEIGHT] = [320, 64];
const [TOP, BOTTOM] = [6, 58];

/** Draw the scores of a hit, with its best second marked. */
export function curve({ scores, start_s, end_s, peak_s, peak }) {
  const first = Math.min(start_s, scores[0][0]);
  const last = Math.max(end_s, scores.at(-1)[0]);
  const across = (at) => 4 + ((WIDTH - 8) * (at - first)) / Math.max(last - first, 1e-3);
  const up = (score) => BOTTOM - (BOTTOM - TOP) * Math.min(1, Math.max(0, score));
  const line = scores.map(([at, score]) => `${across(at).toFixed(1)},${up(score).toFixed(1)}`);
  const ends = [scores[0], scores.at(-1)].map(([at]) => `${across(at).toFixed(1)},${BOTTOM}`);
  const drawn = svg(
    "svg",
    {
      class: "curve",
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: "img",
      "aria-label": `Scores from ${place(first)} to ${place(last)}, the best ${percent(peak)} at ${place(peak_s)}`,
    },
    ...[0, 0.5, 1].map((at) =>
      svg("line", { class: "curve-grid", x1: 0, x2: WIDTH, y1: up(at), y2: up(at) }),
    ),
    svg("polygon", { class: "curve-area", points: [ends[0], ...line, ends[1]].join(" ") }),
    svg("polyline", { class: "curve-line", points: line.join(" ") }),
    svg("circle", { class: "curve-peak", cx: across(peak_s), cy: up(peak), r: 3.5 }),
  );
  return h(
    "span",
    { class: "curve-box" },
    drawn,
    h(
      "span",
      { class: "curve-ends small muted", "aria-hidden": "true" },
      h("span", {}, place(first)),
      h("span", {}, place(last)),
    ),
  );
}
