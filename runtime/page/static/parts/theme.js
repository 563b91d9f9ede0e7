// Dark, light, or as the system has it; remembered in this browser.

import { iconButton, icon, setChildren } from "./dom.js";

const KEY = "stzsar-theme";
const CHOICES = ["auto", "light", "dark"];
const NAMES = {
  auto: "Colours as the system has them",
  light: "Light colours",
  dark: "Dark colours",
};
const ICONS = { auto: "auto", light: "sun", dark: "moon" };

export const themeChanges = new EventTarget();

function stored() {
  try {
    const choice = localStorage.getItem(KEY);
    return CHOICES.includes(choice) ? choice : "auto";
  } catch {
    return "auto"; // a browser that keeps nothing
  }
}

function apply(choice) {
  if (choice === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
  themeChanges.dispatchEvent(new Event("change"));
}

/** Return the button that goes round the three choices. */
export function themeButton() {
  let choice = stored();
  const element = iconButton("", ICONS[choice], () => {
    choice = CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length];
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      // it holds until the page is left
    }
    show();
  });
  const show = () => {
    apply(choice);
    setChildren(element, [icon(ICONS[choice])]);
    element.title = NAMES[choice];
    element.setAttribute("aria-label", NAMES[choice]);
  };
  show();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => apply(choice));
  return element;
}

/** Return a token's colour as canvases take it. */
export function colour(token) {
  const probe = document.createElement("span");
  probe.style.color = `var(${token})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}
