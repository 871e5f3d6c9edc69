// What the page knows: photos, the server's answers, options and the selection. Modules listen to its events.

import { colorsOf } from "./colors.js";

export const MOST_PHOTOS = 20;
const FLOOR = 0.05; // the page asks for objects from this score on, so that the slider needs no other request

/** The options as the page starts; null is the model's own value. */
const START = {
  confidence: null,
  iou_threshold: null,
  class_filter: null,
  colors: "class",
  opacity: 0.5,
  draw_boxes: null, // only where there are no masks to be seen
  draw_labels: true,
  draw_outlines: true,
};
/** Those of the server. */
const SERVER = {
  class_filter: null,
  colors: "class",
  opacity: 0.5,
  draw_boxes: true,
  draw_labels: true,
  draw_outlines: true,
};

/**
 * @typedef {Object} Photo
 * @property {Blob} file
 * @property {string} name
 * @property {string} type its media type
 * @property {number} width in pixels, upright; 0 until it is decoded
 * @property {number} height
 * @property {ImageBitmap|null} bitmap while the photo is shown
 * @property {ImageBitmap|null} thumb small, for the strip
 * @property {boolean} foreign whether the browser cannot decode it
 * @property {{raw: Object, facts: Object, stages: [string, number][], objects: Object[], question: string}|null} answer
 * @property {Error|null} error
 */

/**
 * Events: "facts", "photo" (another one), "picture" (it is decoded), "photos" (the strip), "answer", "view" (options or
 * selection), "options" (options alone), "error", "busy", "ask" (another answer is needed), "tab".
 */
export class App extends EventTarget {
  constructor() {
    super();
    this.facts = null;
    /** @type {Photo[]} */
    this.photos = [];
    /** @type {Photo|null} */
    this.photo = null;
    this.options = { ...START };
    this.error = null;
    this.notice = ""; // what else is to be told, whatever the answer is
    this.busy = "";
    this.tab = "";
    this.modelName = null; // of a server with several, the chosen one
    this.least = FLOOR;
    this.off = new Set(); // labels of classes that are switched off
    this.pinned = null;
    this.hovered = null;
  }

  /** The answer about the current photo, or null. */
  get answer() {
    return this.photo?.answer ?? null;
  }

  /** All objects of the answer, also those that are not shown. @returns {import("./answer.js").Found[]} */
  get objects() {
    return this.answer?.objects ?? [];
  }

  /** The index of the object that is singled out, or null. */
  get selected() {
    const index = this.hovered ?? this.pinned;
    return index !== null && this.isShown(this.objects[index]) ? index : null;
  }

  /** What the model does: "instances", "keypoints", "boxes", "semantic", "classification", … */
  get kind() {
    return this.facts?.model?.kind ?? "instances";
  }

  /** Does the model segment only what is clicked on? Then it is asked nothing about a photo alone. */
  get clicked() {
    return ["sam", "sam2"].includes(this.kind);
  }

  /** Where photos are sent. */
  get invoke() {
    return (
      this.facts?.models?.find(({ name }) => name === this.modelName)?.invoke ?? this.facts?.invoke ?? "invocations"
    );
  }

  /** The options of a request that sets none: the server's, the model's, and what its operator has set. */
  get defaults() {
    const { confidence = 0, iou_threshold = null } = this.facts?.model ?? {};
    return { ...SERVER, confidence: confidence ?? 0, iou_threshold, ...this.facts?.defaults };
  }

  /** The model's own confidence. */
  get ownConfidence() {
    return this.defaults.confidence;
  }

  /** The least confidence that can be shown without another answer. */
  get floor() {
    return this.asksConfidence ? 0 : Math.min(this.least, this.ownConfidence);
  }

  /** The confidence that is shown from. */
  get confidence() {
    return this.options.confidence ?? this.ownConfidence;
  }

  /** Does another confidence need another answer? Semantic models compare it with each pixel. */
  get asksConfidence() {
    return this.kind === "semantic";
  }

  /** Are boxes drawn? At first only those of models that give nothing else to see. */
  get drawsBoxes() {
    if (this.kind === "classification") return false;
    return this.options.draw_boxes ?? this.objects.every(({ runs, keypoints }) => !runs && !keypoints.length);
  }

  isShown(object) {
    return Boolean(object) && !this.off.has(object.label) && (this.asksConfidence || object.score >= this.confidence);
  }

  /** The objects over the confidence whose class is switched on. @returns {import("./answer.js").Found[]} */
  shown() {
    return this.objects.filter((object) => this.isShown(object));
  }

  /** Changes options; those that need another answer ask for one. */
  set(changes) {
    const before = JSON.stringify(this.question());
    Object.assign(this.options, changes);
    // An empty answer offers a confidence under what was asked so far.
    this.least = Math.min(this.least, changes.confidence ?? FLOOR);
    this.paint();
    this.tell("options");
    this.tell("view");
    if (JSON.stringify(this.question()) !== before) this.tell("ask");
  }

  /** Switches a class on or off. */
  switchClass(label, on) {
    if (on) this.off.delete(label);
    else this.off.add(label);
    this.paint();
    this.tell("options");
    this.tell("view");
  }

  /** Singles an object out until another is; null for none. */
  select(index) {
    this.pinned = index;
    this.hovered = null;
    this.tell("view");
  }

  /** Singles an object out while the pointer is on it. */
  point(index) {
    if (index === this.hovered) return;
    this.hovered = index;
    this.tell("view");
  }

  /** Singles out the next object shown (1), or the one before (-1). */
  step(by) {
    const indices = this.shown().map(({ index }) => index);
    if (!indices.length) return;
    const at = indices.indexOf(this.selected);
    this.select(
      at < 0 ? indices[by > 0 ? 0 : indices.length - 1] : indices[(at + by + indices.length) % indices.length],
    );
  }

  /** Gives the objects shown the colours that the server gives them if it answers with these alone. */
  paint() {
    if (!this.facts?.palettes?.class.length) return;
    const shown = this.shown();
    colorsOf(shown, this.options.colors, this.facts.palettes).forEach((color, i) => {
      shown[i].color = color;
    });
  }

  /** The attributes of the request that the page sends. */
  question() {
    const { confidence, iou_threshold, class_filter } = this.options;
    const asked = { masks: "rle", scores: true };
    // A model that is not loaded yet has no confidence that is known.
    if (this.facts?.model && !this.asksConfidence) asked.confidence = this.floor;
    else if (confidence !== null) asked.confidence = confidence;
    if (iou_threshold !== null) asked.iou_threshold = iou_threshold;
    if (class_filter !== null) asked.class_filter = class_filter;
    return asked;
  }

  /** The custom attributes that make the server answer what the page shows now: only what differs from its defaults. */
  attributes() {
    const { defaults, options } = this;
    const shown = {};
    for (const [name, value] of Object.entries(options)) if (value !== null) shown[name] = value;
    if (this.kind === "classification") for (const name of ["colors", "opacity", "draw_outlines"]) delete shown[name];
    else shown.draw_boxes = this.drawsBoxes;
    if (this.objects.some(({ label }) => this.off.has(label))) {
      shown.class_filter = [...new Set(this.objects.map(({ label }) => label))].filter((label) => !this.off.has(label));
    }
    const attributes = {};
    for (const [name, value] of Object.entries(shown)) {
      if (JSON.stringify(value) !== JSON.stringify(defaults[name])) attributes[name] = value;
    }
    return attributes;
  }

  /** Shows another photo of the strip, or none. */
  show(photo) {
    this.photo = photo;
    this.pinned = this.hovered = null;
    this.error = photo?.error ?? null;
    this.paint();
    this.tell("photo");
    this.tell("error");
    this.tell("answer");
    this.tell("options");
    this.tell("view");
  }

  /** Takes in what went wrong; null where nothing does any more. */
  fail(error) {
    this.error = error;
    this.tell("error");
  }

  /** Says what the page waits for; "" for nothing. */
  wait(words) {
    this.busy = words;
    this.tell("busy");
  }

  tell(name) {
    this.dispatchEvent(new CustomEvent(name));
  }

  /** Calls `listener` at each of the events. */
  on(names, listener) {
    for (const name of names.split(" ")) this.addEventListener(name, listener);
  }
}
