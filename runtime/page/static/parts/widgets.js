// What several views are made of: tabs, dialogs, messages, empty places.

import { h, icon, iconButton, button } from "./dom.js";

let toasts;

/** Say something for a few seconds; what went wrong stays until it is closed. */
export function say(text, { bad = false } = {}) {
  if (!toasts) {
    toasts = h("div", { class: "toasts", role: "status", "aria-live": "polite" });
    document.body.append(toasts);
  }
  const message = h(
    "div",
    { class: `toast ${bad ? "bad" : ""}` },
    h("span", { class: "grow" }, text),
    iconButton("Close the message", "close", () => message.remove()),
  );
  toasts.append(message);
  while (toasts.childElementCount > 3) toasts.firstChild.remove();
  if (!bad) setTimeout(() => message.remove(), 5000);
}

/** Do something that a person asked for, and say what went wrong; the button is off meanwhile. */
export async function attempt(control, work) {
  if (control) control.disabled = true;
  try {
    return await work();
  } catch (error) {
    say(error.message, { bad: true });
    return undefined;
  } finally {
    if (control) control.disabled = false;
  }
}

/** Return a place that has nothing yet, with what to do about it. */
export function empty(iconName, title, text, ...actions) {
  return h(
    "div",
    { class: "empty" },
    icon(iconName),
    h("h2", {}, title),
    text && h("p", {}, text),
    ...actions,
  );
}

export function notice(text, kind = "") {
  return h("p", { class: `notice ${kind}` }, h("span", {}, text));
}

/** Return tabs: `panels` are [name, element]; arrows move between them. */
export function tabs(label, panels, onchange = () => {}) {
  const list = h("div", { class: "tabs", role: "tablist", "aria-label": label });
  const buttons = panels.map(([name, panel], place) => {
    panel.id ||= `panel-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-label", name);
    return h(
      "button",
      {
        type: "button",
        role: "tab",
        "aria-controls": panel.id,
        onclick: () => select(place),
        onkeydown: (event) => {
          const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
          if (!step) return;
          event.preventDefault();
          select((place + step + panels.length) % panels.length);
          list.querySelector('[aria-selected="true"]').focus();
        },
      },
      name,
    );
  });
  const select = (chosen) => {
    panels.forEach(([, panel], place) => {
      panel.hidden = place !== chosen;
      buttons[place].setAttribute("aria-selected", place === chosen);
      buttons[place].tabIndex = place === chosen ? 0 : -1;
    });
    onchange(panels[chosen][0]);
  };
  list.append(...buttons);
  select(0);
  return { list, select };
}

/** Show a dialog; it is gone from the document when it is closed. */
export function showDialog(title, body, { narrow = false, onclose = () => {}, actions = [] } = {}) {
  const heading = h("h2", { class: "grow", id: "dialog-title" }, title);
  const element = h(
    "dialog",
    { class: narrow ? "narrow" : "", "aria-labelledby": "dialog-title" },
    h(
      "div",
      { class: "dialog-head" },
      heading,
      ...actions,
      iconButton("Close", "close", () => element.close()),
    ),
    h("div", { class: "dialog-body" }, body),
  );
  element.addEventListener("close", () => {
    element.remove();
    onclose();
  });
  element.addEventListener("click", (event) => {
    if (event.target === element) element.close(); // beside it
  });
  document.body.append(element);
  element.showModal();
  return element;
}

/** Ask before something that cannot be undone. */
export function confirmed(title, text, yes) {
  return new Promise((resolve) => {
    let answer = false;
    const dialog = showDialog(
      title,
      h(
        "div",
        { class: "stack" },
        h("p", { class: "muted" }, text),
        h(
          "div",
          { class: "row" },
          h("span", { class: "grow" }),
          button("Cancel", { onclick: () => dialog.close() }),
          button(yes, {
            kind: "primary",
            onclick: () => {
              answer = true;
              dialog.close();
            },
          }),
        ),
      ),
      { narrow: true, onclose: () => resolve(answer) },
    );
  });
}
