// The request that is shown, as code for several clients, each with a button that copies it.

import { api } from "./api.js";
import { element, icon } from "./dom.js";
import { CLIENTS } from "./snippets.js";

// Options of pictures, which do nothing to JSON.
const LOOK = ["render", "colors", "opacity", "draw_boxes", "draw_labels", "draw_outlines", "line_width"];
const MASKS = ["instances", "semantic"];
const COPIED_MS = 2000; // how long the button says that it has copied
const PHOTO = { name: "photo.jpg", type: "image/jpeg" }; // where none is shown

/** Fills the part of the section. */
export function mount(root, app) {
  let client = CLIENTS[0];
  let registry = []; // rows of /model/registry
  const tabs = CLIENTS.map((one) => {
    const attributes = { type: "button", role: "tab", id: `code-${one.id}`, "aria-controls": "code-text" };
    return element("button", { ...attributes, text: one.name, onclick: () => show(one) });
  });
  const list = element("div", { class: "tabs clients", role: "tablist", "aria-label": "Clients" }, ...tabs);
  const text = element("code");
  const block = element("pre", { class: "code", id: "code-text", role: "tabpanel", tabindex: "0" }, text);
  const name = element("span", { text: "Copy" });
  const copy = element("button", { class: "button", type: "button", onclick: () => copyText() }, icon("copy"), name);
  const told = element("span", { class: "unseen", role: "status" });
  const json = choice("JSON", "json", true);
  const png = choice("PNG", "png", false);
  const withKey = element("input", { type: "checkbox", role: "switch", onchange: () => draw() });
  const keyChoice = element("label", { class: "switch" }, withKey, element("span", { text: "with my API key" }));
  root.append(
    element("h3", { text: "The same request as code" }),
    list,
    element("div", { class: "row spread" },
      element("fieldset", { class: "choices", "aria-label": "What the code asks for" }, json.label, png.label),
      copy),
    block, told, keyChoice);

  function choice(label, value, checked) {
    const input = element("input", { type: "radio", name: "code-answer", value, checked, onchange: () => draw() });
    return { input, label: element("label", {}, input, element("span", { text: label })) };
  }

  function show(one) {
    client = one;
    tabs.forEach((tab, i) => {
      const chosen = CLIENTS[i] === client;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      if (chosen) block.setAttribute("aria-labelledby", tab.id);
    });
    draw();
  }

  function draw() {
    if (!app.facts) return;
    const request = requestOf(app, { picture: png.input.checked, withKey: withKey.checked, registry });
    const written = client.write(request);
    text.textContent = written ?? client.otherwise;
    copy.disabled = written === null;
    keyChoice.hidden = request.key === null;
  }

  async function copyText() {
    try {
      await navigator.clipboard.writeText(text.textContent);
    } catch {
      copySelected(text); // over plain HTTP, browsers offer no clipboard
    }
    name.textContent = "Copied";
    told.textContent = `The code for ${client.name} is copied.`;
    setTimeout(() => {
      name.textContent = "Copy";
      told.textContent = "";
    }, COPIED_MS);
  }

  list.addEventListener("keydown", (event) => {
    const at = CLIENTS.indexOf(client);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: CLIENTS.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    show(CLIENTS[(next + CLIENTS.length) % CLIENTS.length]);
    tabs[CLIENTS.indexOf(client)].focus();
  });

  app.on("facts", async () => {
    draw();
    if (!app.facts.roboflow) return;
    registry = (await api.json("model/registry").catch(() => ({ models: [] }))).models;
    draw();
  });
  app.on("photo answer view", draw);
  show(client);
}

/** The request that gets what the page shows, as snippets.js takes it. */
function requestOf(app, { picture, withKey, registry }) {
  const { facts } = app;
  const attributes = app.attributes();
  if (!picture) {
    for (const option of LOOK) delete attributes[option];
    if (MASKS.includes(app.kind)) attributes.masks = "rle";
    else attributes.scores = true;
  }
  const row = facts.models?.find(({ name }) => name === app.modelName);
  return {
    server: api.url("").replace(/\/$/, ""),
    invoke: app.invoke,
    endpoint: facts.endpoint,
    target: row?.target ?? null,
    key: api.key() === "" ? null : withKey ? api.key() : "",
    photo: app.photo ?? PHOTO,
    attributes,
    picture,
    roboflow: roboflowModel(app, row?.name ?? facts.model?.name, registry),
  };
}

/** The model as Roboflow's client names it, with the values that this client has others for; null where it is none. */
function roboflowModel(app, name, registry) {
  const { model, roboflow, defaults, workflow } = app.facts;
  if (!roboflow || !model || workflow) return null;
  const known = registry.find(({ model_id: id }) => id === name || id === `${name}/1`) ?? null;
  const { confidence, iou_threshold, max_detections } = { ...model, ...defaults };
  return { id: known?.model_id ?? `${name}/1`, task: model.task, confidence, iou_threshold, max_detections };
}

/** Copies the text of an element as a user would: by selecting it. */
function copySelected(part) {
  const selection = getSelection();
  selection.selectAllChildren(part);
  document.execCommand("copy");
  selection.removeAllRanges();
}
