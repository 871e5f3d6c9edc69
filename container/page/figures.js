// The figures of one evaluation: averages, curves and classes, what was taken for what, the worst misses.

import { colorOfClass } from "./colors.js";
import { confusionTable } from "./confusion.js";
import { createCurves, curveNumbers, MEAN } from "./curves.js";
import { element, swatch } from "./dom.js";
import { showMisses } from "./misses.js";
import { post } from "./nucleus.js";

const IOU = 0.5; // at which predictions are right
const CURVES = 8; // switched on at first
const ROWS = 40; // classes in the table at first

/**
 * Fills `root` with the figures of an evaluation that has succeeded, and returns them in a sentence.
 * @param {HTMLElement} root
 * @param {{evaluation: Object, dataset: string, run: string, palettes: Object, signal: AbortSignal}} context
 * @param {HTMLElement} again the button that computes them anew
 * @returns {Promise<string>}
 */
export async function showFigures(root, context, again) {
  const { evaluation, palettes, signal } = context;
  const charts = await post(["evaluationsV2", evaluation.id, "charts"], { iouThreshold: IOU }, signal);
  const classes = classesOf(charts, palettes);
  const misses = element("section", { class: "stack", id: "misses", "aria-label": "Worst misses" });
  root.replaceChildren(
    summary(charts, evaluation, again),
    precisionRecall(classes),
    confusionTable(charts.confusionMatrix, IOU),
    misses,
  );
  await showMisses(misses, context);
  const { tp, fp, fn } = charts.totalCounts;
  return `AP ${written(charts.mapSummary.mapAt5095)}: ${tp} right, ${fp} wrong, ${fn} missed`;
}

/**
 * The classes that have objects, the most frequent first.
 * @returns {{label: string, ap: number, objects: number, predictions: number, curve: number[][], color: string}[]}
 */
function classesOf({ perClassAp, prCurve, confusionMatrix }, palettes) {
  const objects = new Map();
  const predictions = new Map();
  const curves = new Map();
  const add = (map, label, number) => map.set(label, (map.get(label) ?? 0) + number);
  for (const { gtLabel, predLabel, count } of confusionMatrix) {
    add(objects, gtLabel, count);
    add(predictions, predLabel, count);
  }
  for (const { classLabel, recall, precision } of prCurve) {
    if (!curves.has(classLabel)) curves.set(classLabel, []);
    curves.get(classLabel).push([recall, precision]);
  }
  return perClassAp
    .map(({ classLabel: label, ap }) => ({
      label,
      ap,
      objects: objects.get(label) ?? 0,
      predictions: predictions.get(label) ?? 0,
      curve: curves.get(label) ?? [],
    }))
    .sort((one, other) => other.objects - one.objects)
    .map((one, place) => ({ ...one, color: colorOfClass(place, palettes) }));
}

function summary({ mapSummary, apBySize, totalCounts }, { finished_at }, again) {
  const { mapAt5095, mapAt50, mapAt75 } = mapSummary;
  const facts = [
    ["AP", written(mapAt5095)],
    ["AP50", written(mapAt50)],
    ["AP75", written(mapAt75)],
    ["AP of small, medium, large", ["small", "medium", "large"].map((size) => written(apBySize[size])).join(", ")],
    ["Right", totalCounts.tp.toLocaleString("en")],
    ["Wrong", totalCounts.fp.toLocaleString("en")],
    ["Missed", totalCounts.fn.toLocaleString("en")],
  ];
  const list = facts.map(([name, value]) =>
    element("div", {}, element("dt", { text: name }), element("dd", { class: "value", text: value })),
  );
  const hint = "AP is the mean over IoU 0.50 to 0.95, as COCO measures it; right is an IoU of 0.50 and more.";
  const when = finished_at
    ? `Computed on ${new Date(finished_at).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" })}.`
    : "";
  return element(
    "section",
    { class: "stack", "aria-label": "Averages" },
    element("dl", { class: "facts", id: "averages" }, ...list),
    element("div", { class: "row" }, element("span", { class: "hint", text: `${hint} ${when}` }), again),
  );
}

/** A figure of 0 to 1, or a dash where there is nothing of the kind to find. */
function written(value) {
  return value === null || value === undefined ? "–" : value.toFixed(3);
}

/** The curves, and beside them the classes, each with a switch for its own. */
function precisionRecall(classes) {
  if (!classes.length)
    return element("p", { class: "note warn", text: "There is no ground truth that predictions could be compared with." });
  const shown = new Set(classes.slice(0, CURVES).map(({ label }) => label));
  const canvas = element("div", { class: "curves" });
  const curves = createCurves(canvas, classes);
  const numbers = element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Precision by recall" });
  const draw = (singled = null) => {
    const those = classes.filter(({ label }) => shown.has(label));
    curves.draw(those, singled);
    numbers.replaceChildren(curveNumbers(those, curves.mean));
  };
  const table = classTable(classes, shown, draw);
  draw();
  const details = element("details", {}, element("summary", { text: "Precision as numbers" }), numbers);
  return element(
    "section",
    { class: "stack", "aria-labelledby": "curves-title" },
    element("h2", { id: "curves-title", text: `Precision and recall at IoU ${IOU.toFixed(2)}` }),
    element("div", { class: "beside" }, element("div", {}, canvas, details), table),
  );
}

function classTable(classes, shown, draw) {
  const head = ["Class", "AP", "Objects", "Predictions"].map((text, place) =>
    element("th", { scope: "col", class: place ? "number" : null, text }),
  );
  const body = element("tbody", {}, ...classes.slice(0, ROWS).map((one) => classRow(one, shown, draw)));
  const table = element(
    "table",
    { id: "classes" },
    element("caption", { class: "unseen", text: "Average precision of each class" }),
    element("thead", {}, element("tr", {}, ...head)),
    body,
  );
  const more = element("button", { type: "button", class: "button quiet", text: `Show all ${classes.length} classes` });
  more.addEventListener("click", () => {
    body.append(...classes.slice(ROWS).map((one) => classRow(one, shown, draw)));
    more.remove();
  });
  const scroll = element("div", { class: "scroll tall", tabindex: 0, role: "region", "aria-label": "Classes" }, table);
  const hint = element("p", { class: "hint", text: `A switched-on class has its curve; ${MEAN} is that of all classes.` });
  return element("div", {}, scroll, classes.length > ROWS ? more : null, hint);
}

function classRow({ label, ap, objects, predictions, color }, shown, draw) {
  const box = element("input", {
    type: "checkbox",
    checked: shown.has(label),
    onfocus: () => draw(shown.has(label) ? label : null),
    onblur: () => draw(),
    onchange: ({ target }) => {
      if (target.checked) shown.add(label);
      else shown.delete(label);
      draw(target.checked ? label : null);
    },
  });
  const name = element("label", { class: "row pick" }, box, swatch(color), element("span", { text: label }));
  const row = element("tr", {}, element("th", { scope: "row" }, name));
  for (const value of [written(ap), objects.toLocaleString("en"), predictions.toLocaleString("en")])
    row.append(element("td", { class: "number", text: value }));
  row.addEventListener("pointerenter", () => draw(shown.has(label) ? label : null));
  row.addEventListener("pointerleave", () => draw());
  return row;
}
