// An answer of the server as objects: what was found, with its mask as runs.

import { decode } from "./rle.js";

/**
 * One object of an answer.
 * @typedef {Object} Found
 * @property {number} index in the answer
 * @property {string} label the name of its class
 * @property {number} classId
 * @property {number} score 0–1
 * @property {number[]} box x1, y1, x2, y2 in pixels
 * @property {import("./rle.js").Runs|null} runs
 * @property {number[][]} keypoints [x, y, score] each
 * @property {number} area in pixels: of the mask, else of the box
 * @property {string} color "#rrggbb", as the options have it
 */

/** The objects of the JSON of an answer. @returns {Found[]} */
export function readObjects(raw) {
  return raw.labels.map((caption, index) => {
    const [x1, y1, x2, y2] = raw.boxes[index];
    const mask = raw.masks?.[index];
    const runs = mask ? decode(mask) : null;
    return {
      index,
      label: caption.replace(/ \d+%$/, ""),
      classId: raw.class_ids[index],
      score: raw.scores[index],
      box: [x1, y1, x2, y2],
      runs,
      keypoints: raw.keypoints?.[index] ?? [],
      area: runs ? runs.area : Math.max(0, x2 - x1) * Math.max(0, y2 - y1),
      color: "#808080",
    };
  });
}

/** The stages of a Server-Timing header as [name, ms]. @returns {[string, number][]} */
export function readStages(header) {
  return (header ?? "")
    .split(",")
    .map((entry) => entry.trim().match(/^([\w-]+);.*?dur=([\d.]+)/))
    .filter((match) => match)
    .map(([, name, duration]) => [name, Number(duration)]);
}

/** The JSON of the answer's attributes header; {} without one. */
export function readFacts(header) {
  try {
    return JSON.parse(header ?? "{}");
  } catch {
    return {};
  }
}
