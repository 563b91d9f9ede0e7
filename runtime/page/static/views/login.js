// The door: a token, where the run asks for one.

import { api } from "../run/api.js";
import { h, setText } from "../parts/dom.js";

/** Take a token out of the address, so that it is in no history and no bookmark. */
export function tokenOfAddress() {
  const match = /^#token=(.+)$/.exec(location.hash);
  if (!match) return null;
  history.replaceState(null, "", location.pathname);
  return decodeURIComponent(match[1]);
}

export const session = (token) => api.post("/api/session", { token });

/** Ask for the token; `onentered` gets the session. */
export function loginView(onentered, problem = "") {
  const token = h("input", {
    type: "password",
    id: "token",
    autocomplete: "current-password",
    required: true,
    "aria-describedby": "token-problem",
  });
  const error = h("p", { class: "errors", id: "token-problem", role: "alert" }, problem);
  const enter = h("button", { type: "submit", class: "button primary" }, "Enter");
  const wait = (seconds) => {
    enter.disabled = seconds > 0;
    setText(error, seconds > 0 ? `Too many wrong tokens. Try again in ${seconds} s.` : "");
    if (seconds > 0) setTimeout(() => wait(seconds - 1), 1000);
  };
  const form = h(
    "form",
    {
      class: "stack",
      onsubmit: async (event) => {
        event.preventDefault();
        enter.disabled = true;
        try {
          onentered(await session(token.value.trim()));
        } catch (refused) {
          enter.disabled = false;
          token.setAttribute("aria-invalid", "true");
          if (refused.status === 429) wait(Math.ceil(refused.retryAfter ?? 5));
          else
            setText(
              error,
              refused.status === 401 ? "This is not the token of this run." : refused.message,
            );
          token.select();
        }
      },
    },
    h("label", { class: "field" }, h("span", {}, "Token"), token),
    error,
    enter,
  );
  return h(
    "div",
    { class: "login" },
    h(
      "div",
      { class: "card" },
      h(
        "div",
        { class: "card-body stack" },
        h("h1", {}, "stzsar"),
        h(
          "p",
          { class: "muted" },
          "This run asks for a token. The terminal that started the run shows it.",
        ),
        form,
      ),
    ),
  );
}
