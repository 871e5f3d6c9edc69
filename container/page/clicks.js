// Points and boxes on the photo, by mouse, touch, pen and keys, for a model that takes prompts.

const TAP = 6; // CSS pixels: who moves less has clicked
const STEP = 8; // CSS pixels of an arrow key
const NEAR = 40; // CSS pixels: as near as the crosshair comes to an edge of the stage before the photo moves
const [MIDDLE_BUTTON, RIGHT_BUTTON] = [1, 2];
const RADIUS = 7; // of a point, in CSS pixels
const ARROWS = { ArrowRight: [1, 0], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowUp: [0, -1] };

/** Takes the viewer's pointer and keys while it is on, and draws its prompt over the masks. */
export class Clicks {
  /**
   * @param {import("./viewer.js").Viewer} viewer
   * @param {{add: (step: import("./prompt.js").Step) => void, undo: () => void, keep: () => void, say: (text: string) => void}} tell
   */
  constructor(viewer, tell) {
    this.viewer = viewer;
    this.tell = tell;
    this.mode = "positive";
    this.prompt = null;
    this.crosshair = null; // of the keys, in pixels of the photo
    this.corner = null; // of a box that the keys make
    this.drag = null; // of the pointer that is down
    this.tap = null; // of a finger that may turn out to pan
    this.pan = null; // of the middle button, since a drag of the first one makes a box
    this.capture = {
      down: (event) => this.#down(event),
      move: (event) => this.#move(event),
      up: (event) => this.#up(event),
      key: (event) => this.#key(event),
    };
  }

  /** Sets what a click without Shift makes: "positive", "negative" or "box". */
  set(mode) {
    this.mode = mode;
    this.viewer.stage.classList.toggle("clicks-box", mode === "box" && this.viewer.capture === this.capture);
  }

  /** Takes the pointer, or gives it back. */
  turn(on) {
    const { viewer } = this;
    viewer.capture = on ? this.capture : null;
    viewer.stage.classList.toggle("clicks", on);
    this.set(this.mode);
    viewer.stage.setAttribute("aria-describedby", on ? "sam-keys" : "stage-keys");
    this.crosshair = this.corner = this.drag = this.tap = this.pan = null;
    viewer.draw("masks", "marks");
  }

  /** Draws another prompt from now on. */
  show(prompt) {
    this.prompt = prompt;
    this.viewer.draw("marks");
  }

  #down(event) {
    if (event.button === MIDDLE_BUTTON) return this.#grab(event);
    if (event.button !== 0 && event.button !== RIGHT_BUTTON) return false;
    this.crosshair = this.corner = null;
    const start = { id: event.pointerId, x: event.clientX, y: event.clientY, positive: this.#positive(event) };
    // A finger pans and, with a second one, zooms: only one that stays has tapped.
    if (event.pointerType === "touch" && this.mode !== "box") {
      this.tap = event.isPrimary ? start : null;
      return false;
    }
    if (this.drag) return true;
    this.viewer.stage.setPointerCapture(event.pointerId);
    this.drag = { ...start, from: this.#place(event), box: null };
    return true;
  }

  #grab(event) {
    event.preventDefault(); // of the browser's own scrolling
    this.viewer.stage.setPointerCapture(event.pointerId);
    this.pan = event;
    return true;
  }

  #positive(event) {
    return this.mode !== "negative" && event.button !== RIGHT_BUTTON && !event.shiftKey && !event.ctrlKey;
  }

  #move(event) {
    if (this.pan?.pointerId === event.pointerId) {
      this.viewer.panBy(event.clientX - this.pan.clientX, event.clientY - this.pan.clientY);
      this.pan = event;
      return true;
    }
    if (this.tap?.id === event.pointerId && distance(this.tap, event) > TAP) this.tap = null;
    if (this.drag?.id !== event.pointerId) return false;
    const far = this.drag.box || distance(this.drag, event) > TAP;
    this.drag.box = far ? this.#between(this.drag.from, this.#place(event)) : null;
    this.viewer.draw("marks");
    return true;
  }

  #up(event) {
    if (this.pan?.pointerId === event.pointerId) {
      this.pan = null;
      return true;
    }
    if (this.tap?.id === event.pointerId) {
      if (event.type === "pointerup") this.#point(this.#place(event), this.tap.positive);
      this.tap = null;
    }
    if (this.drag?.id !== event.pointerId) return false;
    const { box, positive } = this.drag;
    this.drag = null;
    this.viewer.draw("marks");
    if (event.type === "pointercancel") return true;
    if (box) this.#box(box);
    else if (this.mode !== "box") this.#point(this.#place(event), positive);
    return true;
  }

  #key(event) {
    const arrow = ARROWS[event.key];
    const undoes = event.key === "Backspace" || (event.key === "z" && (event.ctrlKey || event.metaKey));
    if (undoes) this.tell.undo();
    else if (event.ctrlKey || event.metaKey || event.altKey) return false;
    else if (arrow && !event.shiftKey) this.#step(arrow);
    else if (event.key === "k") this.tell.keep();
    else if (event.key === "Enter") this.#enter(!event.shiftKey && this.mode !== "negative");
    else if (event.key === "b" || (event.key === "Escape" && this.corner)) this.#corner(event.key === "b");
    else if (event.key === "Escape" && this.crosshair) this.crosshair = null;
    else return false;
    this.viewer.draw("marks");
    return true;
  }

  /** Moves the crosshair, which comes up in the middle of what is seen, and the photo where it would leave the stage. */
  #step([dx, dy]) {
    const { viewer } = this;
    if (!this.crosshair) this.crosshair = this.#middle();
    else {
      const step = STEP / viewer.view.scale;
      this.crosshair = this.#clamped([this.crosshair[0] + dx * step, this.crosshair[1] + dy * step]);
    }
    const [x, y] = viewer.toStage(...this.crosshair);
    const { clientWidth, clientHeight } = viewer.stage;
    viewer.panBy(Math.max(0, NEAR - x) - Math.max(0, x - clientWidth + NEAR), Math.max(0, NEAR - y) - Math.max(0, y - clientHeight + NEAR));
    this.tell.say(`Crosshair at x ${Math.round(this.crosshair[0])}, y ${Math.round(this.crosshair[1])}`);
  }

  #enter(positive) {
    if (this.mode === "box" || this.corner) this.#corner(true);
    else if (this.crosshair) this.#point(this.crosshair, positive);
    else this.#step([0, 0]);
  }

  /** Begins a box at the crosshair, or ends it there; gives it up without `go`. */
  #corner(go) {
    this.crosshair ??= this.#middle();
    if (go && this.corner) this.#box(this.#between(this.corner, this.crosshair));
    const begins = go && !this.corner;
    this.corner = begins ? this.crosshair : null;
    if (begins) this.tell.say("A corner of the box is set; move on and press B again.");
  }

  #point([x, y], positive) {
    const { width, height } = this.viewer;
    if (x < 0 || y < 0 || x >= width || y >= height) return;
    this.tell.add({ point: [rounded(x), rounded(y)], positive });
  }

  #box(box) {
    if (box[2] - box[0] >= 1 && box[3] - box[1] >= 1) this.tell.add({ box: box.map(rounded) });
  }

  #between(one, other) {
    const [[x1, y1], [x2, y2]] = [this.#clamped(one), this.#clamped(other)];
    return [Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2)];
  }

  #place(event) {
    return this.viewer.toImage(event.clientX, event.clientY);
  }

  #middle() {
    const { left, top, width, height } = this.viewer.stage.getBoundingClientRect();
    return this.#clamped(this.viewer.toImage(left + width / 2, top + height / 2));
  }

  #clamped([x, y]) {
    const { width, height } = this.viewer;
    return [Math.min(Math.max(0, x), width), Math.min(Math.max(0, y), height)];
  }

  /** Draws boxes, points and the crosshair, as a layer of the viewer does. */
  draw(context) {
    if (this.viewer.capture !== this.capture) return;
    const making = this.corner && this.crosshair ? this.#between(this.corner, this.crosshair) : null;
    for (const box of [this.prompt?.box, this.drag?.box, making]) if (box) this.#drawBox(context, box);
    for (const { point, positive } of this.prompt?.points ?? []) this.#drawPoint(context, point, positive);
    if (this.crosshair) this.#drawCrosshair(context);
  }

  #drawBox(context, [x1, y1, x2, y2]) {
    const [left, top] = this.viewer.toStage(x1, y1);
    const [right, bottom] = this.viewer.toStage(x2, y2);
    twice(context, 1.5, (dashed) => {
      context.setLineDash(dashed ? [6, 5] : []);
      context.strokeRect(left, top, right - left, bottom - top);
      context.setLineDash([]);
    });
  }

  /** White with a plus on the object, black with a minus beside it: they differ without colours, too. */
  #drawPoint(context, point, positive) {
    const [x, y] = this.viewer.toStage(...point);
    const [ground, ink] = positive ? ["#ffffff", "#000000"] : ["#000000", "#ffffff"];
    context.beginPath();
    context.arc(x, y, RADIUS, 0, 2 * Math.PI);
    context.fillStyle = ground;
    context.fill();
    context.lineWidth = 1.5;
    context.strokeStyle = ink;
    context.stroke();
    context.fillStyle = ink;
    context.fillRect(x - 4, y - 1, 8, 2);
    if (positive) context.fillRect(x - 1, y - 4, 2, 8);
  }

  #drawCrosshair(context) {
    const [x, y] = this.viewer.toStage(...this.crosshair);
    const [gap, arm] = [5, 18];
    twice(context, 2, () => {
      context.beginPath();
      for (const [dx, dy] of Object.values(ARROWS)) {
        context.moveTo(x + dx * gap, y + dy * gap);
        context.lineTo(x + dx * arm, y + dy * arm);
      }
      context.stroke();
    });
  }
}

/** Draws a line in black with a white one on top: it is seen on every photo. */
function twice(context, width, draw) {
  context.lineWidth = width + 2;
  context.strokeStyle = "#000000";
  draw(false);
  context.lineWidth = width;
  context.strokeStyle = "#ffffff";
  draw(true);
}

function distance(start, event) {
  return Math.hypot(event.clientX - start.x, event.clientY - start.y);
}

/** To tenths of a pixel. */
function rounded(value) {
  return Math.round(value * 10) / 10;
}
