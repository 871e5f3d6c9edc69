// COCO's compressed run lengths: read as runs with an index by column, and written again.

/** The ones of a mask as runs down its columns, the first column first. */
export class Runs {
  /**
   * @param {number} height of the picture, in pixels
   * @param {number} width
   * @param {Uint32Array} bounds where runs begin and end, in turn, in the column-major picture
   */
  constructor(height, width, bounds) {
    this.height = height;
    this.width = width;
    this.bounds = bounds;
    this.area = 0;
    for (let i = 0; i < bounds.length; i += 2) this.area += bounds[i + 1] - bounds[i];
    /** The first column with ones, and the one after the last. */
    this.left = bounds.length ? Math.floor(bounds[0] / height) : 0;
    this.right = bounds.length ? Math.floor((bounds[bounds.length - 1] - 1) / height) + 1 : 0;
    this.index = null;
  }

  /** By column, from `left` on: the place in `bounds` of its first run that ends in it or later. */
  columns() {
    if (this.index) return this.index;
    const index = new Uint32Array(this.right - this.left + 1);
    let run = 0;
    for (let x = this.left; x <= this.right; x++) {
      while (run < this.bounds.length && this.bounds[run + 1] <= x * this.height) run += 2;
      index[x - this.left] = run;
    }
    this.index = index;
    return index;
  }

  /** Is the pixel (x, y) in the mask? */
  has(x, y) {
    if (x < this.left || x >= this.right || y < 0 || y >= this.height) return false;
    const place = x * this.height + y;
    for (let i = this.columns()[x - this.left]; i < this.bounds.length && this.bounds[i] <= place; i += 2) {
      if (place < this.bounds[i + 1]) return true;
    }
    return false;
  }

  /** The box [x1, y1, x2, y2] around the ones; all 0 where there are none. */
  box() {
    let top = this.height;
    let bottom = 0;
    for (let i = 0; i < this.bounds.length; i += 2) {
      const [start, end] = [this.bounds[i], this.bounds[i + 1] - 1];
      const spans = Math.floor(start / this.height) !== Math.floor(end / this.height);
      top = Math.min(top, spans ? 0 : start % this.height);
      bottom = Math.max(bottom, spans ? this.height : (end % this.height) + 1);
    }
    return this.bounds.length ? [this.left, top, this.right, bottom] : [0, 0, 0, 0];
  }
}

/**
 * Runs of {"size": [height, width], "counts": "…"}.
 *
 * A number has digits to the base 32, the lowest first: a character at 48 + digit, + 32 where more follow; 16 in the
 * last digit is a sign. From the fourth number on each is a difference to the last but one.
 */
export function decode({ size: [height, width], counts }) {
  const lengths = [];
  for (let at = 0; at < counts.length; ) {
    let value = 0;
    let shift = 0;
    let digit;
    do {
      digit = counts.charCodeAt(at++) - 48;
      value |= (digit & 31) << shift;
      shift += 5;
    } while (digit & 32);
    if (digit & 16 && shift < 32) value |= -1 << shift;
    lengths.push(lengths.length > 2 ? value + lengths[lengths.length - 2] : value);
  }
  const bounds = [];
  let place = 0;
  for (let i = 0; i < lengths.length; i++) {
    const start = place;
    place += lengths[i];
    if (i % 2 && place > start) bounds.push(start, place);
  }
  return new Runs(height, width, Uint32Array.from(bounds));
}

/** The text of `counts` of runs: the inverse of `decode`. */
export function encode(runs) {
  const lengths = [];
  let place = 0;
  for (const bound of runs.bounds) {
    lengths.push(bound - place);
    place = bound;
  }
  const rest = runs.height * runs.width - place;
  if (rest || !lengths.length) lengths.push(rest);
  let text = "";
  lengths.forEach((length, i) => {
    let value = i > 2 ? length - lengths[i - 2] : length;
    for (let more = true; more; ) {
      let digit = value & 31;
      value >>= 5;
      more = digit & 16 ? value !== -1 : value !== 0;
      if (more) digit |= 32;
      text += String.fromCharCode(digit + 48);
    }
  });
  return text;
}
