// Masks as pixels of a view: a map of labels, taken straight from the runs at any zoom, and its colours by a table.

/** Pixels around what is seen, so that outlines at its edges are those of the objects. */
export const MARGIN = 6;

/**
 * A map of labels of a part of the picture: 0 where no object is, else the object's index + 1. It lies column
 * by column, as runs do, with MARGIN pixels around.
 */
export class LabelMap {
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.rows = height + 2 * MARGIN;
    this.labels = new Uint16Array((width + 2 * MARGIN) * this.rows);
  }

  /** Empties the map. */
  clear() {
    this.labels.fill(0);
  }

  /** Takes over the labels of another map of the same size. */
  copy(other) {
    this.labels.set(other.labels);
  }

  /**
   * Paints a mask: each pixel of the map takes the picture's pixel under its middle.
   * @param {import("./rle.js").Runs} runs
   * @param {number} label
   * @param {{scale: number, x: number, y: number}} at pixels of the map for one of the picture; where its corner is
   */
  paint(runs, label, { scale, x: left, y: top }) {
    const { labels, rows } = this;
    const [corner, head] = [left + MARGIN, top + MARGIN];
    const index = runs.columns();
    const { bounds, height } = runs;
    const first = Math.max(0, Math.ceil(runs.left * scale + corner - 0.5));
    const last = Math.min(this.width + 2 * MARGIN, Math.ceil(runs.right * scale + corner - 0.5));
    for (let column = first; column < last; column++) {
      const source = Math.floor((column + 0.5 - corner) / scale);
      if (source < runs.left || source >= runs.right) continue;
      const origin = source * height;
      const base = column * rows;
      for (let i = index[source - runs.left]; i < bounds.length && bounds[i] < origin + height; i += 2) {
        const from = Math.max(0, Math.ceil(Math.max(0, bounds[i] - origin) * scale + head - 0.5));
        const to = Math.min(rows, Math.ceil(Math.min(height, bounds[i + 1] - origin) * scale + head - 0.5));
        for (let y = from; y < to; y++) labels[base + y] = label;
      }
    }
  }

  /**
   * Writes the colours of the labels into pixels.
   * @param {Uint32Array} pixels of the map without its margin, row by row
   * @param {{fills: Uint32Array, edges: Uint32Array, widths: Uint8Array}} table by label: the colours inside and of the
   *     outline, and the outline's width in pixels, 0 to MARGIN
   */
  color(pixels, { fills, edges, widths }) {
    const { labels, rows, width, height } = this;
    const BLOCK = 16; // columns at a time, which stay in the cache: the map lies by columns, pixels by rows
    for (let block = 0; block < width; block += BLOCK) {
      const end = Math.min(width, block + BLOCK);
      for (let y = 0; y < height; y++) {
        let at = (block + MARGIN) * rows + y + MARGIN;
        for (let x = block; x < end; x++, at += rows) {
          const label = labels[at];
          const w = widths[label];
          const inside =
            w === 0 ||
            (labels[at - w] === label &&
              labels[at + w] === label &&
              labels[at - w * rows] === label &&
              labels[at + w * rows] === label);
          pixels[y * width + x] = inside ? fills[label] : edges[label];
        }
      }
    }
  }
}

/** A colour "#rrggbb" with an opacity 0–1 as a pixel of ImageData on a little-endian machine. */
export function pixel(color, opacity) {
  const value = parseInt(color.slice(1), 16);
  const [red, green, blue] = [value >> 16, (value >> 8) & 255, value & 255];
  return ((Math.round(opacity * 255) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
