// The dialog that asks for the API key, where the server wants one.

import { byId } from "./dom.js";

let asking = null;

/**
 * The key that is typed in; several requests that need one share the dialog.
 * @param {boolean} refused whether a key was sent and the server does not know it
 * @returns {Promise<string>}
 */
export function askForKey(refused) {
  asking ??= open(refused).finally(() => {
    asking = null;
  });
  return asking;
}

function open(refused) {
  const dialog = byId("key");
  const field = byId("key-field");
  const problem = byId("key-problem");
  problem.textContent = refused ? "The server does not know this key." : "";
  problem.hidden = !refused;
  field.value = "";
  field.setAttribute("aria-invalid", String(refused));
  dialog.showModal();
  field.focus();
  return new Promise((resolve) => {
    const form = dialog.querySelector("form");
    const done = (event) => {
      event.preventDefault();
      if (!field.value.trim()) return;
      form.removeEventListener("submit", done);
      dialog.removeEventListener("cancel", stay);
      dialog.close();
      resolve(field.value.trim());
      field.value = "";
    };
    // Without a key the page can do nothing: Escape does not close the dialog.
    const stay = (event) => event.preventDefault();
    form.addEventListener("submit", done);
    dialog.addEventListener("cancel", stay);
  });
}
