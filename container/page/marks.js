// Boxes, keypoints and labels over the masks, in CSS pixels: as crisp at every zoom.

import { inkOn } from "./colors.js";
import { percent } from "./dom.js";

const FONT = "600 12px system-ui, sans-serif";
const [PAD, TALL, GAP] = [6, 20, 3]; // of a chip, in CSS pixels
const CROWD = 25; // objects over which labels are names alone
const COLUMNS = 48; // of an object that are looked at for its upper end
const COVER = 0.25; // of an object: as much as a chip may cover at the most
// Pairs of COCO's 17 keypoints.
const SKELETON = "15-13 13-11 16-14 14-12 11-12 5-11 6-12 5-6 5-7 6-8 7-9 8-10 1-2 0-1 0-2 1-3 2-4 3-5 4-6"
  .split(" ")
  .map((pair) => pair.split("-").map(Number));

/** The layer of a viewer that draws what is not a mask. */
export function createMarks(app, viewer) {
  const widths = new Map(); // of texts

  function widthOf(context, text) {
    if (!widths.has(text)) widths.set(text, Math.ceil(context.measureText(text).width));
    return widths.get(text);
  }

  function draw(context) {
    if (app.kind === "classification" || viewer.capture) return;
    const shown = app.shown();
    const selected = shown.find(({ index }) => index === app.selected);
    const faint = selected ? 0.35 : 1;
    for (const object of shown) {
      context.globalAlpha = object === selected ? 1 : faint;
      if (app.drawsBoxes) drawBox(context, object, object === selected);
      if (object.keypoints.length) drawKeypoints(context, object);
    }
    context.globalAlpha = 1;
    if (selected) drawChip(context, place(context, selected, [], shown, true) ?? above(context, selected));
    else if (app.options.draw_labels) drawLabels(context, shown);
  }

  const onStage = ([x1, y1, x2, y2]) => [...viewer.toStage(x1, y1), ...viewer.toStage(x2, y2)];

  function drawBox(context, { box, color }, selected) {
    const [x1, y1, x2, y2] = onStage(box);
    context.lineWidth = selected ? 3 : Math.min(2, Math.max(1, (x2 - x1) / 8));
    context.strokeStyle = color;
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
  }

  function drawKeypoints(context, { keypoints, color, box }) {
    const points = keypoints.map(([x, y, score]) => (score > 0 ? viewer.toStage(x, y) : null));
    const size = Math.max(1, Math.min(2, ((box[3] - box[1]) * viewer.view.scale) / 60));
    context.lineWidth = 1.5 * size;
    context.strokeStyle = color;
    context.beginPath();
    for (const [from, to] of keypoints.length === 17 ? SKELETON : []) {
      if (!points[from] || !points[to]) continue;
      context.moveTo(...points[from]);
      context.lineTo(...points[to]);
    }
    context.stroke();
    context.lineWidth = 1;
    context.fillStyle = color;
    context.strokeStyle = inkOn(color);
    for (const point of points.filter((one) => one)) {
      context.beginPath();
      context.arc(...point, 2 * size, 0, 2 * Math.PI);
      context.fill();
      context.stroke();
    }
  }

  /** The best first; a label without room is left out, the list has it. */
  function drawLabels(context, shown) {
    context.font = FONT;
    const placed = [];
    for (const object of shown) {
      const chip = place(context, object, placed, shown, false);
      if (!chip) continue;
      placed.push(chip);
      drawChip(context, chip);
    }
  }

  /** A chip in, above, below or beside the object that hides neither another chip nor a quarter of an object. */
  function place(context, object, placed, shown, alone) {
    context.font = FONT;
    const text = shown.length > CROWD && !alone ? object.label : `${object.label} ${percent(object.score)}`;
    const width = widthOf(context, text) + 2 * PAD;
    const [x1, y1, x2, y2] = onStage(object.box);
    const [right, bottom] = [viewer.stage.clientWidth, viewer.stage.clientHeight];
    if (x1 > right || y1 > bottom || x2 < 0 || y2 < 0) return null;
    const [left, top] = [Math.max(x1, 0), Math.max(y1, 0)];
    const head = headOf(object, top) - width / 2;
    const middle = (left + Math.min(x2, right)) / 2 - width / 2;
    const corners = [
      [head, y1 - TALL - GAP],
      [head, top + GAP],
      [left + GAP, top + GAP],
      [middle, y2 + GAP],
      [x2 + GAP, top],
      [x1 - width - GAP, top],
      [middle, Math.min(y2, bottom) - TALL - GAP],
    ];
    for (const [x, y] of corners) {
      const chip = { x: Math.round(x), y: Math.round(y), width, height: TALL, text, color: object.color };
      if (x < 0 || y < 0 || x + width > right || y + TALL > bottom) continue;
      if (placed.some((other) => overlap(chip, other) > 0)) continue;
      const hides = (one) => {
        const [a, b, c, d] = onStage(one.box);
        const box = { x: a, y: b, width: c - a, height: d - b };
        return overlap(chip, box) > COVER * box.width * box.height;
      };
      if (alone ? hides(object) : shown.some(hides)) continue;
      return chip;
    }
    return null;
  }

  /** Where, in the stage's x, the object's upper end is: the middle of its widest part a little under `top`. */
  function headOf({ runs, box: [x1, y1, x2, y2] }, top) {
    const middle = viewer.toStage((x1 + x2) / 2, 0)[0];
    if (!runs) return middle;
    const seen = (top - viewer.view.y) / viewer.view.scale;
    const row = Math.floor(seen + Math.max(1, Math.min((y2 - y1) / 20, TALL / viewer.view.scale)));
    const step = Math.max(1, (x2 - x1) / COLUMNS);
    let [best, begun, longest] = [middle, null, 0];
    for (let x = Math.floor(x1); x <= x2 + step; x += step) {
      if (x <= x2 && runs.has(Math.floor(x), row)) begun ??= x;
      else if (begun !== null) {
        if (x - begun > longest) [best, longest] = [viewer.toStage((begun + x - step) / 2, 0)[0], x - begun];
        begun = null;
      }
    }
    return best;
  }

  /** Where there is no room: over the object, in the stage. */
  function above(context, object) {
    const text = `${object.label} ${percent(object.score)}`;
    const width = widthOf(context, text) + 2 * PAD;
    const [x1, y1] = onStage(object.box);
    const x = Math.round(Math.min(Math.max(0, x1), viewer.stage.clientWidth - width));
    const y = Math.round(Math.min(Math.max(0, y1 - TALL - GAP), viewer.stage.clientHeight - TALL));
    return { x, y, width, height: TALL, text, color: object.color };
  }

  function drawChip(context, { x, y, width, height, text, color }) {
    context.font = FONT;
    context.fillStyle = color;
    context.beginPath();
    context.roundRect(x, y, width, height, 5);
    context.fill();
    context.fillStyle = inkOn(color);
    context.textBaseline = "middle";
    context.fillText(text, x + PAD, y + height / 2 + 0.5);
  }

  return { draw };
}

/** How many pixels two rectangles share. */
function overlap(one, other) {
  const width = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
  const height = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
  return width > 0 && height > 0 ? width * height : 0;
}
