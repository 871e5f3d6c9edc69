// Masks as polygons along the edges of their pixels, in the corners' coordinates: (0, 0) is the picture's top left.
//
// Filled by the even-odd rule, as pycocotools and labelme do, a polygon gives the very pixels of its mask.

const MAX_EDGES = 2_000_000; // of one mask; a photo of 12 megapixels whose every pixel differs has 24 million
const MAX_PAIRS = 5_000_000; // of a hole and a part that may be around it
const [RIGHT, DOWN, LEFT, UP] = [0, 1, 2, 3];

const MESSAGE = "A mask is too fine for polygons: take run lengths.";

/** A mask has too many edges, parts or holes to be polygons. */
export class TooFine extends Error {}

/**
 * The polygons of a mask, one [[x, y], …] per connected part, largest part first; pixels that share a corner are
 * connected. A hole is joined to its part by a line there and back.
 *
 * @param {import("./rle.js").Runs} runs
 * @param {number} tolerance pixels by which points may be off their edge; 0 for exact ones
 * @returns {number[][][]}
 * @throws {TooFine}
 */
export function polygons(runs, tolerance = 0) {
  const parts = [];
  const holes = [];
  for (const loop of loops(edges(runs), runs.height)) {
    (loop.area > 0 ? parts : holes).push(loop);
  }
  if (parts.length * holes.length > MAX_PAIRS) {
    throw new TooFine(MESSAGE);
  }
  parts.sort((one, other) => other.area - one.area);
  for (const hole of holes) {
    // The smallest part around it: parts within holes of larger parts are smaller.
    const around = parts.findLast(
      ({ area, box, points }) => area > -hole.area && isIn(box, hole.inside) && contains(points, hole.inside),
    );
    around.holes.push(simplified(hole.points, tolerance));
  }
  return parts.map((part) => joined(simplified(part.points, tolerance), part.holes));
}

/**
 * The edges between pixels of a mask and others, with the mask at their right: from (x, y), where to, and which way.
 */
function edges(runs) {
  const columns = rowsByColumn(runs);
  const found = { x: [], y: [], toX: [], toY: [], way: [] };
  const add = (x, y, toX, toY, way) => {
    if (found.x.push(x) > MAX_EDGES) {
      throw new TooFine(MESSAGE);
    }
    found.y.push(y);
    found.toX.push(toX);
    found.toY.push(toY);
    found.way.push(way);
  };
  for (const [x, rows] of columns) {
    const left = (from, to) => add(x, to, x, from, UP);
    const right = (at) => (from, to) => add(at, from, at, to, DOWN);
    for (let at = 0; at < rows.length; at += 2) {
      add(x, rows[at], x + 1, rows[at], RIGHT);
      add(x + 1, rows[at + 1], x, rows[at + 1], LEFT);
    }
    between(columns.get(x - 1) ?? [], rows, left, right(x));
    if (!columns.has(x + 1)) between(rows, [], null, right(x + 1));
  }
  return found;
}

/** Column → [from, to, from, to, …] in rows, for the columns that have any. */
function rowsByColumn({ bounds, height }) {
  const columns = new Map();
  for (let run = 0; run < bounds.length; run += 2) {
    for (let at = bounds[run]; at < bounds[run + 1]; ) {
      const x = Math.floor(at / height);
      const to = Math.min(bounds[run + 1], (x + 1) * height);
      const rows = columns.get(x) ?? columns.set(x, []).get(x);
      rows.push(at - x * height, to - x * height);
      at = to;
    }
  }
  return columns;
}

/** Call `onlyRight` and `onlyLeft` with the rows that are in one of two neighbouring columns. */
function between(left, right, onlyRight, onlyLeft) {
  let [i, j, from] = [0, 0, 0];
  while (i < left.length || j < right.length) {
    const y = Math.min(left[i] ?? Infinity, right[j] ?? Infinity);
    if (y > from && i % 2 !== j % 2) {
      (j % 2 ? onlyRight : onlyLeft)(from, y);
    }
    i += left[i] === y ? 1 : 0;
    j += right[j] === y ? 1 : 0;
    from = y;
  }
}

/**
 * Edges as closed loops: {points, box, area, inside, holes}; the area of holes is negative, `inside` in the mask.
 */
function* loops(found, height) {
  const starts = new Map(); // corner → an edge that starts there
  const others = new Map(); // the second one, where two pixels share but a corner
  const corner = (x, y) => x * (height + 1) + y;
  found.x.forEach((x, edge) => {
    const key = corner(x, found.y[edge]);
    (starts.has(key) ? others : starts).set(key, edge);
  });
  const used = new Uint8Array(found.x.length);
  for (let first = 0; first < used.length; first += 1) {
    const points = [];
    let area = 0;
    let edge = first;
    let way = null;
    while (!used[edge]) {
      used[edge] = 1;
      if (found.way[edge] !== way) {
        points.push([found.x[edge], found.y[edge]]);
      }
      way = found.way[edge];
      area += found.x[edge] * found.toY[edge] - found.toX[edge] * found.y[edge];
      const key = corner(found.toX[edge], found.toY[edge]);
      edge = starts.get(key);
      if (others.has(key) && found.way[edge] !== (way + 3) % 4) {
        edge = others.get(key); // the left turn, which goes on to the other pixel
      }
    }
    if (points.length) {
      if (found.way[first] === way) {
        points.shift();
      }
      yield { points, box: boxOf(points), area: area / 2, inside: beside(found, first), holes: [] };
    }
  }
}

function boxOf(points) {
  const box = [Infinity, Infinity, 0, 0];
  for (const [x, y] of points) {
    box[0] = Math.min(box[0], x);
    box[1] = Math.min(box[1], y);
    box[2] = Math.max(box[2], x);
    box[3] = Math.max(box[3], y);
  }
  return box;
}

function isIn([x1, y1, x2, y2], [x, y]) {
  return x1 < x && x < x2 && y1 < y && y < y2;
}

/** The centre of a pixel of the mask at an edge. */
function beside(found, edge) {
  const [x, y] = [found.x[edge], found.y[edge]];
  return [
    [x + 0.5, y + 0.5],
    [x - 0.5, y + 0.5],
    [x - 0.5, y - 0.5],
    [x + 0.5, y - 0.5],
  ][found.way[edge]];
}

function contains(points, [x, y]) {
  let inside = false;
  points.forEach(([x1, y1], index) => {
    const [x2, y2] = points[(index + 1) % points.length];
    if (y1 > y !== y2 > y && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)) {
      inside = !inside;
    }
  });
  return inside;
}

/** A closed line with fewer points, none of the others further from it than the tolerance (Douglas and Peucker). */
function simplified(points, tolerance) {
  if (!tolerance || points.length <= 4) {
    return points;
  }
  const opposite = farthest(points, 0, points.length)[0];
  const kept = new Set([0, opposite]);
  const spans = [
    [0, opposite],
    [opposite, points.length],
  ];
  while (spans.length) {
    const [from, to] = spans.pop();
    const [index, distance] = farthest(points, from, to);
    if (distance > tolerance) {
      kept.add(index);
      spans.push([from, index], [index, to]);
    }
  }
  return kept.size < 3 ? points : points.filter((_, index) => kept.has(index));
}

/** The point between two others that is farthest from the line between these, and its distance. */
function farthest(points, from, to) {
  const [x1, y1] = points[from];
  const [x2, y2] = points[to % points.length];
  const length = Math.hypot(x2 - x1, y2 - y1);
  let best = [from, 0];
  for (let index = from + 1; index < to; index += 1) {
    const [x, y] = points[index];
    const along = (x - x1) * (y2 - y1) - (y - y1) * (x2 - x1);
    const distance = length ? Math.abs(along) / length : Math.hypot(x - x1, y - y1);
    if (distance > best[1]) {
      best = [index, distance];
    }
  }
  return best;
}

/** One line around a part and, on the way to each hole from the nearest point, around it and back. */
function joined(points, holes) {
  const after = new Map(); // index of a point → what is walked from there
  for (const hole of holes) {
    let nearest = 0;
    points.forEach(([x, y], index) => {
      if (distance2(hole[0], x, y) < distance2(hole[0], ...points[nearest])) {
        nearest = index;
      }
    });
    const walk = after.get(nearest) ?? after.set(nearest, []).get(nearest);
    walk.push(...hole, hole[0], points[nearest]);
  }
  return points.flatMap((point, index) => [point, ...(after.get(index) ?? [])]);
}

function distance2([x1, y1], x, y) {
  return (x1 - x) ** 2 + (y1 - y) ** 2;
}
