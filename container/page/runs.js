// The page of datasets and model runs begins here: which run is shown, and what keeps it from being shown.

import { api } from "./api.js";
import { byId, element } from "./dom.js";
import { showFigures } from "./figures.js";
import { each, ended, evaluate, get, newestEvaluation } from "./nucleus.js";
import { problemNote } from "./problem.js";

const COMPARING = "The run is being compared with the ground truth…";
const NAMED = 100; // runs of a dataset whose names are asked for, the newest
let palettes = null;
let asking = new AbortController(); // whatever is asked for what is chosen now

/** Begins something else: what was being asked before is given up. */
function begin(words) {
  asking.abort();
  asking = new AbortController();
  byId("problem").replaceChildren();
  byId("result").replaceChildren();
  say(words);
  return asking.signal;
}

/** Says how far it is; `aside` to screen readers only, where the page shows it. */
function say(words, aside = false) {
  byId("status").textContent = words;
  byId("status").classList.toggle("unseen", aside);
}

/** Does it, and says what it returns; an error is told, with a button that does it again. */
async function attempt(words, act) {
  const signal = begin(words);
  try {
    const told = await act(signal);
    if (!signal.aborted) say(told ?? "", true);
  } catch (error) {
    if (signal.aborted) return;
    say("");
    const { message, status } = error;
    const hint = status === 0 ? "It may be stopped or starting again." : error.hint;
    const again = status === 501 ? [] : [button("Try again", () => attempt(words, act))];
    byId("problem").replaceChildren(problemNote({ message, hint, status }, ...again));
  }
}

function button(text, onclick, kind = "") {
  return element("button", { type: "button", class: `button ${kind}`, text, onclick });
}

/** Lists the datasets, and goes on with the one that the address names, or the newest. */
async function showDatasets(signal) {
  ({ palettes } = await api.json("page/facts", { signal }));
  const datasets = (await get(["dataset", "details"], signal)).reverse();
  byId("pickers").hidden = !datasets.length;
  if (!datasets.length) {
    byId("result").replaceChildren(emptyStore());
    return "The store is empty";
  }
  const [wanted, run] = location.hash.slice(1).split("/").map(decodeURIComponent);
  fill(byId("dataset"), datasets, ({ id, name }) => [id, name], wanted);
  return showDataset(run);
}

/** Lists the runs of the chosen dataset, and goes on with one of them. */
function showDataset(wanted = "") {
  return attempt("Reading runs…", async (signal) => {
    const dataset = byId("dataset").value;
    byId("run").replaceChildren();
    note(dataset, "");
    const ids = (await get(["dataset", dataset, "model_runs"], signal)).reverse();
    byId("run").disabled = !ids.length;
    if (!ids.length) {
      byId("result").replaceChildren(noRuns());
      return "This dataset has no runs";
    }
    const named = await each(ids.slice(0, NAMED), (id) => get(["modelRun", id, "info"], signal));
    const names = new Map(named.map((one) => [one.model_run_id, called(one)]));
    fill(byId("run"), ids, (id) => [id, names.get(id) ?? id], wanted);
    return showRun();
  });
}

const called = ({ name, model_name }) => (name === model_name ? name : `${name}, ${model_name}`);

/** Shows the figures of the chosen run, as far as they have been computed. */
function showRun() {
  const [dataset, run] = [byId("dataset").value, byId("run").value];
  note(dataset, run);
  return attempt("Reading figures…", async (signal) => {
    const found = await newestEvaluation(run, signal);
    if (!found) {
      byId("result").replaceChildren(notEvaluated(run));
      return "This run has not been evaluated";
    }
    return showEvaluation(found, signal);
  });
}

function compute(run) {
  return attempt(COMPARING, async (signal) => showEvaluation(await evaluate(run, signal), signal));
}

async function showEvaluation(found, signal) {
  const [dataset, run] = [byId("dataset").value, byId("run").value];
  if (found.status !== "succeeded") say(COMPARING);
  const one = await ended(found, signal);
  if (one.status === "succeeded") {
    const again = button("Compute again", () => compute(run), "quiet");
    return showFigures(byId("result"), { evaluation: one, dataset, run, palettes, signal }, again);
  }
  const message = one.error_message ?? `The evaluation is ${one.status}`;
  byId("problem").replaceChildren(problemNote({ message }, button("Compute again", () => compute(run))));
  return "";
}

function fill(select, values, read, wanted) {
  select.replaceChildren(
    ...values.map((one) => {
      const [value, text] = read(one);
      return element("option", { value, text, selected: value === wanted });
    }),
  );
}

/** Keeps what is chosen in the address, so that it can be sent and reloaded. */
function note(...ids) {
  history.replaceState(null, "", `#${ids.filter(Boolean).map(encodeURIComponent).join("/")}`);
}

function notEvaluated(run) {
  return element(
    "section",
    { class: "stack" },
    element("h2", { text: "This run has not been evaluated" }),
    element("p", { text: "Its predictions are compared with the ground truth of all items of its datasets." }),
    element("div", {}, button("Compute", () => compute(run), "primary")),
  );
}

function noRuns() {
  return element(
    "section",
    { class: "stack" },
    element("h2", { text: "This dataset has no runs" }),
    element("p", { text: "Upload what a model predicts on its items, for example with Scale's client:" }),
    element("pre", { class: "code", tabindex: 0, text: `${client()}\n${known()}\n${upload()}` }),
  );
}

function emptyStore() {
  return element(
    "section",
    { class: "stack" },
    element("h2", { text: "The store is empty" }),
    element("p", { text: "Upload items, their ground truth and what a model predicts, for example with Scale's client:" }),
    element("pre", { class: "code", tabindex: 0, text: `${client()}\n${create()}\n${upload()}` }),
    element(
      "p",
      {},
      "The chapters docs/nucleus.md and docs/evaluation.md say more; ",
      element("a", { href: "../docs", text: "the API" }),
      " lists all routes.",
    ),
  );
}

function client() {
  const [imports, key] = api.key() ? ["import os\n\n", 'os.environ["MASKSERVE_API_KEY"]'] : ["", '"any"'];
  return `# pip install scale-nucleus
${imports}import nucleus

client = nucleus.NucleusClient(api_key=${key}, endpoint="${api.url("v1/nucleus")}")`;
}

const known = () => `dataset = client.get_dataset("${byId("dataset").value}")`;

const create = () => `dataset = client.create_dataset("streets", is_scene=False)
dataset.append([nucleus.DatasetItem("s3://pictures/1.jpg", reference_id="1")]).sleep_until_complete()
dataset.annotate([nucleus.BoxAnnotation("car", 10, 20, 30, 40, "1", annotation_id="truth 1")])`;

const upload = () => `model = client.create_model("My Model", reference_id="my-model-1")
found = nucleus.BoxPrediction("car", 11, 21, 30, 40, "1", confidence=0.9, annotation_id="found 1")
dataset.upload_predictions(model, [found])`;

byId("dataset").addEventListener("change", () => showDataset());
byId("run").addEventListener("change", showRun);
addEventListener("hashchange", () => attempt("Asking the server…", showDatasets));
attempt("Asking the server…", showDatasets);
