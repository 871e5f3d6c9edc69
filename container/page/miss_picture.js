// One miss as a picture: what is wrong or missed, and what lies around it, over the item's picture or an empty frame.

import { drawn } from "./dom.js";

const ASPECT = 4 / 3; // of the picture
const AROUND = 1.5; // times the object's longer side, to each side of it
const LEAST = 64; // px of an item's picture that are shown at least

/**
 * An SVG of the miss.
 * @param {Object} row an example of an evaluation
 * @param {{picture: Object|null, truth: Object[], predictions: Object[]}|null} about its item, null where that is not
 *   there; the picture has url, width and height
 * @param {string} label what it shows
 */
export function missPicture(row, about, label) {
  const { prediction_row: found, annotation_row: there, match_type } = row;
  const thick = match_type === "FP" ? found : there;
  const lines = [
    ...(about?.truth ?? [there]).map((one) => [one, "truth"]),
    ...(about?.predictions ?? [found]).map((one) => [one, "predicted"]),
  ]
    .map(([one, kind]) => ({ points: outline(one), kind, thick: Boolean(thick) && same(one, thick, kind, match_type) }))
    .filter(({ points }) => points)
    .sort((one, other) => one.thick - other.thick); // the thick one on top
  const frame = about?.picture ?? extent(lines);
  const [x, y, width, height] = view(outline(thick), frame);
  const shown = { viewBox: `${x} ${y} ${width} ${height}`, role: "img", "aria-label": label };
  const svg = drawn("svg", { class: "miss", ...shown });
  if (about?.picture) svg.append(drawn("image", { href: frame.url, width: frame.width, height: frame.height }));
  else svg.append(drawn("rect", { class: "empty", width: frame.width, height: frame.height }));
  for (const one of lines) {
    const points = one.points.map((point) => point.join(",")).join(" ");
    const kind = `${one.kind}${one.thick ? " thick" : ""}`;
    svg.append(drawn("polygon", { class: `halo ${kind}`, points }), drawn("polygon", { class: kind, points }));
  }
  return svg;
}

/** The corners [x, y] of what has an outline in the picture, in its pixels; null of masks, categories and cuboids. */
function outline(one) {
  const shape = one?.geometry;
  if (one?.type === "box") {
    const { x, y, width, height } = shape;
    return [
      [x, y],
      [x + width, y],
      [x + width, y + height],
      [x, y + height],
    ];
  }
  return one?.type === "polygon" ? shape.vertices.map(({ x, y }) => [x, y]) : null;
}

function same(one, thick, kind, matchType) {
  if ((kind === "predicted") !== (matchType === "FP")) return false;
  return one === thick || (one.annotation_id === thick.annotation_id && one.type === thick.type);
}

/** A frame that holds all outlines of an item without a picture. */
function extent(lines) {
  const points = lines.flatMap(({ points }) => points);
  const longest = (axis) => points.reduce((most, point) => Math.max(most, point[axis]), LEAST) * 1.05;
  return { width: longest(0), height: longest(1) };
}

/** The part [x, y, width, height] of the frame that is shown: the object fills a quarter of it, or it is all. */
function view(points, { width, height }) {
  if (!points) return [0, 0, width, height];
  const sides = [0, 1].map((axis) => {
    const values = points.map((point) => point[axis]);
    return [Math.min(...values), Math.max(...values)];
  });
  const [[left, right], [top, bottom]] = sides;
  const side = Math.max(LEAST, Math.max(right - left, bottom - top) * (1 + 2 * AROUND));
  const part = (low, high, length, whole) => {
    const size = Math.min(length, whole);
    return [Math.min(Math.max(0, (low + high - size) / 2), whole - size), size];
  };
  const [x, w] = part(left, right, side * ASPECT, width);
  const [y, h] = part(top, bottom, side, height);
  return [x, y, w, h];
}
