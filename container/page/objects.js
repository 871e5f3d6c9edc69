// What was found: a legend of classes with switches, and a list of every object with class, score and position.

import { colorOfClass } from "./colors.js";
import { element, percent, swatch } from "./dom.js";

/** Fills the section; the list and the photo single out the same object. */
export function mount(root, app) {
  const legend = element("div", { class: "legend" });
  const list = element("ul", { class: "list", role: "listbox", tabindex: "0", "aria-label": "Objects", id: "list" });
  const heading = element("h3", { text: "Classes" });
  const listHeading = element("h3", { text: "Objects" });
  root.append(heading, legend, listHeading, list);
  let rows = [];

  /** One row an object of the answer; those that are not shown are hidden. */
  function build() {
    rows = app.objects.map((object) => {
      const square = swatch(object.color);
      const row = element(
        "li",
        { class: "found", role: "option", id: `object-${object.index}`, "aria-selected": "false" },
        app.kind === "classification" ? element("span") : square,
        element("span", { class: "name", text: object.label }),
        element("span", { class: "score", text: percent(object.score) }),
        app.kind === "classification" ? bar(object.score) : element("span", { class: "place", text: placeOf(object) }),
      );
      row.addEventListener("pointerenter", (event) => event.pointerType !== "touch" && app.point(object.index));
      row.addEventListener("pointerleave", () => app.point(null));
      row.addEventListener("click", () => app.select(app.pinned === object.index ? null : object.index));
      return { row, square, object };
    });
    list.replaceChildren(...rows.map(({ row }) => row));
    drawLegend();
  }

  function placeOf({ box: [x1, y1, x2, y2], area }) {
    const [width, height] = [Math.round(x2 - x1), Math.round(y2 - y1)];
    const share = app.kind === "semantic" && app.photo?.width ? `, ${percent(area / imageArea())} of the photo` : "";
    return `${width} × ${height} px at x ${Math.round(x1)}, y ${Math.round(y1)}${share}`;
  }

  function imageArea() {
    const runs = app.objects.find((object) => object.runs)?.runs;
    return runs ? runs.width * runs.height : app.photo.width * app.photo.height;
  }

  function drawLegend() {
    const classes = new Map();
    for (const object of app.objects) {
      if (!app.asksConfidence && object.score < app.confidence) continue;
      const one = classes.get(object.label) ?? { label: object.label, classId: object.classId, count: 0, area: 0 };
      one.count += 1;
      one.area += object.area;
      classes.set(object.label, one);
    }
    const sorted = [...classes.values()].sort((a, b) => b.count - a.count || b.area - a.area);
    const focused = document.activeElement?.dataset?.label;
    legend.replaceChildren(...sorted.map(classRow));
    if (focused) legend.querySelector(`[data-label="${CSS.escape(focused)}"]`)?.focus();
    heading.hidden = legend.hidden = !sorted.length || app.kind === "classification";
    listHeading.textContent = app.kind === "classification" ? "Classes" : "Objects";
  }

  function classRow({ label, classId, count, area }) {
    const on = !app.off.has(label);
    const input = element("input", { type: "checkbox", role: "switch", checked: on, "data-label": label });
    input.addEventListener("change", () => app.switchClass(label, input.checked));
    const amount = app.kind === "semantic" ? percent(area / imageArea()) : String(count);
    return element(
      "label",
      { class: "switch" },
      input,
      swatch(app.facts?.palettes?.class.length ? colorOfClass(classId, app.facts.palettes) : "#808080"),
      element("span", { text: label }),
      element("span", { class: "muted", text: amount }),
    );
  }

  function update() {
    list.hidden = listHeading.hidden = !app.shown().length;
    for (const { row, square, object } of rows) {
      row.hidden = !app.isShown(object);
      row.setAttribute("aria-selected", String(object.index === app.selected));
      square.style.background = object.color;
    }
    const { selected } = app;
    if (selected === null) list.removeAttribute("aria-activedescendant");
    else list.setAttribute("aria-activedescendant", `object-${selected}`);
    if (app.pinned !== null && app.pinned === selected) rows[selected]?.row.scrollIntoView?.({ block: "nearest" });
  }

  list.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const shown = app.shown();
    if (by) app.step(by);
    else if (event.key === "Home") app.select(shown[0]?.index ?? null);
    else if (event.key === "End") app.select(shown.at(-1)?.index ?? null);
    else if (event.key === "Escape") app.select(null);
    else return;
    event.preventDefault();
  });

  app.on("answer", () => {
    build();
    update();
  });
  app.on("options", drawLegend);
  app.on("view", update);
}

/** A bar as long as the score. */
function bar(score) {
  const length = element("span");
  length.style.width = `${score * 100}%`;
  return element("span", { class: "measure", "aria-hidden": "true" }, length);
}
