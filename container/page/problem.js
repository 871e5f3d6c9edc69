// Errors as notes, in the server's own words, with what to do.

import { element, icon } from "./dom.js";

/**
 * A note about an error.
 * @param {{message: string, hint?: string, status?: number}} error
 * @param {...Node} actions such as a button that tries again
 */
export function problemNote({ message, hint, status }, ...actions) {
  const waits = status === 503 || status === 0;
  const words = element(
    "div",
    { class: "words" },
    element("strong", { text: sentence(message) }),
    hint ? element("div", { text: sentence(hint) }) : null,
  );
  return element("div", { class: `note row ${waits ? "warn" : "error"}` }, icon("warning"), words, ...actions);
}

/** The server's words with a capital and a full stop. */
export function sentence(words) {
  const begun = /^[a-z]+[ ,:;]/.test(words) ? words.charAt(0).toUpperCase() + words.slice(1) : words; // names stay as they are
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}
