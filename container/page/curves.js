// Precision over recall: a curve for each class and their mean, as SVG, and the same as numbers.

import { drawn, element } from "./dom.js";

export const MEAN = "the mean";
const LEFT = 52; // px for an axis
const BELOW = 40;
const EDGE = 10;
const TICKS = [0, 0.2, 0.4, 0.6, 0.8, 1];
const TENTHS = Array.from({ length: 11 }, (_, i) => i / 10);

/**
 * A chart that fills the width of `root`.
 * @param {HTMLElement} root
 * @param {{label: string, curve: number[][]}[]} classes all of them: the mean is theirs
 * @returns {{draw: function(Object[], string|null): void, mean: number[][]}} `draw` takes the classes that are shown,
 *   and the label of the one that is singled out
 */
export function createCurves(root, classes) {
  const mean = meanOf(classes);
  let [shown, singled] = [[], null];
  function draw(those = shown, label = singled) {
    [shown, singled] = [those, label];
    const width = Math.max(260, Math.round(root.clientWidth));
    root.replaceChildren(chart(shown, mean, singled, width, Math.round(Math.min(420, width * 0.75))));
  }
  let width = 0;
  new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width === width) return;
    width = contentRect.width;
    draw();
  }).observe(root);
  return { draw, mean };
}

/** The mean precision of the classes at each recall. */
function meanOf(classes) {
  const recalls = classes[0]?.curve.map(([recall]) => recall) ?? [];
  return recalls.map((recall, i) => [
    recall,
    classes.reduce((sum, { curve }) => sum + curve[i][1], 0) / classes.length,
  ]);
}

function chart(shown, mean, singled, width, height) {
  const x = (recall) => LEFT + recall * (width - LEFT - EDGE);
  const y = (precision) => EDGE + (1 - precision) * (height - EDGE - BELOW);
  const line = (curve, kind) =>
    drawn("polyline", {
      class: `curve ${kind}`,
      points: curve.map(([recall, precision]) => `${x(recall).toFixed(1)},${y(precision).toFixed(1)}`).join(" "),
    });
  const svg = drawn("svg", {
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": `Precision over recall: ${["mean", ...shown.map(({ label }) => label)].join(", ")}`,
  });
  for (const tick of TICKS) {
    svg.append(
      drawn("line", { class: "grid", x1: x(0), x2: x(1), y1: y(tick), y2: y(tick) }),
      drawn("line", { class: "grid", x1: x(tick), x2: x(tick), y1: y(0), y2: y(1) }),
      drawn("text", { x: x(0) - 6, y: y(tick) + 4, "text-anchor": "end" }, tick.toFixed(1)),
      drawn("text", { x: x(tick), y: y(0) + 18, "text-anchor": tick === 1 ? "end" : "middle" }, tick.toFixed(1)),
    );
  }
  svg.append(
    drawn("text", { x: x(0.5), y: height - 4, "text-anchor": "middle" }, "Recall"),
    drawn("text", { x: -y(0.5), y: 14, transform: "rotate(-90)", "text-anchor": "middle" }, "Precision"),
  );
  for (const { label, curve, color } of shown) {
    const made = line(curve, singled === label ? "singled" : singled ? "dim" : "");
    made.style.stroke = color;
    made.append(drawn("title", {}, label));
    svg.append(made);
  }
  if (mean.length) svg.append(line(mean, singled ? "mean dim" : "mean"));
  return svg;
}

/** A table of precision at recall 0, 0.1 … 1. */
export function curveNumbers(shown, mean) {
  const at = (curve, recall) => curve.find(([one]) => Math.abs(one - recall) < 1e-6)?.[1];
  const row = ({ label, curve }) =>
    element(
      "tr",
      {},
      element("th", { scope: "row", text: label }),
      ...TENTHS.map((recall) => element("td", { class: "number", text: at(curve, recall)?.toFixed(3) ?? "–" })),
    );
  const head = TENTHS.map((recall) => element("th", { scope: "col", class: "number", text: recall.toFixed(1) }));
  return element(
    "table",
    { id: "precisions" },
    element("caption", { class: "unseen", text: "Precision of each class at recall 0 to 1" }),
    element("thead", {}, element("tr", {}, element("th", { scope: "col", text: "Recall" }), ...head)),
    element("tbody", {}, row({ label: "Mean", curve: mean }), ...shown.map(row)),
  );
}
