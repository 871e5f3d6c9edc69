// The class filter: which of the model's classes the server answers with.

import { element } from "./dom.js";

const SEARCHED = 12; // classes from which on there is a search field

/** Fills `root` with a list of the model's classes to choose from. */
export function mountClasses(root, app) {
  const summary = element("summary");
  const search = element("input", { type: "search", "aria-label": "Search classes", placeholder: "Search classes" });
  const list = element("div", { class: "classes", role: "group", "aria-label": "Only these classes" });
  const all = element("button", {
    type: "button",
    class: "link",
    text: "All classes",
    onclick: () => app.set({ class_filter: null }),
  });
  const details = element(
    "details",
    { class: "stack" },
    summary,
    element("div", { class: "field" }, search),
    list,
    all,
  );
  root.append(details);
  let labels = "";

  function build() {
    const names = app.facts?.model?.labels ?? [];
    root.hidden = names.length < 2;
    if (names.join("\n") === labels) return;
    labels = names.join("\n");
    search.parentElement.hidden = names.length < SEARCHED;
    list.replaceChildren(
      ...names.map((name) =>
        element(
          "label",
          { "data-name": name },
          element("input", { type: "checkbox", value: name, onchange: choose }),
          name,
        ),
      ),
    );
  }

  function choose() {
    const chosen = [...list.querySelectorAll("input:checked")].map(({ value }) => value);
    app.set({ class_filter: chosen.length ? chosen : null });
  }

  function update() {
    const filter = app.options.class_filter;
    summary.textContent = filter
      ? `Only ${filter.length > 3 ? `${filter.length} classes` : filter.join(", ")}`
      : "Only some classes: all so far";
    all.hidden = !filter;
    for (const input of list.querySelectorAll("input")) input.checked = filter?.includes(input.value) ?? false;
  }

  search.addEventListener("input", () => {
    const sought = search.value.trim().toLowerCase();
    for (const label of list.children) label.hidden = !label.dataset.name.toLowerCase().includes(sought);
  });
  app.on("facts", () => {
    build();
    update();
  });
  app.on("options", update);
}
