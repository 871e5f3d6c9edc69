// The panel's tabs: those of parts that make sense with this server.

import { byId, element } from "./dom.js";

/** By the id of a tab's section: does it make sense with this server? */
const OFFERED = {
  objects: (app) => !app.clicked,
  display: (app) => !app.clicked,
  take: (app) => !app.clicked,
  sam: (app) => Boolean(app.facts?.sam?.length),
  workflows: (app) => Boolean(app.facts?.workflows),
};

/** Tabs that are not about the model's answer, which is not summed up over them. */
const APART = ["sam", "workflows"];

/** Fills the tab list with the sections that have `data-tab`, and shows one of them; app.tab is its id. */
export function mount(list, app) {
  const sections = [...document.querySelectorAll("section[data-tab]")];
  const tabs = sections.map((section) => {
    const tab = element("button", {
      type: "button",
      role: "tab",
      id: `tab-${section.id}`,
      "aria-controls": section.id,
      text: section.dataset.tab,
      onclick: () => show(section.id),
    });
    section.setAttribute("role", "tabpanel");
    section.setAttribute("aria-labelledby", tab.id);
    list.append(tab);
    return tab;
  });

  function show(id) {
    app.tab = id;
    byId("answer").hidden = Boolean(app.photo) && APART.includes(id);
    list.hidden = !app.photo; // without a photo there is nothing to do in any of them
    sections.forEach((section, i) => {
      const chosen = section.id === id;
      section.hidden = !chosen || !app.photo;
      tabs[i].setAttribute("aria-selected", String(chosen));
      tabs[i].tabIndex = chosen ? 0 : -1;
    });
    app.tell("tab");
  }

  function offer() {
    sections.forEach((section, i) => {
      tabs[i].hidden = !OFFERED[section.id](app);
    });
    const seen = tabs.findIndex((tab, i) => !tab.hidden && sections[i].id === app.tab);
    if (seen < 0) show(sections[tabs.findIndex((tab) => !tab.hidden)]?.id ?? sections[0].id);
  }

  list.addEventListener("keydown", (event) => {
    const seen = tabs.filter((tab) => !tab.hidden);
    const at = seen.indexOf(document.activeElement);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: seen.length - 1 }[event.key];
    if (next === undefined || at < 0) return;
    event.preventDefault();
    const tab = seen[(next + seen.length) % seen.length];
    tab.focus();
    tab.click();
  });

  app.on("facts", offer);
  app.on("photo", () => show(app.tab));
  app.tab = sections[0].id;
  offer();
  show(app.tab);
}
