// Pointer, wheel and keys on the photo: what they single out, and how they zoom and pan.

const STEP = 1.3; // of a button or a key
const PAN = 60; // CSS pixels of a key
const TAP = 6; // CSS pixels: who moves less has tapped

/** Listens on the viewer's stage and on the zoom buttons. */
export function mount(viewer, app, buttons) {
  const { stage } = viewer;
  const pointers = new Map();
  let moved = 0;

  const inStage = ({ clientX, clientY }) => {
    const { left, top } = stage.getBoundingClientRect();
    return [clientX - left, clientY - top];
  };

  stage.addEventListener("pointerdown", (event) => {
    if (viewer.capture?.down?.(event)) return;
    if (event.button !== 0) return;
    pointers.set(event.pointerId, event);
    moved = pointers.size > 1 ? Infinity : 0;
    stage.setPointerCapture(event.pointerId);
  });

  stage.addEventListener("pointermove", (event) => {
    if (viewer.capture?.move?.(event)) return;
    const before = pointers.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch" && !viewer.capture) app.point(viewer.hit(event.clientX, event.clientY));
      return;
    }
    pointers.set(event.pointerId, event);
    const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
    moved += Math.hypot(dx, dy);
    if (pointers.size === 1 && moved > TAP) viewer.panBy(dx, dy);
    if (pointers.size === 2) pinch(event, before);
  });

  /** Two fingers: the zoom follows their distance, the photo their middle. */
  function pinch(event, before) {
    const other = [...pointers.values()].find(({ pointerId }) => pointerId !== event.pointerId);
    const distance = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
    const [x, y] = inStage({
      clientX: (event.clientX + other.clientX) / 2,
      clientY: (event.clientY + other.clientY) / 2,
    });
    viewer.panBy((event.clientX - before.clientX) / 2, (event.clientY - before.clientY) / 2);
    viewer.zoomBy(distance(event) / distance(before), x, y);
  }

  const end = (event) => {
    if (viewer.capture?.up?.(event)) return;
    if (!pointers.delete(event.pointerId) || event.type === "pointercancel" || moved > TAP || viewer.capture) return;
    const hit = viewer.hit(event.clientX, event.clientY);
    app.select(hit === app.pinned ? null : hit);
  };
  stage.addEventListener("pointerup", end);
  stage.addEventListener("pointercancel", end);
  stage.addEventListener("pointerleave", (event) => {
    viewer.capture?.leave?.(event);
    if (!pointers.size) app.point(null);
  });
  stage.addEventListener("contextmenu", (event) => viewer.capture && event.preventDefault());
  stage.addEventListener("dblclick", (event) => !viewer.capture && viewer.zoomBy(2, ...inStage(event)));

  stage.addEventListener(
    "wheel",
    (event) => {
      // Where the page itself scrolls, the wheel goes on doing so, unless Ctrl says otherwise.
      const scrolls = document.documentElement.scrollHeight > window.innerHeight + 1;
      if (!app.photo || (scrolls && !event.ctrlKey)) return;
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      viewer.zoomBy(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0015)), ...inStage(event));
    },
    { passive: false },
  );

  const keys = {
    "+": () => viewer.zoomBy(STEP),
    "=": () => viewer.zoomBy(STEP),
    "-": () => viewer.zoomBy(1 / STEP),
    0: () => viewer.fit(),
    Escape: () => app.select(null),
    Home: () => app.select(app.shown()[0]?.index ?? null),
    End: () => app.select(app.shown().at(-1)?.index ?? null),
  };
  const arrows = { ArrowRight: [1, 0], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowUp: [0, -1] };
  stage.addEventListener("keydown", (event) => {
    if (viewer.capture?.key?.(event)) {
      event.preventDefault();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || !app.photo) return;
    const arrow = arrows[event.key];
    if (arrow && event.shiftKey) viewer.panBy(-arrow[0] * PAN, -arrow[1] * PAN);
    else if (arrow) app.step(arrow[0] + arrow[1]);
    else if (keys[event.key]) keys[event.key]();
    else return;
    event.preventDefault();
  });

  buttons.plus.addEventListener("click", () => viewer.zoomBy(STEP));
  buttons.minus.addEventListener("click", () => viewer.zoomBy(1 / STEP));
  buttons.fit.addEventListener("click", () => viewer.fit());
}
