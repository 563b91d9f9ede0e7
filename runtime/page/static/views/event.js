// One event: its clip, its still, its scores over time, and what people say of it.

import { api } from "../run/api.js";
import { button, h, icon, iconButton, setChildren, svg } from "../parts/dom.js";
import { clock, day, duration, percent } from "../parts/format.js";
import { store } from "../run/store.js";
import { attempt, confirmed, notice, say, showDialog } from "../parts/widgets.js";

const VERDICTS = { yes: "confirmed", no: "denied", unverified: "could not say" };

/** Show an event; `ids` are those to go on to. */
export function showEvent(id, { ids = [id], onchange = () => {} } = {}) {
  const closed = new AbortController();
  const body = h("div", { class: "event-view" }, h("div", { class: "skeleton event-player" }));
  let place = ids.indexOf(id);
  const go = (step) => {
    if (!ids[place + step]) return;
    place += step;
    show();
  };
  const [older, newer] = [
    iconButton("Newer event", "back", () => go(-1)),
    iconButton("Older event", "next", () => go(1)),
  ];
  const dialog = showDialog("Event", body, {
    actions: ids.length > 1 ? [older, newer] : [],
    onclose: () => closed.abort(),
  });
  dialog.classList.add("event-dialog");
  dialog.addEventListener("keydown", (event) => {
    if (event.target.closest("video, input, select")) return;
    if (event.key === "ArrowLeft") go(-1);
    if (event.key === "ArrowRight") go(1);
  });
  const show = async () => {
    older.disabled = !ids[place - 1];
    newer.disabled = !ids[place + 1];
    try {
      fill(await api.get(`/api/events/${ids[place]}`, {}, closed.signal));
    } catch (error) {
      if (error.name !== "AbortError") setChildren(body, [notice(error.message, "bad")]);
    }
  };
  const change = (control, what) =>
    attempt(control, async () => {
      fill(await api.patch(`/api/events/${ids[place]}`, what));
      onchange();
    });
  const remove = async (event) => {
    if (
      !(await confirmed(
        "Delete this event?",
        "Its clip and its stills go, too. This cannot be undone.",
        "Delete",
      ))
    )
      return;
    await attempt(null, async () => {
      await api.delete(`/api/events/${event.id}`);
      dialog.close();
      say("The event is deleted.");
      onchange();
    });
  };
  const fill = (event) => {
    if (event.id !== ids[place]) return;
    dialog.querySelector("#dialog-title").textContent = event.label;
    const known = body.querySelector("[data-clip]");
    const player = known?.dataset.clip === `${event.id} ${event.clip}` ? known : playerOf(event);
    setChildren(body, [
      player,
      h("div", { class: "event-side stack" }, ...side(event, change, remove)),
    ]);
  };
  store.on("stored", (changed) => changed === ids[place] && show(), closed.signal);
  show();
}

function playerOf(event) {
  const still = event.still ? `/api/events/${event.id}/still` : undefined;
  if (event.clip) {
    const video = h("video", {
      class: "event-player",
      controls: true,
      muted: true,
      autoplay: true,
      loop: true,
      playsInline: true,
      poster: still,
      src: `/api/events/${event.id}/clip`,
      "aria-label": `Clip of ${event.label}`,
      "data-clip": `${event.id} true`,
      onerror: () =>
        video.replaceWith(
          h(
            "div",
            { class: "stack" },
            still && h("img", { class: "event-player", src: still, alt: "" }),
            notice(
              "This browser cannot play the clip. Runs with the extra [av] store clips that all browsers play.",
            ),
          ),
        ),
    });
    return video;
  }
  const words =
    event.state === "open"
      ? "The clip follows when the event has ended."
      : "This event has no clip any more.";
  return h(
    "div",
    { class: "stack", "data-clip": `${event.id} false` },
    still
      ? h("img", { class: "event-player", src: still, alt: `Still of ${event.label}` })
      : h("div", { class: "event-player no-still" }, "No still"),
    h("p", { class: "small muted" }, words),
  );
}

function side(event, change, remove) {
  const when = event.time ?? event.recorded;
  const facts = [
    ["When", `${day(when)}, ${clock(when)}`],
    ["Where", [event.source, event.region].filter(Boolean).join(" / ")],
    [
      "Length",
      event.state === "open" ? `${duration(event.duration_s)} so far` : duration(event.duration_s),
    ],
    ["Best score", percent(event.peak)],
    event.priority && ["Priority", event.priority],
    event.verdict && [
      "Second look",
      `${event.verified_by} ${VERDICTS[event.verdict]}${event.said ? `: ${event.said}` : ""}`,
    ],
    event.state === "cut" && ["Ended", "when the run broke off"],
    event.left_out > 0 && ["Clip", `${event.left_out} pictures are missing`],
  ].filter(Boolean);
  const mark = (value, text, iconName) => {
    const element = button(text, {
      iconName,
      kind: value,
      onclick: () => change(element, { mark: event.mark === value ? null : value }),
    });
    element.setAttribute("aria-pressed", event.mark === value);
    return element;
  };
  const star = iconButton(event.kept ? "Keep no longer" : "Keep for good", "star", () =>
    change(star, { kept: !event.kept }),
  );
  star.setAttribute("aria-pressed", event.kept);
  return [
    scoresOver(event),
    h(
      "dl",
      { class: "facts list" },
      facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
    ),
    store.mayChange &&
      h(
        "div",
        { class: "stack tight" },
        h("h3", {}, "Is it right?"),
        h(
          "div",
          { class: "row marks" },
          mark("right", "Right", "right"),
          mark("wrong", "Wrong", "close"),
        ),
        h(
          "p",
          { class: "small muted" },
          "Marked events teach: ",
          h(
            "a",
            { href: "#/teach", onclick: (click) => click.target.closest("dialog").close() },
            "see what they change",
          ),
          ".",
        ),
      ),
    h(
      "div",
      { class: "row" },
      event.clip &&
        h(
          "a",
          {
            class: "button",
            href: `/api/events/${event.id}/clip`,
            download: `event-${event.id}.mp4`,
          },
          icon("download"),
          h("span", {}, "Clip"),
        ),
      event.annotated &&
        h(
          "a",
          {
            class: "button",
            href: `/api/events/${event.id}/annotated`,
            download: `event-${event.id}.jpg`,
          },
          icon("download"),
          h("span", {}, "Still"),
        ),
      h("span", { class: "grow" }),
      store.mayChange && star,
      store.mayChange &&
        iconButton("Delete the event", "trash", () => remove(event), {
          disabled: event.state === "open",
        }),
    ),
  ].filter(Boolean);
}

/** A small curve of the event's scores; its numbers are in the facts. */
function scoresOver({ scores = [] }) {
  if (scores.length < 2) return null;
  const [first, last] = [scores[0][0], scores.at(-1)[0]];
  const points = scores.map(
    ([time, score]) => `${(100 * (time - first)) / (last - first || 1)},${30 - 28 * score - 1}`,
  );
  return svg(
    "svg",
    { class: "curve", viewBox: "0 0 100 30", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("polygon", { points: `0,30 ${points.join(" ")} 100,30` }),
    svg("polyline", { points: points.join(" ") }),
  );
}
