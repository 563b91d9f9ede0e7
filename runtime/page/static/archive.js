// The page of an archive alone: the door, the bar at the top, and the search.

import { api } from "./run/api.js";
import { button, h, setChildren } from "./parts/dom.js";
import { themeButton } from "./parts/theme.js";
import { empty } from "./parts/widgets.js";
import { loginView, session, tokenOfAddress } from "./views/login.js";
import { searchView } from "./views/search.js";

const main = h("main", { id: "main", tabIndex: -1 });
let shown = null;

function start() {
  document.body.append(
    h(
      "header",
      { class: "top" },
      h("span", { class: "brand" }, "stzsar"),
      h("span", { class: "grow" }),
      themeButton(),
    ),
    main,
  );
  enter();
}

/** Come in: with the token of the address, the cookie, or none where none is needed. */
async function enter() {
  const token = tokenOfAddress();
  try {
    const now = token ? await session(token) : await api.get("/api/session");
    if (now.role) show();
    else askForToken();
  } catch (error) {
    if (error.status === 401 || error.status === 429) askForToken(error.message);
    else {
      const again = button("Try again", { kind: "primary", onclick: enter });
      setChildren(main, [empty("lost", "The archive does not answer", error.message, again)]);
    }
  }
}

function askForToken(problem) {
  shown?.abort();
  setChildren(main, [loginView(show, problem)]);
  document.getElementById("token").focus();
}

function show() {
  shown?.abort();
  shown = new AbortController();
  const query = new URLSearchParams(location.hash.split("?")[1]);
  document.title = "Search · stzsar";
  setChildren(main, [searchView(shown.signal, query, { onlocked: askForToken })]);
}

start();
