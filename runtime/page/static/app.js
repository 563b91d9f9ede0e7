// Starts the page: the door, the socket, the bar at the top, and which view is shown.

import { api } from "./run/api.js";
import { button, h, icon, iconButton, setChildren, setText } from "./parts/dom.js";
import { eventsView } from "./views/events.js";
import { duration } from "./parts/format.js";
import { live } from "./run/live.js";
import { loginView, session, tokenOfAddress } from "./views/login.js";
import { overview } from "./views/overview.js";
import { searchView } from "./views/search.js";
import { store } from "./run/store.js";
import { streamView } from "./views/stream.js";
import { teachView } from "./views/teach.js";
import { themeButton } from "./parts/theme.js";
import { attempt, empty, say, showDialog } from "./parts/widgets.js";

const main = h("main", { id: "main", tabIndex: -1 });
const banner = h("div", { class: "banner", role: "alert", hidden: true });
const overall = h("span", { class: "overall small muted cut", role: "status" });
const nav = h("nav", { "aria-label": "Views", hidden: true });
const record = button("Record", {
  iconName: "record",
  kind: "plain record",
  hidden: true,
  onclick: () => toggleRecording(),
});
const spoken = h("div", { class: "visually-hidden", role: "log", "aria-live": "polite" });
let shown = null;
let loggedIn = false;

const VIEWS = [
  ["Live", "#/"],
  ["Events", "#/events"],
  ["Teach", "#/teach"],
  ["Search", "#/search"],
];

const PLACES = ["events", "teach", "search"];

function start() {
  nav.append(...VIEWS.map(([name, href]) => h("a", { href }, name)));
  document.body.append(
    h(
      "a",
      {
        class: "visually-hidden button skip",
        href: "#main",
        onclick: (event) => {
          event.preventDefault();
          main.focus();
        },
      },
      "To the content",
    ),
    h(
      "header",
      { class: "top" },
      h("span", { class: "brand" }, "stzsar"),
      nav,
      h("span", { class: "grow" }, overall),
      record,
      iconButton("Keys", "keys", showKeys, { class: "icon-button keys-button" }),
      themeButton(),
    ),
    banner,
    main,
    spoken,
  );
  addEventListener("hashchange", () => loggedIn && route());
  addEventListener("keydown", onKey);
  live.addEventListener("state", ({ detail }) => showConnection(detail));
  for (const topic of ["state", "hello", "overload"]) store.on(topic, showOverall);
  for (const topic of ["hello", "recording"]) store.on(topic, showRecording);
  store.on("hello", () => {
    const known = JSON.stringify([
      store.role,
      [...store.streams.keys()],
      store.run.events,
      store.run.explains,
      store.run.teaches,
      store.run.searches,
    ]);
    if (loggedIn && known === start.known) {
      for (const stream of store.streams.values())
        for (const topic of ["info", "state"]) store.tell(topic, stream);
      return; // what a person was writing stays
    }
    start.known = known;
    loggedIn = true;
    nav.hidden = false;
    nav.lastChild.hidden = !store.run.searches;
    route();
  });
  store.on("event", announce);
  store.on("notice", ({ text, level }) => say(text, { bad: level === "warning" }));
  setInterval(showRecording, 1000);
  enter();
}

/** Come in: with the token of the address, the cookie, or none where none is needed. */
async function enter() {
  setChildren(main, [waiting()]);
  const token = tokenOfAddress();
  try {
    const now = token ? await session(token) : await api.get("/api/session");
    if (now.role) live.start();
    else askForToken();
  } catch (error) {
    if (error.status === 401 || error.status === 429)
      askForToken(
        error.status === 401 ? "The token in the address is not of this run." : error.message,
      );
    else
      setChildren(main, [
        empty(
          "lost",
          "The run does not answer",
          error.message,
          button("Try again", { kind: "primary", onclick: enter }),
        ),
      ]);
  }
}

function askForToken(problem) {
  loggedIn = false;
  nav.hidden = true;
  shown?.abort();
  setChildren(main, [
    loginView(() => {
      setChildren(main, [waiting()]);
      live.start();
    }, problem),
  ]);
  document.getElementById("token").focus();
}

function waiting() {
  return h(
    "div",
    { class: "overview", "aria-busy": "true" },
    h("p", { class: "visually-hidden", role: "status" }, "Loading"),
    h(
      "ul",
      { class: "streams" },
      Array.from({ length: 4 }, () =>
        h(
          "li",
          { class: "stream-card" },
          h("div", { class: "picture skeleton" }),
          h("div", { class: "stream-words" }, h("div", { class: "skeleton line" })),
        ),
      ),
    ),
  );
}

function route() {
  shown?.abort();
  shown = new AbortController();
  const [path, query] = location.hash.replace(/^#/, "").split("?");
  const [, kind, name] = path.split("/");
  const only = store.streams.size === 1 ? [...store.streams.keys()][0] : null;
  const signal = shown.signal;
  let view;
  let title = "Live";
  if (kind === "stream" || (only && !PLACES.includes(kind))) {
    const stream = kind === "stream" ? decoded(name) : only;
    title = stream;
    view = streamView(stream, signal);
  } else if (kind === "events")
    [title, view] = ["Events", eventsView(signal, new URLSearchParams(query))];
  else if (kind === "teach") [title, view] = ["Teach", teachView(signal)];
  else if (kind === "search")
    [title, view] = ["Search", searchView(signal, new URLSearchParams(query))];
  else view = overview(signal);
  document.title = `${title} · stzsar`;
  for (const link of nav.children) {
    const current = PLACES.includes(kind) ? `#/${kind}` : "#/";
    if (link.getAttribute("href") === current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  setChildren(main, [view]);
  if (route.before !== undefined && route.before !== location.hash) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
  route.before = location.hash;
}

function decoded(name = "") {
  try {
    return decodeURIComponent(name);
  } catch {
    return name; // typed by hand
  }
}

/** Tell screen readers what begins, one thing at a time. */
function announce({ event, label, source, region }) {
  if (event !== "start") return;
  setText(spoken, `${label}, ${[source, region].filter(Boolean).join(", ")}`);
}

function showConnection({ state, seconds, ended, reason }) {
  document.documentElement.dataset.connection = state;
  clearInterval(showConnection.timer);
  if (state === "waiting") {
    const until = Date.now() + seconds * 1000;
    const lost = `The connection is lost${reason ? ` (${reason})` : ""}.`;
    const words = h("span", {}, ended ? "The run has ended." : lost);
    const next = h("span", { "aria-hidden": "true" }); // read aloud, it would never end
    const count = () => {
      const left = Math.ceil((until - Date.now()) / 1000);
      setText(next, left > 0 ? `Next try in ${left} s.` : "Trying…");
    };
    count();
    showConnection.timer = setInterval(count, 1000);
    const now = button("Try now", { onclick: () => live.retry() });
    setChildren(banner, [icon("lost"), words, next, now]);
    banner.hidden = false;
    checkToken();
  } else if (state === "open") banner.hidden = true;
  else if (state === "refused") {
    banner.hidden = true;
    askForToken(loggedIn ? "The token is not valid any more." : "");
  }
}

/** A socket that does not open may have been refused: another run has other tokens. */
async function checkToken() {
  try {
    if (!(await api.get("/api/session")).role) live.stop();
  } catch {
    // it does not answer: the socket tries again
  }
}

function showOverall() {
  const states = [...store.streams.values()].map(({ state }) => state);
  const up = states.filter((state) => state === "live").length;
  const overload =
    store.run.overload < 1 ? ` · overloaded, at ${Math.round(store.run.overload * 100)} %` : "";
  setText(
    overall,
    states.length > 1 ? `${up} of ${states.length} live${overload}` : overload.slice(3),
  );
}

function showRecording() {
  if (!store.run) return;
  const { on, since } = store.run.recording;
  record.hidden = !store.mayChange;
  if (record.getAttribute("aria-pressed") !== String(on)) {
    record.setAttribute("aria-pressed", on);
    record.setAttribute("aria-label", on ? "Stop the recording" : "Record");
    record.title = on
      ? "Stop the recording"
      : "Record what is seen, to teach or to look for other labels later";
    setChildren(record, [
      icon(on ? "stop" : "record"),
      h("span", { class: on ? "number" : "" }, "Record"),
    ]);
  }
  if (on) setText(record.lastChild, duration(Math.max(0, Math.round(store.now() - since))));
}

function toggleRecording() {
  if (!store.run.records) return say(store.run.why_not.records);
  return attempt(record, async () => {
    const on = !store.run.recording.on;
    const recording = await api.put("/api/recording", { on });
    store.take({ type: "recording", recording });
    say(on ? `Recording ${recording.name ?? ""}.` : "The recording is stopped.");
  });
}

const KEYS = [
  ["L", "Live"],
  ["E", "Events"],
  ["T", "Teach"],
  ["S", "Search"],
  ["1 … 9", "a stream"],
  ["/", "search events"],
  ["?", "these keys"],
];

function showKeys() {
  if (document.querySelector("dialog")) return;
  showDialog(
    "Keys",
    h(
      "div",
      { class: "stack" },
      h(
        "dl",
        { class: "keys" },
        KEYS.map(([key, what]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, what))),
      ),
      h(
        "p",
        { class: "small muted" },
        "Tab reaches everything. Arrow keys move tabs, thresholds, and the corners of regions.",
      ),
      store.run &&
        h(
          "p",
          { class: "small faint" },
          `stzsar ${store.run.version} · ${store.run.bundle} on ${store.run.device}. ${store.run.full_rate}`,
        ),
    ),
    { narrow: true },
  );
}

function onKey(event) {
  if (
    !loggedIn ||
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    document.querySelector("dialog")
  )
    return;
  if (event.target.closest?.("input, textarea, select, [role=slider], .handle, video")) return;
  const number = Number(event.key);
  const stream = number > 0 ? [...store.streams.keys()][number - 1] : null;
  const to =
    { l: "#/", e: "#/events", t: "#/teach", s: store.run.searches && "#/search" }[event.key] ||
    (stream && `#/stream/${encodeURIComponent(stream)}`);
  if (to) location.hash = to;
  else if (event.key === "?") showKeys();
  else if (event.key === "/") {
    event.preventDefault();
    if (!document.getElementById("search")) location.hash = "#/events";
    setTimeout(() => document.getElementById("search")?.focus(), 50);
  }
}

start();
