// What the store is asked, over the same routes that Scale's client uses.

import { api } from "./api.js";

const ROOT = "v1/nucleus";
const UNFINISHED = ["pending", "computing"];
const POLL = 700; // ms
const AT_ONCE = 6; // requests

/** The JSON of a route; the parts of its path may hold any letters. @throws {import("./api.js").ApiError} */
export function get(parts, signal) {
  return api.json(path(parts), { signal });
}

/** As `get`, with a document. */
export function post(parts, document, signal) {
  const headers = { "Content-Type": "application/json" };
  return api.json(path(parts), { method: "POST", headers, body: JSON.stringify(document), signal });
}

/** The newest evaluation of a run on its own datasets, and not on a benchmark; null if there is none. */
export async function newestEvaluation(runId, signal) {
  const all = await get(["modelRun", runId, "evaluationsV2"], signal);
  const own = all.filter(({ benchmark_id }) => benchmark_id === null);
  return own.find(({ status }) => ["succeeded", ...UNFINISHED].includes(status)) ?? own[0] ?? null;
}

/** The evaluation, once it has ended, whichever way. */
export async function ended(evaluation, signal) {
  let one = evaluation;
  while (UNFINISHED.includes(one.status)) {
    await pause(POLL, signal);
    one = await get(["evaluationsV2", one.id], signal);
  }
  return one;
}

/** Starts an evaluation of a run. */
export async function evaluate(runId, signal) {
  const { evaluation_id } = await post(["modelRun", runId, "evaluationsV2"], {}, signal);
  return get(["evaluationsV2", evaluation_id], signal);
}

/** The answers for all values, in their order, of a few requests at once. */
export async function each(values, ask) {
  const answers = new Array(values.length);
  let next = 0;
  const work = async () => {
    while (next < values.length) {
      const place = next++;
      answers[place] = await ask(values[place]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return answers;
}

/**
 * The address of a picture as this page reaches it; the server writes it with the host that it knows, which a proxy may
 * hide. Its signature stands for the key.
 */
export function pictureUrl(processedUrl) {
  const { pathname, search } = new URL(processedUrl);
  return api.url(pathname.slice(pathname.indexOf(`${ROOT}/`)) + search);
}

const path = (parts) => `${ROOT}/${parts.map(encodeURIComponent).join("/")}`;

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
