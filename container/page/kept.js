// The list of objects that were kept in a photo, each with its mask to save.

import { element, icon, percent, swatch } from "./dom.js";
import { maskPng } from "./png.js";
import { encode } from "./rle.js";
import { save, saveJson, stem } from "./save.js";
import { polygons } from "./trace.js";

/**
 * @typedef {Object} Kept
 * @property {string} name
 * @property {string} model the version that made it
 * @property {string} color
 * @property {number} score 0–1: the IoU that the model expects
 * @property {import("./rle.js").Runs} runs
 * @property {import("./prompt.js").Prompt} prompt
 */

export class KeptObjects {
  /** @param {() => void} changed called after an object was removed @param {(error: Error) => void} fail */
  constructor(changed, fail) {
    this.changed = changed;
    this.fail = fail;
    this.list = element("ul", { class: "list" });
    this.heading = element("h3", { text: "Kept objects", tabindex: "-1" });
    this.json = element("button", { type: "button", class: "button", onclick: () => this.saveJson() }, icon("download"), "All as JSON");
    this.root = element("div", { class: "stack", hidden: true }, this.heading, this.list, this.json);
    this.photo = null;
    this.kept = [];
  }

  /** Lists the objects of a photo. @param {import("./app.js").Photo|null} photo @param {Kept[]} kept */
  show(photo, kept) {
    this.photo = photo;
    this.kept = kept;
    this.root.hidden = !kept.length;
    this.list.replaceChildren(...kept.map((one) => this.row(one)));
  }

  row(one) {
    const rename = (event) => {
      one.name = event.target.value;
    };
    return element(
      "li",
      { class: "kept" },
      swatch(one.color),
      element("input", { type: "text", value: one.name, "aria-label": `Name of ${one.name}`, spellcheck: "false", onchange: rename }),
      element("button", { type: "button", class: "button square", "aria-label": `Save the mask of ${one.name} as PNG`, onclick: () => this.savePng(one) }, icon("download")),
      element("button", { type: "button", class: "button square", "aria-label": `Remove ${one.name}`, onclick: () => this.remove(one) }, icon("close")),
      element("span", { class: "hint", text: placeOf(one) }),
    );
  }

  remove(one) {
    const at = this.kept.indexOf(one);
    this.kept.splice(at, 1);
    this.changed();
    const next = this.list.children[Math.min(at, this.kept.length - 1)];
    next?.querySelector("button:last-of-type").focus();
  }

  async savePng({ runs, name }) {
    save(await maskPng(runs), `${stem(this.photo.name)}-${name}.png`);
  }

  saveJson() {
    try {
      saveJson(documentOf(this.photo, this.kept), `${stem(this.photo.name)}-objects.json`);
    } catch (error) {
      this.fail(error);
    }
  }
}

/** "score 0.93, 120 × 80 px at x 10, y 20, 12 % of the photo". */
function placeOf({ runs, score }) {
  const [x1, y1, x2, y2] = runs.box();
  const share = percent(runs.area / (runs.width * runs.height));
  return `score ${score.toFixed(2)}, ${x2 - x1} × ${y2 - y1} px at x ${x1}, y ${y1}, ${share} of the photo`;
}

/** The JSON of objects: masks as COCO's run lengths and as polygons along the borders of their pixels. */
function documentOf(photo, kept) {
  const objects = kept.map(({ name, model, score, runs, prompt }) => ({
    name,
    model,
    score,
    box: runs.box(),
    area: runs.area,
    rle: { size: [runs.height, runs.width], counts: encode(runs) },
    polygons: polygons(runs),
    prompt: { points: prompt.points.map(({ point, positive }) => [...point, positive ? 1 : 0]), box: prompt.box },
  }));
  return { image: { name: photo.name, width: photo.width, height: photo.height }, objects };
}
