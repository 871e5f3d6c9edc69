// What there is to know: the model and its device, what was found and how long it took, errors, empty answers, waiting.

import { byId, count, element, percent, swatch } from "./dom.js";
import { problemNote } from "./problem.js";

const LEAST = 0.01; // the confidence that an empty answer offers where nothing at all was found
const TONES = ["#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#0072b2", "#d55e00"];
const SHOWN = 12; // classes named at first

/** Fills the bar, the summary, the busy line and the problem under the photo. */
export function mount(app, viewer) {
  app.on("facts", drawModel);
  app.on("facts answer options error photo picture", drawSummary);
  app.on("facts", () => checkFacts(app));
  app.on("answer options", debouncedSay(app));
  app.on("error", () => drawProblem(app));
  app.on("busy", () => {
    byId("busy").textContent = app.busy;
  });
  viewer.stage.addEventListener("zoom", () => {
    byId("zoom-value").textContent = percent(viewer.view.scale);
  });

  function drawModel() {
    const { facts } = app;
    const { model, models } = facts;
    byId("runs-link").hidden = !facts.store;
    const several = models?.length > 1;
    const picker = several
      ? element(
          "select",
          { class: "plain", "aria-label": "Model", onchange: (event) => app.chooseModel(event.target.value) },
          ...models.map(({ name }) => element("option", { value: name, text: name, selected: name === app.modelName })),
        )
      : null;
    byId("model").replaceChildren(
      ...[picker, !several && model ? element("span", { text: model.name }) : null].filter((one) => one),
      facts.device ? element("span", { class: "chip", text: facts.device }) : "",
    );
  }

  function drawSummary() {
    const root = byId("summary");
    if (app.answer) root.replaceChildren(...found(app));
    else if (app.facts?.model) root.replaceChildren(...about(app.facts.model, app.clicked));
    else root.replaceChildren(element("p", { class: "muted", text: waitingFor(app) }));
  }
  drawSummary();
}

/** What is not there yet. */
function waitingFor({ facts, error }) {
  if (error) return "";
  return facts?.state === "loading"
    ? "The model is loading…"
    : facts
      ? "The model is loaded with the first photo."
      : "Asking the server…";
}

/** What was found, and how long it took. */
function found(app) {
  const shown = app.shown();
  const nouns = { classification: ["class", "classes"], semantic: ["class", "classes"] }[app.kind] ?? [
    "object",
    "objects",
  ];
  const title = shown.length ? `${shown.length} ${nouns[shown.length === 1 ? 0 : 1]}` : "Nothing found";
  const { name, width, height } = app.photo;
  const about = element("p", {
    class: "muted small",
    id: "about",
    text: width ? `${name}, ${width} × ${height} px` : name,
  });
  return [element("h2", { text: title }), about, shown.length ? null : empty(app), stages(app.answer)].filter(
    (one) => one,
  );
}

/** An answer without objects: why, what the model knows, and what else to try. */
function empty(app) {
  const off = app.objects.length > 0 && app.objects.every(({ label }) => app.off.has(label));
  const best = Math.max(0, ...app.objects.filter(({ label }) => !app.off.has(label)).map(({ score }) => score));
  const offered = best > 0 ? floored(best) : LEAST;
  const lower = element("button", {
    type: "button",
    class: "button",
    text: `Lower the confidence to ${offered.toFixed(2)}`,
    onclick: () => app.set({ confidence: offered }),
  });
  const wanted = app.confidence.toFixed(2);
  let words = `No object reaches a confidence of ${wanted}; the best has ${floored(best).toFixed(2)}.`;
  if (off) words = "All classes that were found are switched off.";
  else if (!best) words = `Nothing that the model knows was found, from a confidence of ${app.floor.toFixed(2)} on.`;
  const offers = !off && offered < app.confidence && (best > 0 || offered < app.floor);
  const parts = [
    element("p", { text: words }),
    offers ? element("div", {}, lower) : null,
    ...knows(app.facts.model?.labels ?? []),
  ];
  return element("div", { class: "stack" }, ...parts);
}

const floored = (score) => Math.floor(score * 100) / 100;

function about(model, clicked) {
  const facts = [
    ["Task", model.task.replaceAll("_", " ").replaceAll("-", " ")],
    ["Confidence", model.confidence?.toFixed(2)],
    ["IoU", model.iou_threshold?.toFixed(2)],
  ].filter(([, value]) => value);
  return [
    element("h2", { text: model.name }),
    element(
      "dl",
      { class: "facts" },
      ...facts.map(([name, value]) =>
        element("div", {}, element("dt", { text: name }), element("dd", { text: value })),
      ),
    ),
    ...(clicked ? [element("p", { text: "Click on an object in a photo to see its mask." })] : knows(model.labels)),
  ];
}

/** The names of the classes that the model can answer. */
function knows(labels) {
  const chips = (names) => names.map((name) => element("li", { class: "chip", text: name }));
  const list = element("ul", { class: "names" }, ...chips(labels.slice(0, SHOWN)));
  const rest = labels.length - SHOWN;
  const more = element("button", { type: "button", class: "link", text: `and ${rest} more` });
  more.addEventListener("click", () => list.replaceChildren(...chips(labels)));
  if (rest > 0) list.append(element("li", {}, more));
  return [element("h3", { text: `It knows ${labels.length === 1 ? "one class" : `${labels.length} classes`}` }), list];
}

/** A bar of the stages of the answer, with milliseconds. */
function stages({ stages: all, took }) {
  const parts = all.filter(([name, ms]) => name !== "total" && ms >= 0.05);
  const total = all.find(([name]) => name === "total")?.[1];
  const bar = element("div", { class: "stages", "aria-hidden": "true" });
  parts.forEach(([, ms], i) => {
    const part = element("span");
    part.style.flex = String(ms);
    part.style.background = TONES[i % TONES.length];
    bar.append(part);
  });
  const names = parts.map(([name, ms], i) =>
    element("span", { class: "row small" }, swatch(TONES[i % TONES.length]), `${name} ${written(ms)}`),
  );
  const whole =
    total === undefined
      ? `${written(took)} with the way there and back`
      : `${written(total)} in the server, ${written(took)} in all`;
  return element(
    "details",
    { class: "times" },
    element("summary", { text: whole }),
    bar,
    element("div", { class: "row" }, ...names),
  );
}

const written = (ms) =>
  ms < 10 ? `${ms.toFixed(1)} ms` : ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;

/** Says what keeps this server from answering photos. */
function checkFacts(app) {
  const { state, message, invoke, models } = app.facts;
  if (state === "failed")
    app.fail(
      Object.assign(new Error(message || "The model could not be loaded."), { hint: "The server's log says more." }),
    );
  else if (!invoke && !models?.length)
    app.fail(new Error("This server does not offer the routes that the page needs: /invocations."));
}

/** What went wrong, in the server's own words, with what to do. */
function drawProblem(app) {
  const { error } = app;
  const root = byId("problem");
  byId("blank").hidden = !error || !app.photo?.error || Boolean(app.photo.bitmap);
  byId("blank").textContent = app.photo ? `${app.photo.name} cannot be shown.` : "";
  // What is said already is not said again, which screen readers would read aloud.
  const words = JSON.stringify([error?.message, error?.hint, error?.status, app.notice]);
  if (words === root.dataset.words) return;
  root.dataset.words = words;
  root.replaceChildren();
  if (app.notice) root.append(element("p", { class: "note warn", text: app.notice }));
  if (!error) return;
  const again =
    error.status === 503 ? [element("span", { class: "muted", text: "The page asks again by itself." })] : [];
  root.append(problemNote(error, ...again));
}

/** Says to screen readers what was found, once the page rests. */
function debouncedSay(app) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (!app.answer) return;
      const classes = new Map();
      for (const { label } of app.shown()) classes.set(label, (classes.get(label) ?? 0) + 1);
      const words = [...classes].map(([label, number]) => `${number} ${label}`).join(", ");
      byId("live").textContent = words ? `${count(app.shown().length, "object")}: ${words}.` : "Nothing found.";
    }, 400);
  };
}
