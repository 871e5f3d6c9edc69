// A layer of the viewer that draws masks over the photo, at the resolution of the screen.

import { LabelMap, pixel } from "./raster.js";

const MOST_RASTER = 2_400_000; // pixels; more are slower than a frame
const OUTLINE = 2; // CSS pixels

export class MaskLayer {
  /** @param {import("./viewer.js").Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.masks = [];
    this.canvas = document.createElement("canvas");
    this.key = "";
  }

  /**
   * Draws other masks from now on, the last one on top.
   * @param {{runs: import("./rle.js").Runs, color: string, opacity: number}[]} masks
   */
  show(masks) {
    this.masks = masks;
    this.key = "";
    this.viewer.draw("marks");
  }

  /** Draws the part that is seen. */
  draw(context, { scale, x, y }) {
    const { stage, width, height, ratio } = this.viewer;
    const left = Math.max(0, x);
    const top = Math.max(0, y);
    const across = Math.min(stage.clientWidth, x + width * scale) - left;
    const down = Math.min(stage.clientHeight, y + height * scale) - top;
    if (!this.masks.length || across < 1 || down < 1) return;
    const fine = Math.min(ratio, Math.sqrt(MOST_RASTER / (across * down)));
    const size = [Math.max(1, Math.round(across * fine)), Math.max(1, Math.round(down * fine))];
    const at = { scale: scale * fine, x: (x - left) * fine, y: (y - top) * fine };
    const key = [...size, at.scale, at.x, at.y].join();
    if (key !== this.key) this.#raster(size, at, fine);
    this.key = key;
    context.drawImage(this.canvas, left, top, across, down);
  }

  #raster([columns, rows], at, fine) {
    const map = new LabelMap(columns, rows);
    this.masks.forEach(({ runs }, i) => map.paint(runs, i + 1, at));
    const none = [0, 0]; // where no mask is
    const table = {
      fills: Uint32Array.from([none[0], ...this.masks.map(({ color, opacity }) => pixel(color, opacity))]),
      edges: Uint32Array.from([none[1], ...this.masks.map(({ color }) => pixel(color, 1))]),
      widths: Uint8Array.from([0, ...this.masks.map(() => Math.min(3, Math.round(OUTLINE * fine)))]),
    };
    this.canvas.width = columns;
    this.canvas.height = rows;
    const context = this.canvas.getContext("2d");
    const image = context.createImageData(columns, rows);
    map.color(new Uint32Array(image.data.buffer), table);
    context.putImageData(image, 0, 0);
  }
}
