// The panel of Segment Anything: clicks and boxes on the photo become masks, which are kept and saved.

import { Clicks } from "./clicks.js";
import { element, icon, percent } from "./dom.js";
import { KeptObjects } from "./kept.js";
import { MaskLayer } from "./mask_layer.js";
import { maskPng } from "./png.js";
import { problemNote } from "./problem.js";
import { Prompt } from "./prompt.js";
import { save, stem } from "./save.js";
import { Segmenter } from "./segmenter.js";

const EMBEDDING = "The photo is being embedded …";
const FAINT = 0.6; // of the opacity of the mask that is being made: how strong kept ones are
const KEYS = [
  ["Arrow keys", "move a crosshair over the photo."],
  ["Enter", "marks the object there."],
  ["Shift and Enter", "mark what does not belong to it."],
  ["B", "sets one corner of a box, then the other."],
  ["Backspace", "takes the last one back."],
  ["K", "keeps the object, and begins the next."],
];
const MODES = [
  ["positive", "On the object"],
  ["negative", "Beside it"],
  ["box", "Box"],
];

/** Fills the section. */
export function mount(root, app, viewer) {
  return new SamPanel(root, app, viewer);
}

/** What was clicked in one photo. */
class Work {
  constructor() {
    this.prompt = new Prompt();
    this.found = null; // {runs, score, prompt, model}: the last mask; its prompt may be older than that above
    this.kept = [];
    this.made = 0; // objects kept so far, those that were removed as well
    this.segmenters = new Map(); // by version
  }
}

class SamPanel {
  constructor(root, app, viewer) {
    this.app = app;
    this.viewer = viewer;
    this.works = new WeakMap(); // by photo
    this.photo = null; // that the panel is open for
    this.asked = null; // the photo that requests are about
    this.opened = new AbortController(); // aborts when that is another one
    this.running = new AbortController(); // aborts when there is a newer prompt
    this.layer = new MaskLayer(viewer);
    this.clicks = new Clicks(viewer, {
      add: (step) => this.ask(this.work.prompt.with(step)),
      undo: () => this.undo(),
      keep: () => this.keepObject(),
      say: (text) => this.say(text),
    });
    viewer.layers.push(this.layer, this.clicks);
    this.kept = new KeptObjects(() => this.update(), (error) => this.fail(error));
    this.build(root, viewer);
    app.on("facts", () => this.offer());
    app.on("facts tab photo", () => this.open());
    app.on("options", () => this.draw());
  }

  build(root, viewer) {
    const button = (name, text, act, kind = "") => {
      const pressed = (event) => event.currentTarget.ariaDisabled !== "true" && act();
      return element("button", { type: "button", class: `button ${kind}`, onclick: pressed }, icon(name), text);
    };
    this.version = element("select", { id: "sam-version", onchange: () => this.change() });
    this.versions = element("div", { class: "field" }, element("label", { for: "sam-version", text: "Version" }), this.version);
    this.problem = element("div", { role: "alert" });
    this.status = element("p", { role: "status", class: "hint" });
    this.keep = button("check", "Keep this object", () => this.keepObject(), "primary");
    this.takeBack = button("undo", "Undo", () => this.undo());
    this.clear = button("close", "Clear", () => this.ask(new Prompt()));
    this.png = button("download", "Mask as PNG", () => this.savePng());
    root.classList.add("stack");
    root.append(
      element("p", { class: "hint", text: "Click or tap an object in the photo, or drag the mouse around it. Shift or the right button marks what does not belong to it." }),
      this.versions,
      this.modes(),
      this.problem,
      this.status,
      element("div", { class: "row" }, this.keep, this.takeBack, this.clear, this.png),
      this.kept.root,
      element(
        "details",
        {},
        element("summary", { text: "By keyboard" }),
        element("dl", { class: "keys", id: "sam-keys" }, ...KEYS.flatMap(([key, text]) => [element("dt", { text: key }), element("dd", { text })])),
        element("button", { type: "button", class: "button", text: "Go to the photo", onclick: () => viewer.stage.focus() }),
      ),
    );
  }

  modes() {
    const labels = MODES.map(([value, text]) => {
      const change = () => this.clicks.set(value);
      const input = element("input", { type: "radio", name: "sam-mode", value, checked: value === this.clicks.mode, onchange: change });
      return element("label", {}, input, element("span", { text }));
    });
    return element("fieldset", { class: "stack" }, element("legend", { text: "A click or a tap marks" }), element("div", {}, element("div", { class: "choices" }, ...labels)));
  }

  /** What was clicked in the current photo. */
  get work() {
    if (!this.works.has(this.app.photo)) this.works.set(this.app.photo, new Work());
    return this.works.get(this.app.photo);
  }

  get segmenter() {
    const { segmenters } = this.work;
    const { value } = this.version;
    if (!segmenters.has(value)) segmenters.set(value, new Segmenter(this.app.photo, value));
    return segmenters.get(value);
  }

  /** Offers the versions that are there. */
  offer() {
    const versions = this.app.facts?.sam ?? [];
    const { value } = this.version;
    this.version.replaceChildren(...versions.map((version) => element("option", { value: version, text: version })));
    if (versions.includes(value)) this.version.value = value;
    this.versions.hidden = versions.length < 2;
  }

  /** Takes the pointer and has the photo embedded while the panel is seen; gives the pointer back when it is not. */
  open() {
    const { app } = this;
    if (app.photo !== this.asked) this.end();
    this.asked = app.photo;
    const photo = app.tab === "sam" && app.facts?.sam?.length ? app.photo : null;
    if (photo === this.photo) return;
    this.photo = photo;
    this.fail(null);
    this.clicks.turn(Boolean(photo));
    this.update();
    if (photo) this.embed();
    else this.say(app.photo ? "" : "Open a photo first.");
  }

  /** Ends all requests. */
  end() {
    this.opened.abort();
    this.running.abort();
    this.opened = new AbortController();
  }

  async embed() {
    const { signal } = this.opened;
    this.say(EMBEDDING);
    try {
      await this.segmenter.embed(signal);
      if (!signal.aborted && this.status.textContent === EMBEDDING) this.say(this.found());
    } catch (error) {
      if (!signal.aborted) this.fail(error);
    }
  }

  /** Segments with another prompt; a request for an older one ends. */
  async ask(prompt) {
    if (!this.photo) return;
    const { work, segmenter } = this;
    this.running.abort();
    this.running = new AbortController();
    const { signal } = this.running;
    this.fail(null);
    work.prompt = prompt;
    if (!prompt.shows) work.found = null;
    this.update();
    this.say(prompt.shows || !prompt.points.length ? "" : "Now click on the object itself.");
    if (!prompt.shows) return;
    try {
      this.say(segmenter.embedded ? "The mask is being made …" : EMBEDDING);
      await segmenter.embed(this.opened.signal);
      signal.throwIfAborted();
      work.found = { ...(await segmenter.segment(prompt, signal)), prompt, model: segmenter.version };
      this.update();
      this.say(this.found());
    } catch (error) {
      if (!signal.aborted) this.fail(error);
    }
  }

  /** Ends what another version was asked, and asks the chosen one for what is clicked so far. */
  change() {
    this.end();
    this.fail(null);
    this.again();
  }

  again() {
    if (!this.photo) return;
    if (this.work.prompt.shows) this.ask(this.work.prompt);
    else this.embed();
  }

  undo() {
    if (this.photo && this.work.prompt.steps.length) this.ask(this.work.prompt.without());
  }

  keepObject() {
    const { work } = this;
    if (!work.found?.runs.area) return;
    work.kept.push({ ...work.found, name: `object ${work.made + 1}`, color: this.color(work.made) });
    work.made += 1;
    this.ask(new Prompt());
    this.say(`Object ${work.made} is kept; click on the next one.`);
  }

  async savePng() {
    const { work, photo } = this;
    save(await maskPng(work.found.runs), `${stem(photo.name)}-mask.png`);
  }

  /** What the mask is that was made last. */
  found() {
    const { found } = this.work;
    if (!found) return "";
    const { runs, score } = found;
    if (!runs.area) return "The model finds nothing there.";
    return `Found: score ${score.toFixed(2)}, ${percent(runs.area / (runs.width * runs.height))} of the photo.`;
  }

  color(number) {
    const palette = this.app.facts?.palettes?.instance ?? ["#1f5fc4"];
    return palette[number % palette.length];
  }

  /** Shows what can be done now, and draws. */
  update() {
    const { photo } = this;
    const { found, prompt, kept } = photo ? this.work : new Work();
    const done = Boolean(found?.runs.area);
    for (const one of [this.keep, this.png]) enable(one, done);
    for (const one of [this.takeBack, this.clear]) enable(one, prompt.steps.length > 0);
    this.kept.show(photo, kept);
    this.draw();
  }

  draw() {
    const { work, photo } = this.photo ? this : { work: new Work(), photo: null };
    const { opacity } = this.app.options;
    const masks = work.kept.map(({ runs, color }) => ({ runs, color, opacity: opacity * FAINT }));
    if (work.found) masks.push({ runs: work.found.runs, color: this.color(work.made), opacity });
    this.layer.show(photo ? masks : []);
    this.clicks.show(work.prompt);
  }

  say(text) {
    this.status.textContent = text;
  }

  /** Shows what went wrong, in the server's words; nothing for null. */
  fail(error) {
    this.problem.replaceChildren();
    if (!error) return;
    this.say("");
    this.problem.append(problemNote(error, element("button", { type: "button", class: "button", text: "Try again", onclick: () => this.again() })));
  }
}

/** Disables a button without taking the focus from it. */
function enable(button, on) {
  button.setAttribute("aria-disabled", String(!on));
}
