// Which label was taken for which, as a table whose cells are shaded by their share of the row.

import { element, percent } from "./dom.js";

const NONE = "(none)";
const FIRST = 25; // labels
const MOST = 200; // a table of more is too large for browsers
const DARKEST = 40; // per cent of the colour: text stays readable on it

/**
 * The section of the confusion matrix.
 * @param {{gtLabel: string, predLabel: string, count: number}[]} cells as the server counts them
 * @param {number} iou
 */
export function confusionTable(cells, iou) {
  const labels = labelsOf(cells);
  const scroll = element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Confusion matrix" });
  const show = (number) => scroll.replaceChildren(matrix(cells, [...labels.slice(0, number), NONE]));
  const most = Math.min(labels.length, MOST);
  const all = most < labels.length ? `the ${most} most frequent of` : "all";
  const more = element("button", {
    type: "button",
    class: "button quiet",
    text: `Show ${all} ${labels.length} labels`,
  });
  more.addEventListener("click", () => {
    show(most);
    more.remove();
  });
  show(FIRST);
  return element(
    "section",
    { class: "stack", "aria-labelledby": "confusion-title" },
    element("h2", { id: "confusion-title", text: "What was taken for what" }),
    element("p", {
      class: "hint",
      text:
        `At IoU ${iou.toFixed(2)}, whatever the labels. Rows are objects, columns predictions; ${NONE} is no ` +
        "partner: missed at the right, nothing there below.",
    }),
    scroll,
    labels.length > FIRST ? element("div", {}, more) : null,
  );
}

/** All labels but NONE, those with the most objects and predictions first. */
function labelsOf(cells) {
  const often = new Map();
  for (const { gtLabel, predLabel, count } of cells)
    for (const label of [gtLabel, predLabel]) often.set(label, (often.get(label) ?? 0) + count);
  often.delete(NONE);
  return [...often.keys()].sort((one, other) => often.get(other) - often.get(one));
}

function matrix(cells, labels) {
  const counts = new Map(cells.map(({ gtLabel, predLabel, count }) => [JSON.stringify([gtLabel, predLabel]), count]));
  const totals = new Map();
  for (const { gtLabel, count } of cells) totals.set(gtLabel, (totals.get(gtLabel) ?? 0) + count);
  const head = labels.map((label) => element("th", { scope: "col" }, element("span", { text: label })));
  const row = (truth) =>
    element(
      "tr",
      {},
      element("th", { scope: "row", text: truth }),
      ...labels.map((found) =>
        cell(truth, found, counts.get(JSON.stringify([truth, found])) ?? 0, totals.get(truth) ?? 0),
      ),
    );
  return element(
    "table",
    { id: "confusion", class: labels.length > 8 ? "many" : null },
    element("caption", { class: "unseen", text: "How often each label (rows) was taken for which (columns)" }),
    element("thead", {}, element("tr", {}, element("td"), ...head)),
    element("tbody", {}, ...labels.map(row)),
  );
}

function cell(truth, found, count, total) {
  if (truth === NONE && found === NONE) return element("td", { class: "number" });
  const share = total ? count / total : 0;
  const made = element("td", {
    class: count ? "number" : "number muted",
    text: count.toLocaleString("en"),
    title: count ? `${truth} found as ${found}: ${percent(share)} of ${total.toLocaleString("en")}` : null,
  });
  const color = truth === found ? "var(--accent)" : "var(--danger)";
  // Zeros stay plain; one of a thousand can still be seen.
  if (count) made.style.background = `color-mix(in srgb, ${color} ${5 + (DARKEST - 5) * share}%, transparent)`;
  return made;
}
