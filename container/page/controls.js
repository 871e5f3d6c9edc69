// What can be changed: confidence and opacity at once, IoU and classes with another answer, and how objects are drawn.

import { mountClasses } from "./classes.js";
import { element } from "./dom.js";

/** Fills the sliders above the tabs and the section of options. */
export function mount(sliders, root, app) {
  sliders.className = "stack";
  const confidence = slider("confidence", "Confidence", 0.01, (value) => app.set({ confidence: value }));
  const opacity = slider("opacity", "Opacity", 0.05, (value) => app.set({ opacity: value }));
  // Another answer is asked for once the slider rests.
  const iou = slider("iou", "Overlap (IoU)", 0.05, (value) => app.set({ iou_threshold: value }));
  sliders.append(confidence.root);

  const colors = choices(
    "Colours",
    "colors",
    [
      ["class", "By class"],
      ["instance", "By object"],
    ],
    (value) => app.set({ colors: value }),
  );
  const switches = {
    draw_labels: toggle("Labels", (on) => app.set({ draw_labels: on })),
    draw_boxes: toggle("Boxes", (on) => app.set({ draw_boxes: on })),
    draw_outlines: toggle("Outlines", (on) => app.set({ draw_outlines: on })),
  };
  const classes = element("div", { class: "stack" });
  const asking = element(
    "div",
    { class: "stack" },
    element("h3", { text: "Asked of the server again" }),
    iou.root,
    classes,
  );
  root.append(opacity.root, colors.root, element("div", {}, ...Object.values(switches).map((one) => one.root)), asking);
  mountClasses(classes, app);

  function update() {
    const { options } = app;
    sliders.hidden = !app.answer;
    confidence.range(app.floor, app.ownConfidence);
    own(confidence, app.confidence, options.confidence, app.ownConfidence, () => app.set({ confidence: null }));
    confidence.hint.append(app.asksConfidence ? " Of each pixel; asks the server again." : "");
    opacity.show(options.opacity);
    colors.show(options.colors);
    switches.draw_labels.show(options.draw_labels);
    switches.draw_boxes.show(app.drawsBoxes);
    switches.draw_outlines.show(options.draw_outlines);
    const masks = app.objects.some(({ runs }) => runs);
    const flat = app.kind === "classification";
    opacity.root.hidden = switches.draw_outlines.root.hidden = !masks && Boolean(app.answer);
    colors.root.hidden = switches.draw_labels.root.hidden = switches.draw_boxes.root.hidden = flat;
    const threshold = app.defaults.iou_threshold;
    iou.root.hidden = threshold === null;
    if (threshold !== null) {
      iou.range(0, threshold);
      own(iou, options.iou_threshold ?? threshold, options.iou_threshold, threshold, () =>
        app.set({ iou_threshold: null }),
      );
      iou.hint.append(" Of two boxes that overlap more, the better stays.");
    }
  }

  app.on("facts options answer", update);
  update();
}

/** Shows a value and says which is the model's own, with a way back to it. */
function own(control, value, chosen, model, reset) {
  control.show(value);
  const same = chosen === null || chosen === model;
  control.hint.replaceChildren(
    same ? `${model.toFixed(2)} is the model's own value.` : `The model's own value is ${model.toFixed(2)}. `,
    same ? "" : element("button", { type: "button", class: "link", text: "Back to it", onclick: reset }),
  );
}

function slider(id, label, step, change) {
  const input = element("input", {
    type: "range",
    id,
    min: "0",
    max: "1",
    step: String(step),
    list: `${id}-marks`,
    "aria-describedby": `${id}-hint`,
  });
  const output = element("output", { for: id });
  const hint = element("p", { class: "hint", id: `${id}-hint` });
  const mark = element("option");
  const marks = element("datalist", { id: `${id}-marks` }, mark); // the model's own value on the track
  const root = element(
    "div",
    { class: "slider" },
    element("label", { for: id, text: label }),
    output,
    input,
    marks,
    hint,
  );
  input.addEventListener("input", () => change(Number(input.value)));
  const show = (value) => {
    if (Number(input.value) !== value) input.value = String(value);
    output.textContent = value.toFixed(2);
  };
  const range = (least, model) => {
    input.min = String(least);
    mark.value = String(model);
  };
  return { root, hint, show, range };
}

function toggle(label, change) {
  const input = element("input", { type: "checkbox", role: "switch" });
  input.addEventListener("change", () => change(input.checked));
  return {
    root: element("label", { class: "switch" }, input, label),
    show: (on) => {
      input.checked = on;
    },
  };
}

function choices(title, name, values, change) {
  const inputs = values.map(([value]) =>
    element("input", { type: "radio", name, value, onchange: () => change(value) }),
  );
  const labels = values.map(([, text], i) => element("label", {}, inputs[i], element("span", { text })));
  return {
    root: element(
      "fieldset",
      { class: "stack" },
      element("legend", { text: title }),
      element("div", {}, element("div", { class: "choices" }, ...labels)),
    ),
    show: (value) => {
      for (const input of inputs) input.checked = input.value === value;
    },
  };
}
