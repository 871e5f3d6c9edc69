// What can be taken away: pictures, files of annotations, and the request as code.

import { mount as mountCode } from "./code.js";
import { element, icon } from "./dom.js";
import { answerOf, coco, labelMe } from "./exports.js";
import { cutOut, drawn, embedded } from "./pictures.js";
import { save, saveJson, stem } from "./save.js";

// Kinds of models by what they find.
const MASKS = ["instances", "semantic"];
const PLACES = [...MASKS, "keypoints", "boxes"];
const ANY = [...PLACES, "classification"];

const IDS = "Of each pixel the number of its object, in 16 bits";
const SINGLED_OUT = "The object that is singled out";

/** Files by their buttons: `make(app, choices)` gives a picture, or a value for JSON. */
const PICTURES = [
  { name: "Overlay", kinds: ANY, ending: "overlay.png", make: (app) => drawn(app, "overlay") },
  { name: "Cutout", kinds: MASKS, ending: "cutout.png", make: (app) => drawn(app, "cutout") },
  { name: "Ids", kinds: MASKS, ending: "ids.png", make: (app) => drawn(app, "ids"), title: IDS },
];
const ONE = { name: "Object", ending: "object.png", make: (app) => cutOut(app.photo, pinned(app)), title: SINGLED_OUT };
const ANNOTATIONS = [
  { name: "JSON", kinds: ANY, ending: "answer.json", make: shownAnswer },
  { name: "COCO", kinds: PLACES, ending: "coco.json", make: cocoOfAll },
  { name: "LabelMe", kinds: PLACES, ending: "json", make: labelMeOfPhoto },
];

/** Fills the section. */
export function mount(root, app) {
  const status = element("p", { class: "small muted", role: "status" });
  const outlines = element("select", {},
    element("option", { value: "", text: "Run lengths" }),
    element("option", { value: "outlines", text: "Polygons" }));
  const masks = element("label", { class: "field" }, "Masks in COCO", outlines);
  const inside = element("input", { type: "checkbox", role: "switch" });
  const photo = element("label", { class: "switch" }, inside, element("span", { text: "Photo inside LabelMe" }));
  const files = [...PICTURES, ONE, ...ANNOTATIONS];
  const buttons = new Map(files.map((file) => [file, button(file)]));
  const group = (title, ...those) =>
    [element("h3", { text: title }), element("div", { class: "downloads" }, ...those.map((file) => buttons.get(file)))];
  const downloads = element("div", { class: "stack" },
    ...group("Pictures, as PNG", ...PICTURES, ONE), ...group("Annotations", ...ANNOTATIONS),
    element("div", { class: "row spread" }, masks, photo), status);
  const later = "Pictures and annotations can be taken once a photo has its answer.";
  const nothing = element("p", { class: "muted", text: later });
  const code = element("div", { class: "stack" });
  root.append(downloads, nothing, code);
  mountCode(code, app);

  function button(file) {
    const { name, title = null } = file;
    const attributes = { class: "button", type: "button", title, onclick: () => take(file) };
    return element("button", attributes, icon("download"), element("span", { text: name }));
  }

  async function take(file) {
    const pressed = buttons.get(file);
    if (pressed.getAttribute("aria-disabled") === "true") return;
    pressed.setAttribute("aria-disabled", "true");
    const name = `${stem(app.photo.name)}.${file.ending}`;
    status.textContent = `${name} is being made…`;
    try {
      const made = await file.make(app, { outlines: outlines.value !== "", inside: inside.checked });
      if (made instanceof Blob) save(made, name);
      else saveJson(made, name);
      status.textContent = `${name} is saved.`;
    } catch (error) {
      status.textContent = [error.message, error.hint].filter((text) => text).join(" ");
    }
    pressed.removeAttribute("aria-disabled");
  }

  function draw() {
    downloads.hidden = !app.answer;
    nothing.hidden = Boolean(app.answer);
    for (const [file, made] of buttons) made.hidden = file === ONE ? !pinned(app) : !file.kinds.includes(app.kind);
    masks.hidden = !MASKS.includes(app.kind);
    photo.hidden = !PLACES.includes(app.kind);
    const number = answered(app).length;
    buttons.get(ANNOTATIONS[1]).title = number > 1 ? `Of ${number} photos in one file` : "";
  }

  app.on("facts photo photos answer view", draw);
  draw();
}

/** The object that is singled out to stay, where it has a mask, or null. */
function pinned(app) {
  const object = app.objects[app.pinned];
  return object?.runs?.area && app.isShown(object) ? object : null;
}

/** The photos that were asked about as the current one was. */
function answered(app) {
  return app.photos.filter(({ answer }) => answer && answer.question === app.answer?.question);
}

/** A photo as exports.js takes it. */
function picture({ name, width, height, answer }, app) {
  return { name, width, height, objects: answer.objects.filter((object) => app.isShown(object)) };
}

/** The server's answer without what is not shown; models without masks answer null for each. */
function shownAnswer(app) {
  const { masks, ...raw } = app.answer.raw;
  return answerOf(MASKS.includes(app.kind) ? { ...raw, masks } : raw, app.shown().map(({ index }) => index));
}

function cocoOfAll(app, { outlines }) {
  const pictures = answered(app).map((photo) => picture(photo, app));
  return coco(pictures, app.facts.model?.labels ?? [], { outlines });
}

async function labelMeOfPhoto(app, { inside }) {
  return labelMe(picture(app.photo, app), inside ? await embedded(app.photo) : null);
}
