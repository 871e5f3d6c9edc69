// What a workflow gives: pictures in the page, everything else as text or JSON.

import { fileOf } from "./base64.js";
import { count, element, icon } from "./dom.js";
import { save, saveJson } from "./save.js";

const MAX_SHOWN = 20_000; // characters of JSON in the page; the file has all
const MAX_PICTURES = 60; // in the page; the file has all

/**
 * The outputs of a result as elements, in the workflow's order. The addresses of pictures live as long as the page shows
 * them: `release` forgets them.
 */
export class Outputs {
  /**
   * @param {HTMLElement} root
   * @param {(url: string, caption: string) => void} enlarge
   */
  constructor(root, enlarge) {
    this.root = root;
    this.enlarge = enlarge;
    this.urls = [];
  }

  /** Shows nothing. */
  release() {
    this.root.replaceChildren();
    this.urls.forEach((url) => URL.revokeObjectURL(url));
    this.urls = [];
  }

  /** @param {Object<string, any>} result @param {string} prefix of the names of files */
  show(result, prefix) {
    this.release();
    this.root.append(...Object.entries(result).map(([name, value]) => this.#output(name, value, `${prefix}-${name}`)));
  }

  #output(name, value, file) {
    const pictures = picturesIn(value);
    const shown = pictures.slice(0, MAX_PICTURES);
    const captions = shown.map((_, i) => (pictures.length > 1 ? `${name} ${i + 1}` : name));
    const figures = shown.map((one, i) => this.#figure(one, captions[i], `${file}${pictures.length > 1 ? `-${i + 1}` : ""}.jpg`));
    const parts = pictures.length && onlyPictures(value) ? [] : described(value);
    const whole = pictures.length > shown.length || parts.some((one) => one.tagName === "DETAILS");
    const json = element("button", { type: "button", class: "button", "aria-label": `JSON, save ${name}`, onclick: () => saveJson(value, `${file}.json`) }, icon("download"), "JSON");
    return element(
      "section",
      { class: "stack output" },
      element("h3", { text: pictures.length > 1 ? `${name} (${count(pictures.length, "picture")})` : name }),
      figures.length ? element("div", { class: figures.length > 1 ? "pictures several" : "pictures" }, ...figures) : null,
      ...parts,
      whole ? json : null,
    );
  }

  #figure(picture, caption, file) {
    const blob = fileOf(picture.value, "image/jpeg");
    const url = URL.createObjectURL(blob);
    this.urls.push(url);
    return element(
      "figure",
      {},
      element(
        "button",
        { type: "button", class: "picture", "aria-label": `Enlarge ${caption}`, onclick: () => this.enlarge(url, caption) },
        element("img", { src: url, alt: `Output ${caption}` }),
      ),
      element("button", { type: "button", class: "button", "aria-label": `JPEG, save ${caption}`, onclick: () => save(blob, file) }, icon("download"), "JPEG"),
    );
  }
}

/** The pictures anywhere in a value, in order. */
export function picturesIn(value) {
  if (isPicture(value)) return [value];
  return isNested(value) ? Object.values(value).flatMap(picturesIn) : [];
}

/** One line about a value. */
export function summary(value) {
  if (value === null) return "null";
  if (!isNested(value)) return String(value);
  if (Array.isArray(value.predictions)) return count(value.predictions.length, "prediction") + classes(value.predictions);
  return Array.isArray(value) ? count(value.length, "value") : Object.keys(value).join(", ") || "an empty object";
}

/** ": 2 person, 1 cat". */
function classes(predictions) {
  const counts = new Map();
  for (const { class: name } of predictions) if (name) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts.size ? `: ${[...counts].map(([name, number]) => `${number} ${name}`).join(", ")}` : "";
}

function described(value) {
  if (!isNested(value)) return [element("p", { class: "value", text: summary(value) })];
  const text = JSON.stringify(value, (_, one) => (isPicture(one) ? "(a picture)" : one), 2);
  const short = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}\n… the file has ${text.length.toLocaleString("en")} characters` : text;
  return [element("details", {}, element("summary", { text: summary(value) }), element("pre", { class: "code", tabindex: "0", text: short }))];
}

function onlyPictures(value) {
  if (isPicture(value) || value === null) return true;
  return Array.isArray(value) && value.every(onlyPictures);
}

function isPicture(value) {
  return isNested(value) && value.type === "base64" && typeof value.value === "string";
}

function isNested(value) {
  return typeof value === "object" && value !== null;
}
