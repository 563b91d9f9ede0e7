// Elements from plain calls. Text is always text: nothing here parses HTML.

const SVG = "http://www.w3.org/2000/svg";

// Paths on a grid of 16, drawn with a stroke of 1.5.
const ICONS = {
  back: "M10 3 5 8l5 5",
  next: "m6 3 5 5-5 5",
  close: "m4 4 8 8m0-8-8 8",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Zm3.6-1.4L14 14",
  play: "M5 3.2v9.6L13 8 5 3.2Z",
  record: "M8 12.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9Z",
  stop: "M4.5 4.5h7v7h-7z",
  star: "m8 2 1.8 3.8 4.2.5-3.1 2.9.8 4.1L8 11.3l-3.7 2 .8-4.1L2 6.3l4.2-.5L8 2Z",
  right: "m3 8.5 3.2 3.2L13 4.8",
  download: "M8 2v8m0 0L5 7m3 3 3-3M3 13h10",
  trash: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5",
  heat: "M8 14c2.6 0 4.5-1.8 4.5-4.3C12.500 6.500 9 5.500 9 2 5.500 3.500 3.500 6.500 3.500 9.700 3.500 12.200 5.400 14 8 14Z",
  frames: "M1.5 4.500h13v7h-13zM5.800 4.500v7M10.200 4.500v7",
  region: "M2.500 5.500v-3h3m5 0h3v3m0 5v3h-3m-5 0h-3v-3",
  lost: "M2 2l12 12M5.200 10.800a4 4 0 0 1 3.800-1m2.700-2.200A7 7 0 0 0 8.500 6M2 7.300A9 9 0 0 1 5 5.400M14 7.300a9 9 0 0 0-6-2.500M8 13h.01",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1.500v1M8 13.500v1M1.500 8h1M13.500 8h1M3.400 3.400l.7.7M11.900 11.900l.7.7M3.400 12.600l.7-.7M11.900 4.100l.7-.7",
  moon: "M13.500 9.500A6 6 0 0 1 6.500 2.500a6 6 0 1 0 7 7Z",
  auto: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 2v12",
  plus: "M8 3v10M3 8h10",
  mask: "M2 8s2.200-4 6-4 6 4 6 4-2.200 4-6 4-6-4-6-4ZM2.500 13.500l11-11",
  bell: "M4 11V7a4 4 0 0 1 8 0v4l1 1H3l1-1ZM6.800 14h2.400",
  keys: "M1.500 4h13v8h-13zM4 6.500h.01M6.700 6.500h.01M9.300 6.500h.01M12 6.500h.01M5 9.500h6",
};

/** Return an element: `on…` are listeners, `class`, `role`, `aria-…` and `data-…` attributes, the rest properties. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value);
    else if (name === "class") element.className = value;
    else if (/^(aria-|data-|role$|for$|list$)/.test(name)) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

/** Return an SVG element with attributes. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function icon(name) {
  const drawn = svg("svg", {
    class: `icon icon-${name}`,
    viewBox: "0 0 16 16",
    "aria-hidden": "true",
  });
  drawn.append(svg("path", { d: ICONS[name] }));
  return drawn;
}

/** Change text only where it differs: screen readers and selections are left alone. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
  if (value === null || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** Replace children only where they differ, by identity. */
export function setChildren(element, children) {
  const same =
    element.childNodes.length === children.length &&
    children.every((child, place) => element.childNodes[place] === child);
  if (!same) element.replaceChildren(...children);
}

export function button(label, { iconName, onclick, kind = "", title, ...props } = {}) {
  return h(
    "button",
    { type: "button", class: `button ${kind}`, onclick, title, ...props },
    iconName && icon(iconName),
    label && h("span", {}, label),
  );
}

/** A button that shows only its icon, and is called by its name. */
export function iconButton(name, iconName, onclick, props = {}) {
  return h(
    "button",
    { type: "button", class: "icon-button", "aria-label": name, title: name, onclick, ...props },
    icon(iconName),
  );
}

/** Return an on/off switch: a button that is pressed or not. */
export function toggle(label, iconName, onchange, isOn = false) {
  const element = button(label, { iconName, kind: "toggle" });
  element.setAttribute("aria-pressed", isOn);
  element.addEventListener("click", () => {
    const next = element.getAttribute("aria-pressed") !== "true";
    element.setAttribute("aria-pressed", next);
    onchange(next);
  });
  return element;
}
