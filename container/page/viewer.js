// The photo with its masks: three canvases over each other, zoom, pan, and what lies under the pointer.

import { LabelMap, MARGIN, pixel } from "./raster.js";

// Pixels of the masks' canvas: as many as a frame has time for, and as can be seen.
const [MOST_MOVING, MOST_RESTING] = [1_000_000, 2_600_000];
const SMOOTH = 2; // pixels of the masks' canvas for one of the screen, where that has but one for a CSS pixel
const REST = 160; // ms without a change until masks are drawn finely
const MOST_ZOOM = 40; // CSS pixels for one of the photo
const SHARP = 3; // from this zoom on pixels of the photo are squares
const SMALL = 24; // CSS pixels: objects under this are easier to hit than they are large
const REDUCED = 2048; // longest side of the copy that a large photo is drawn from while it is shown smaller
const HALF = 0.5;
const DIM = 0.5; // black over what is not singled out

/**
 * `view`: {scale, x, y}: CSS pixels for one of the photo, and where its corner lies in the stage.
 * `layers`: objects with draw(context, view), drawn over the masks in CSS pixels.
 * `capture`: null, or {down, move, up, leave, key}(event) of a tool that takes what it returns true for;
 * meanwhile nothing of the answer is drawn.
 */
export class Viewer {
  constructor(stage, app) {
    this.stage = stage;
    this.app = app;
    this.canvases = Object.fromEntries(
      ["photo", "masks", "marks"].map((name) => [name, stage.querySelector(`.${name}`)]),
    );
    this.view = { scale: 1, x: 0, y: 0 };
    this.fitted = true;
    this.layers = [];
    this.capture = null;
    this.small = null; // the reduced copy of the current bitmap
    this.stale = new Set();
    this.base = null; // label map without the selection
    this.key = "";
    this.fine = false;
    this.resting = 0;
    this.frame = 0;
    new ResizeObserver(() => this.resize()).observe(stage);
    app.on("photo picture", () => this.open());
    app.on("answer view", () => this.draw("masks", "marks"));
    this.resize();
  }

  get width() {
    return this.app.photo?.width ?? 0;
  }

  get height() {
    return this.app.photo?.height ?? 0;
  }

  /** Shows the current photo, whole. */
  async open() {
    const { photo } = this.app;
    this.small = null;
    this.fit();
    if (!photo?.bitmap || Math.max(photo.width, photo.height) <= REDUCED) return;
    const scale = REDUCED / Math.max(photo.width, photo.height);
    const size = { resizeWidth: Math.round(photo.width * scale), resizeHeight: Math.round(photo.height * scale) };
    // Another photo may be shown before the copy is made, which closes this one.
    const small = await createImageBitmap(photo.bitmap, { ...size, resizeQuality: "medium" }).catch(() => null);
    if (photo !== this.app.photo || !small) return;
    this.small = small;
    this.draw("photo");
  }

  resize() {
    const { clientWidth, clientHeight } = this.stage;
    this.ratio = window.devicePixelRatio || 1;
    for (const canvas of [this.canvases.photo, this.canvases.marks]) {
      canvas.width = Math.round(clientWidth * this.ratio);
      canvas.height = Math.round(clientHeight * this.ratio);
    }
    if (this.fitted) this.fit();
    else this.moved();
  }

  /** The zoom at which the whole photo is seen. */
  get fitScale() {
    const { clientWidth, clientHeight } = this.stage;
    if (!this.width) return 1;
    return Math.max(0.001, Math.min(clientWidth / this.width, clientHeight / this.height, 8));
  }

  /** Shows the whole photo in the middle. */
  fit() {
    const scale = this.fitScale;
    const { clientWidth, clientHeight } = this.stage;
    this.view = { scale, x: (clientWidth - this.width * scale) / 2, y: (clientHeight - this.height * scale) / 2 };
    this.fitted = true;
    this.moved();
  }

  /** Zooms so that what lies at (x, y) of the stage stays there; the middle without these. */
  zoomBy(factor, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    const scale = Math.min(MOST_ZOOM, Math.max(this.fitScale, this.view.scale * factor));
    if (scale <= this.fitScale * 1.001) return this.fit();
    const grown = scale / this.view.scale;
    this.view = { scale, x: x - (x - this.view.x) * grown, y: y - (y - this.view.y) * grown };
    this.fitted = false;
    return this.panBy(0, 0);
  }

  /** Moves the photo, which stays in the stage. */
  panBy(dx, dy) {
    const { view } = this;
    view.x = within(view.x + dx, this.stage.clientWidth, this.width * view.scale);
    view.y = within(view.y + dy, this.stage.clientHeight, this.height * view.scale);
    this.moved();
  }

  moved() {
    this.stage.classList.toggle("zoomed", !this.fitted);
    this.stage.dispatchEvent(new CustomEvent("zoom"));
    this.draw("photo", "masks", "marks");
  }

  /** The place [x, y] in the photo's pixels under the pointer. */
  toImage(clientX, clientY) {
    const { left, top } = this.stage.getBoundingClientRect();
    return [(clientX - left - this.view.x) / this.view.scale, (clientY - top - this.view.y) / this.view.scale];
  }

  /** Where a place of the photo lies in the stage, in CSS pixels. */
  toStage(x, y) {
    return [this.view.x + x * this.view.scale, this.view.y + y * this.view.scale];
  }

  /** The smallest object shown under the pointer, or null. */
  hit(clientX, clientY) {
    const [x, y] = this.toImage(clientX, clientY);
    const [column, row] = [Math.floor(x), Math.floor(y)];
    const slack = SMALL / 2 / this.view.scale;
    let best = null;
    for (const object of this.app.shown()) {
      const [x1, y1, x2, y2] = object.box;
      const small = Math.max(x2 - x1, y2 - y1) * this.view.scale < SMALL;
      const near = small ? slack : 0;
      if (x < x1 - near - 1 || x > x2 + near + 1 || y < y1 - near - 1 || y > y2 + near + 1) continue;
      if (object.runs && !small && !object.runs.has(column, row)) continue;
      if (!best || object.area < best.area) best = object;
    }
    return this.app.kind === "classification" ? null : (best?.index ?? null);
  }

  /** Draws canvases ("photo", "masks", "marks") with the next frame. */
  draw(...names) {
    for (const name of names) this.stale.add(name);
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      const { stale } = this;
      this.stale = new Set();
      if (stale.has("photo")) this.drawPhoto();
      if (stale.has("masks")) this.drawMasks();
      if (stale.has("marks")) this.drawMarks();
    });
  }

  drawPhoto() {
    const { photo: canvas } = this.canvases;
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    const { photo } = this.app;
    if (!photo?.bitmap) return;
    const { scale, x, y } = this.view;
    const source =
      this.small && scale * this.ratio <= this.small.width / photo.width / HALF ** 0.5 ? this.small : photo.bitmap;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.imageSmoothingEnabled = scale < SHARP || this.fitted;
    context.imageSmoothingQuality = source === this.small || photo.width <= REDUCED ? "high" : "low";
    // Only what is seen is drawn: zoomed in, the whole would be many times the stage.
    const [sx, sy] = [Math.max(0, -x / scale), Math.max(0, -y / scale)];
    const sw = Math.min(photo.width, (this.stage.clientWidth - x) / scale) - sx;
    const sh = Math.min(photo.height, (this.stage.clientHeight - y) / scale) - sy;
    if (sw <= 0 || sh <= 0) return;
    const k = source.width / photo.width;
    const l = source.height / photo.height;
    context.drawImage(source, sx * k, sy * l, sw * k, sh * l, x + sx * scale, y + sy * scale, sw * scale, sh * scale);
  }

  drawMasks() {
    const { masks: canvas } = this.canvases;
    const shown = this.app.shown().filter(({ runs }) => runs);
    const { selected } = this.app;
    const key = this.keyOf(shown);
    const same = key === this.key;
    // What changes is drawn coarsely and soon, what rests finely; colours alone change at the fineness that is there.
    this.fine = same && this.fine;
    const part = this.part(this.fine ? MOST_RESTING : MOST_MOVING);
    canvas.hidden = Boolean(this.capture) || !part || (!shown.length && selected === null);
    if (canvas.hidden) return;
    const { x, y, width, height, columns, rows, at } = part;
    Object.assign(canvas.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
    if (canvas.width !== columns || canvas.height !== rows) [canvas.width, canvas.height] = [columns, rows];
    if (!same || this.base?.width !== columns || this.base.height !== rows) this.rasterise(shown, columns, rows, at);
    this.key = key;
    if (!this.fine) this.refineLater();
    let map = this.base;
    if (selected !== null && this.app.objects[selected].runs) {
      map = this.over;
      map.copy(this.base);
      map.paint(this.app.objects[selected].runs, selected + 1, at);
    }
    const context = canvas.getContext("2d");
    this.image =
      this.image?.width === columns && this.image.height === rows ? this.image : context.createImageData(columns, rows);
    map.color(new Uint32Array(this.image.data.buffer), this.table(columns / width));
    context.putImageData(this.image, 0, 0);
  }

  /** What the label map depends on. */
  keyOf(shown) {
    const { scale, x, y } = this.view;
    const { clientWidth, clientHeight } = this.stage;
    const about = [this.app.photos.indexOf(this.app.photo), this.app.answer?.question, this.app.answer?.took];
    return [scale, x, y, clientWidth, clientHeight, ...about, ...shown.map(({ index }) => index)].join();
  }

  /** Draws the masks finely once nothing has changed for a while. */
  refineLater() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      this.fine = true;
      this.draw("masks");
    }, REST);
  }

  /** The part of the photo that is seen, in the stage's CSS pixels and as pixels of the masks' canvas. */
  part(most) {
    const { scale } = this.view;
    const x = Math.max(0, this.view.x);
    const y = Math.max(0, this.view.y);
    const width = Math.min(this.stage.clientWidth, this.view.x + this.width * scale) - x;
    const height = Math.min(this.stage.clientHeight, this.view.y + this.height * scale) - y;
    if (!(width >= 1 && height >= 1) || !this.app.objects.length) return null;
    const wanted = this.fine && this.view.scale < SHARP ? Math.max(this.ratio, SMOOTH) : this.ratio;
    const ratio = Math.min(wanted, Math.sqrt(most / (width * height)));
    const [columns, rows] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
    const at = { scale: scale * ratio, x: (this.view.x - x) * ratio, y: (this.view.y - y) * ratio };
    return { x, y, width, height, columns, rows, at };
  }

  /** Paints the label map anew, the largest object first, so that small ones lie on top. */
  rasterise(shown, columns, rows, at) {
    if (this.base?.width !== columns || this.base.height !== rows) {
      this.base = new LabelMap(columns, rows);
      this.over = new LabelMap(columns, rows);
    } else this.base.clear();
    for (const object of [...shown].sort((a, b) => b.area - a.area)) this.base.paint(object.runs, object.index + 1, at);
  }

  /** Colours and widths of outlines by label. */
  table(ratio) {
    const { objects, options, selected } = this.app;
    const fills = new Uint32Array(objects.length + 1);
    const edges = new Uint32Array(objects.length + 1);
    const widths = new Uint8Array(objects.length + 1);
    const dark = pixel("#000000", DIM);
    if (selected !== null) fills[0] = dark;
    for (const { index, color, box } of objects) {
      const one = index === selected;
      const dimmed = selected !== null && !one;
      const side = Math.min(box[2] - box[0], box[3] - box[1]) * this.view.scale;
      // An outline takes a sixth of a small object's side at the most, both sides a third.
      const width = Math.min((one ? 2.5 : 1.75) * ratio, (side * ratio) / 6, MARGIN);
      fills[index + 1] = dimmed ? dark : pixel(color, one ? options.opacity * 0.6 : options.opacity);
      edges[index + 1] = dimmed ? pixel(color, 0.45) : pixel(color, 1);
      widths[index + 1] = options.draw_outlines || one ? Math.max(side * ratio > 4 ? 1 : 0, Math.round(width)) : 0;
    }
    return { fills, edges, widths };
  }

  drawMarks() {
    const { marks: canvas } = this.canvases;
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    if (!this.width) return;
    for (const layer of this.layers) layer.draw(context, this.view);
  }
}

/** Where the photo's corner may lie: it fills the stage, or lies in its middle where it is smaller. */
function within(corner, stage, photo) {
  return photo <= stage ? (stage - photo) / 2 : Math.min(0, Math.max(stage - photo, corner));
}
