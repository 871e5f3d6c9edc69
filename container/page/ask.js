// A photo to the server and its answer back; waits while a model loads and while the server is gone.

import { readFacts, readObjects, readStages } from "./answer.js";
import { api, ApiError } from "./api.js";
import { debounced } from "./dom.js";
import { ATTRIBUTES, invocation } from "./invocation.js";

const AGAIN = 2; // seconds until the server is asked again, where it does not say itself
const WORKFLOW = "This server answers photos with a workflow in place of a model.";
const LOADING = "The model is loading.";
const SETTLE = 250; // ms without another change before a question is sent

/** Asks for facts, and about each photo that has no answer to what is asked now. */
export function mount(app) {
  let running = null;

  async function loadFacts() {
    const query = app.modelName ? `?model=${encodeURIComponent(app.modelName)}` : "";
    app.facts = await api.json(`page/facts${query}`);
    if (app.facts.models?.length && !app.modelName) app.modelName = app.facts.models[0].name;
    app.tell("facts");
    if (app.facts.state === "loading")
      throw new ApiError({ status: 503, code: "loading", message: app.facts.message || LOADING, retryAfter: 1 });
  }

  /** Asks about the current photo, unless that is answered. */
  async function ask() {
    running?.abort();
    const photo = app.photo;
    if (!photo) return;
    const control = new AbortController();
    running = control;
    try {
      await patiently(async () => {
        // While the model loads, the facts are not all there: they are asked for until they are.
        if (!app.facts?.model) await loadFacts();
        if (app.clicked) return;
        if (app.facts.workflow) throw Object.assign(new Error(WORKFLOW), { hint: "The tab Workflows runs these." });
        await answer(photo, control.signal);
        // A model of several may be loaded by the request, and its facts not be known before.
        if (!app.facts.model) {
          await loadFacts();
          if (app.facts.model) await answer(photo, control.signal);
        }
      }, control.signal);
      photo.error = null;
      app.paint();
    } catch (error) {
      if (error.name === "AbortError") return;
      photo.error = error;
      photo.answer = null;
    }
    if (running === control) {
      running = null;
      app.wait("");
      app.fail(photo.error);
      app.tell("answer");
      app.tell("view");
      app.tell("photos");
    }
  }

  async function answer(photo, signal) {
    const question = JSON.stringify(app.question()) + app.invoke;
    if (photo.answer?.question === question) return;
    app.wait(photo.answer ? "Asking again…" : "Looking for objects…");
    const begun = performance.now();
    const request = await invocation(photo, app.question(), "application/json");
    const response = await api.request(app.invoke, { ...request, signal });
    const raw = await response.json();
    const stages = readStages(response.headers.get("Server-Timing"));
    photo.answer = {
      raw,
      facts: readFacts(response.headers.get(ATTRIBUTES)),
      stages,
      took: performance.now() - begun,
      objects: readObjects(raw),
      question,
    };
  }

  /** Repeats what fails only because the server is not ready or gone. */
  async function patiently(attempt, signal) {
    let told = null;
    for (;;) {
      try {
        await attempt();
        if (told && app.error === told) app.fail(null);
        return;
      } catch (error) {
        if (![0, 503].includes(error.status) || tooLarge(error)) throw error;
        app.wait("");
        told = error;
        app.fail(error);
        await pause((error.retryAfter ?? AGAIN) * 1000, signal);
      }
    }
  }

  /** A server that refuses a body closes the connection, which looks as if it were gone. */
  function tooLarge(error) {
    const limit = app.facts?.limits?.body_bytes ?? 0;
    return error.status === 0 && limit > 0 && (app.photo?.file.size ?? 0) > limit;
  }

  app.on("ask", debounced(SETTLE, ask));
  app.on("photo", () => {
    if (app.photo && !app.photo.answer && !app.photo.error) ask();
  });
  app.ask = ask;
  app.chooseModel = async (name) => {
    app.modelName = name;
    for (const photo of app.photos) photo.answer = photo.error = null;
    app.facts = { ...app.facts, model: null };
    app.show(app.photo);
    if (!app.photo) await patiently(loadFacts, new AbortController().signal).catch((error) => app.fail(error));
  };
  patiently(loadFacts, new AbortController().signal)
    .then(() => app.photo && !app.photo.answer && app.tell("ask"))
    .catch((error) => app.fail(error));
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("", "AbortError"));
    });
  });
}
