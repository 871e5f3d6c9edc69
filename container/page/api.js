// Requests to this server: their addresses, the key of this tab, and errors in the server's own words.

import { askForKey } from "./key.js";

const STORED = "maskserve-key"; // in sessionStorage: forgotten with the tab
// The page's own address may hold a key as a user name, and scripts may not fetch such addresses.
const BASE = location.origin + location.pathname.replace(/page\/[^/]*$/, "");

/**
 * What the server, or the way to it, says against a request; `status` is 0 where there was no answer at all, `document`
 * the JSON of the answer, or null.
 */
export class ApiError extends Error {
  constructor({ status, code, message, hint = "", retryAfter = null, document = null }) {
    super(message);
    Object.assign(this, { status, code, hint, retryAfter, document });
  }
}

export const api = {
  /** The whole address of a path of this server, such as "invocations". */
  url(path) {
    return new URL(path, BASE).href;
  },

  /** The key of this tab, else the one in the page's own address, else "". */
  key() {
    return sessionStorage.getItem(STORED) ?? decodeURIComponent(new URL(document.URL).username);
  },

  /**
   * Sends a request and gives its Response; a key is asked for where one is needed, and the request sent again.
   * @param {string} path relative to the server's root
   * @param {{method?: string, headers?: Object<string, string>, body?: BodyInit, signal?: AbortSignal}} [options]
   * @returns {Promise<Response>}
   * @throws {ApiError} for answers that are errors, and where there is no answer; AbortError where `signal` says so
   */
  async request(path, options = {}) {
    for (;;) {
      const key = api.key();
      const response = await send(path, options, key);
      if (response.ok) return response;
      const error = await readError(response);
      if (error.status !== 401) throw error;
      // Another request may have been told the key meanwhile.
      if (api.key() === key) sessionStorage.setItem(STORED, await askForKey(key !== ""));
    }
  },

  /** As `request`, but gives the answer's JSON. */
  async json(path, options = {}) {
    return (await api.request(path, options)).json();
  },
};

async function send(path, options, key) {
  const headers = new Headers(options.headers);
  headers.set("X-Requested-With", "fetch"); // else a browser asks for the key itself, as a name and a password
  if (key) headers.set("X-Api-Key", key);
  try {
    return await fetch(api.url(path), { ...options, headers, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError({
      status: 0,
      code: "no_answer",
      message: "The server does not answer.",
      hint: "It may be stopped or starting again. The page asks again by itself.",
    });
  }
}

/** The error of a response, whichever of the protocols wrote it. */
async function readError(response) {
  const text = await response.text();
  let said = {};
  let document = null;
  try {
    document = JSON.parse(text);
    const inner = document.error ?? document;
    said = typeof inner === "object" ? inner : { message: String(inner) };
  } catch {
    // A proxy's page, say: its words are not for this page.
  }
  const after = Number(response.headers.get("Retry-After"));
  return new ApiError({
    status: response.status,
    code: said.code ?? "",
    message: said.message ?? said.Message ?? said.detail ?? `The answer was ${response.status} ${response.statusText}.`,
    hint: said.hint ?? "",
    retryAfter: after > 0 ? after : null,
    document,
  });
}
