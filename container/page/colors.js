// The colours of objects, the same as in the server's pictures.

/**
 * A colour "#rrggbb" for each object of an answer.
 * @param {{classId: number, box: number[]}[]} objects in the answer's order
 * @param {"class"|"instance"} by
 * @param {{class: string[][], instance: string[]}} palettes as the server names them
 * @returns {string[]}
 */
export function colorsOf(objects, by, palettes) {
  return by === "instance" ? byInstance(objects, palettes.instance) : byClass(objects, palettes.class);
}

/** The plain colour of a class. */
export function colorOfClass(classId, palettes) {
  return palettes.class[classId % palettes.class.length][0];
}

/** That of its class; the second and the third of a class are lighter and darker. */
function byClass(objects, palette) {
  const seen = new Map();
  return objects.map(({ classId }) => {
    const turn = seen.get(classId) ?? 0;
    seen.set(classId, turn + 1);
    const shades = palette[classId % palette.length];
    return shades[turn % shades.length];
  });
}

/** Each takes the colour whose nearest owner so far is farthest; ties go to the first colour. */
function byInstance(objects, palette) {
  const nearest = (owners, [x, y]) => Math.min(Infinity, ...owners.map(([a, b]) => (a - x) ** 2 + (b - y) ** 2));
  const owners = palette.map(() => []);
  return objects.map(({ box: [x1, y1, x2, y2] }) => {
    const middle = [(x1 + x2) / 2, (y1 + y2) / 2];
    let best = 0;
    let farthest = -1;
    owners.forEach((those, color) => {
      const distance = nearest(those, middle);
      if (distance > farthest) [best, farthest] = [color, distance];
    });
    owners[best].push(middle);
    return palette[best];
  });
}

/** Black or white, whichever can be read better on the colour. */
export function inkOn(color) {
  const value = parseInt(color.slice(1), 16);
  const linear = [value >> 16, (value >> 8) & 255, value & 255].map((channel) => {
    const v = channel / 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.179 ? "#000000" : "#ffffff";
}
