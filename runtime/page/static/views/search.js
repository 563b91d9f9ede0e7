// Search: actions in words, and the moments of the archive that show them.

import { api, withQuery } from "../run/api.js";
import { curve } from "../parts/curve.js";
import { button, h, icon, setChildren, setText } from "../parts/dom.js";
import { clock, count, day, duration, percent, place } from "../parts/format.js";
import { empty, showDialog } from "../parts/widgets.js";

/** Return the view; `query` is what its address asks. */
export function searchView(signal, query, { onlocked = () => {} } = {}) {
  const form = questions(query);
  const said = h("p", { class: "small muted search-said", role: "status" });
  const found = h("div", { class: "hits" });
  const fail = (title) => (error) => {
    if (error.name === "AbortError") return;
    if (error.status === 401) onlocked("The token is not valid any more.");
    setText(said, "");
    setChildren(found, [empty("lost", title, error.message)]);
  };
  let busy = false;

  async function search() {
    const asked = form.asked();
    if (busy || !asked.text.length) return;
    busy = true;
    form.setBusy(true);
    setText(said, "Searching…");
    setChildren(found, [waiting()]);
    found.setAttribute("aria-busy", "true");
    history.replaceState(null, "", withQuery("#/search", asked));
    try {
      const answer = await api.get("/api/archive/search", asked, signal);
      setText(said, summary(answer));
      setChildren(found, [answer.hits.length ? list(answer.hits) : nothing()]);
    } catch (error) {
      fail("The search ended without an answer")(error);
    } finally {
      busy = false;
      form.setBusy(false);
      found.removeAttribute("aria-busy");
    }
  }

  form.element.addEventListener("submit", (event) => {
    event.preventDefault();
    search();
  });
  setChildren(found, [
    empty(
      "search",
      "Ask the archive",
      "Write what you look for as you would say it. Commas part several actions.",
    ),
  ]);
  api
    .get("/api/archive", {}, signal)
    .then((info) => {
      form.offer(info);
      return search();
    })
    .catch(fail("The archive cannot be opened"));
  return h(
    "div",
    { class: "search-view" },
    h("div", { class: "view-head" }, h("h1", {}, "Search")),
    form.element,
    said,
    found,
  );
}

function questions(query) {
  const text = h("input", {
    id: "ask",
    type: "text",
    value: query.getAll("text").join(", "),
    placeholder: "somebody falls, a person runs",
    autocomplete: "off",
    maxLength: 2000,
    required: true,
  });
  const stream = h("select", {}, h("option", { value: "" }, "All streams"));
  const since = h("input", { type: "datetime-local", value: local(query.get("since")) });
  const until = h("input", { type: "datetime-local", value: local(query.get("until")) });
  const top = h(
    "select",
    {},
    ["10", "20", "50", "100"].map((one) => h("option", { value: one }, one)),
  );
  top.value = ["10", "50", "100"].includes(query.get("top")) ? query.get("top") : "20";
  const go = h("button", { type: "submit", class: "button primary" }, "Search");
  const field = (name, control, kind = "") =>
    h("label", { class: `field ${kind}` }, h("span", {}, name), control);
  return {
    element: h(
      "form",
      { class: "ask" },
      h(
        "label",
        { class: "field ask-text" },
        h("span", {}, "What to find"),
        h("span", { class: "search" }, icon("search"), text),
      ),
      go,
      field("Stream", stream, "ask-stream"),
      field("From", since),
      field("Until", until),
      field("At most", top, "ask-top"),
    ),
    asked: () => ({
      text: [...new Set(text.value.split(",").map((one) => one.trim()))].filter(Boolean),
      stream: stream.value,
      since: seconds(since.value),
      until: seconds(until.value),
      top: top.value,
    }),
    offer: ({ streams }) => {
      stream.append(...streams.map((name) => h("option", { value: name }, name)));
      if (streams.includes(query.get("stream"))) stream.value = query.get("stream");
    },
    setBusy: (is) => {
      go.disabled = is;
    },
  };
}

/** What a field for a day and a time holds, as seconds since 1970; "" is none. */
const seconds = (value) => (value ? new Date(value).getTime() / 1000 : "");

function local(value) {
  const at = new Date(Number(value) * 1000);
  if (!value || Number.isNaN(at.getTime())) return "";
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function summary({ hits, frames, hours, windows, complete, other_frames: others }) {
  const length = hours >= 1 ? `${hours.toFixed(1)} h` : duration(hours * 3600);
  const how = complete
    ? "Every window was scored"
    : `${count(windows, "window")} around the nearest frames were scored`;
  const rest = others ? ` ${count(others, "frame")} of other bundles were not searched.` : "";
  const number = count(hits.length, "moment");
  return `${number} in ${count(frames, "frame")} (${length}). ${how}.${rest}`;
}

const nothing = () =>
  empty("search", "Nothing found", "No moment fits: say it in other words, or search more streams.");

function waiting() {
  return h(
    "div",
    { class: "hit-grid" },
    Array.from({ length: 4 }, () =>
      h("div", { class: "stack" }, h("div", { class: "event-still skeleton" })),
    ),
  );
}

const list = (hits) =>
  h(
    "ol",
    { class: "hit-grid" },
    hits.map((one) => h("li", {}, card(one))),
  );

function card(hit) {
  return h(
    "button",
    { type: "button", class: "event-card hit", onclick: () => show(hit) },
    h(
      "span",
      { class: "event-still" },
      still(hit),
      hit.plays &&
        h(
          "span",
          { class: "badge" },
          icon("play"),
          h("span", {}, duration(Math.max(0, hit.end_s - hit.start_s))),
        ),
    ),
    h(
      "span",
      { class: "hit-head" },
      h("span", { class: "event-label cut" }, hit.label),
      h("span", { class: "hit-score" }, percent(hit.peak)),
    ),
    h("span", { class: "small muted cut", title: hit.stream }, name(hit.stream)),
    h("span", { class: "small muted" }, when(hit)),
    curve(hit),
  );
}

function still(hit) {
  if (!hit.still) return h("span", { class: "no-still" }, "No picture");
  const { video, start_s, end_s, peak_s } = hit;
  const src = withQuery("/api/archive/still", { video, start_s, end_s, peak_s });
  const image = h("img", { src, alt: "", loading: "lazy" });
  image.addEventListener("error", () =>
    image.replaceWith(h("span", { class: "no-still" }, "No picture")),
  );
  return image;
}

/** A file's path is long, and its end says most. */
const name = (stream) => stream.split("/").slice(-2).join("/");

function when({ time, start_s, end_s }) {
  const span = `${place(start_s)} to ${place(end_s)}`;
  return time === null ? span : `${day(time)}, ${clock(time)}`;
}

function show(hit) {
  showDialog(
    hit.label,
    h(
      "div",
      { class: "stack hit-view" },
      hit.plays ? player(hit) : h("div", { class: "event-still" }, still(hit)),
      h(
        "div",
        { class: "hit-head" },
        h("span", {}, when(hit)),
        h("span", { class: "hit-score" }, percent(hit.peak)),
      ),
      h("p", { class: "small muted hit-stream" }, hit.stream),
      curve(hit),
    ),
  );
}

function player(hit) {
  const file = withQuery("/api/archive/video", { video: hit.video });
  const at = `#t=${Math.max(0, hit.start_s).toFixed(2)}`;
  const video = h("video", {
    src: file + at,
    controls: true,
    autoplay: true,
    muted: true,
    playsInline: true,
    "aria-label": `${hit.label} in ${name(hit.stream)}`,
  });
  const box = h("div", { class: "hit-player" }, video);
  video.addEventListener("error", () =>
    setChildren(box, [
      h("div", { class: "event-still" }, still(hit)),
      h(
        "p",
        { class: "notice" },
        h("span", { class: "grow" }, "This browser cannot play this kind of file."),
        h("a", { href: file, download: name(hit.stream).split("/").pop() }, "Download it"),
      ),
    ]),
  );
  const again = button("From the start of the moment", {
    iconName: "play",
    onclick: () => {
      video.currentTime = Math.max(0, hit.start_s);
      video.play();
    },
  });
  box.append(h("div", { class: "row" }, again));
  return box;
}
