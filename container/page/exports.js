// What is shown, as files of annotations: the server's JSON, COCO and LabelMe.
//
// A picture is {name, width, height, objects}, its objects are those of answer.js.

import { encode } from "./rle.js";
import { polygons } from "./trace.js";

const LABELME_VERSION = "5.0.0"; // of the format
const TOLERANCE = 0.75; // pixels: a point of LabelMe's polygons is for a hand to move
// What pycocotools evaluates and COCO's categories name; other models number theirs.
const PERSON = (
  "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist " +
  "right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle"
).split(" ");

/** The server's answer with the objects at `indices` alone: what it answers with the options of the page. */
export function answerOf(raw, indices) {
  const members = Object.entries(raw);
  return Object.fromEntries(members.map(([name, rows]) => [name, indices.map((index) => rows[index])]));
}

/** A dataset in COCO's format. */
export function coco(pictures, labels, { outlines = false } = {}) {
  const found = pictures.flatMap((picture) => picture.objects);
  const names = [...new Set([...labels, ...found.map((object) => object.label)])];
  const points = Math.max(0, ...found.map((object) => object.keypoints.length));
  const annotations = pictures.flatMap((picture, index) =>
    picture.objects.map((object) => ({ image_id: index + 1, ...annotation(object, names, outlines) })),
  );
  return {
    info: { description: "Predictions of a model", date_created: new Date().toISOString() },
    images: pictures.map(({ name, width, height }, index) => ({ id: index + 1, file_name: name, width, height })),
    categories: names.map((name, index) => ({ id: index + 1, name, ...(points ? pose(points) : {}) })),
    annotations: annotations.map((one, index) => ({ id: index + 1, ...one })),
  };
}

function annotation({ label, score, box, runs, keypoints, area }, names, outlines) {
  const [x1, y1, x2, y2] = box;
  return {
    category_id: names.indexOf(label) + 1,
    bbox: [x1, y1, x2 - x1, y2 - y1],
    area,
    segmentation: runs ? segmentation(runs, outlines) : [],
    iscrowd: 0,
    score,
    ...(keypoints.length ? posed(keypoints) : {}),
  };
}

function posed(keypoints) {
  return { keypoints: keypoints.flatMap(([x, y]) => [x, y, 2]), num_keypoints: keypoints.length };
}

function segmentation(runs, outlines) {
  if (outlines) return polygons(runs).map((points) => points.flat());
  return { size: [runs.height, runs.width], counts: encode(runs) };
}

function pose(count) {
  const numbered = Array.from({ length: count }, (_, index) => `keypoint_${index + 1}`);
  return { keypoints: count === PERSON.length ? PERSON : numbered, skeleton: [] };
}

/** One picture in LabelMe's format; `imageData` is the picture's file in base64, or null where it lies beside. */
export function labelMe({ name, width, height, objects }, imageData = null) {
  return {
    version: LABELME_VERSION,
    flags: {},
    shapes: objects.flatMap((object, index) => shapes(object, index + 1)),
    imagePath: name,
    imageData,
    imageHeight: height,
    imageWidth: width,
  };
}

/** The shapes of an object: its polygons or its box, and its keypoints, in a group where they are several. */
function shapes({ label, score, box, runs, keypoints }, group) {
  const outlines = runs ? polygons(runs, TOLERANCE) : [];
  const areas = runs ? outlines.map((points) => ["polygon", points]) : [["rectangle", [box.slice(0, 2), box.slice(2)]]];
  const dots = keypoints.map(([x, y]) => ["point", [[x, y]]]);
  const names = pose(dots.length).keypoints;
  const all = [...areas, ...dots];
  return all.map(([kind, points], index) => ({
    label: kind === "point" ? names[index - areas.length] : label,
    points,
    group_id: all.length > 1 ? group : null,
    description: `${Math.round(score * 100)} %`,
    shape_type: kind,
    flags: {},
  }));
}
