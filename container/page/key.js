// The dialog that asks for the API key, where the server wants one.

import { element } from "./dom.js";

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
  const field = element("input", {
    id: "key-field",
    type: "password",
    autocomplete: "off",
    required: true,
    "aria-describedby": "key-problem",
    "aria-invalid": String(refused),
  });
  const problem = element("p", { class: "note error", id: "key-problem", role: "alert", hidden: !refused });
  problem.textContent = refused ? "The server does not know this key." : "";
  return new Promise((resolve) => {
    const done = (event) => {
      event.preventDefault();
      const key = field.value.trim();
      if (!key) return;
      dialog.close();
      dialog.remove();
      resolve(key);
    };
    const form = element(
      "form",
      { class: "stack", onsubmit: done },
      element("h2", { id: "key-title", text: "This server asks for a key" }),
      element("p", { class: "muted", text: "Whoever runs it has given you one. It is kept for this tab only." }),
      element("label", { class: "field" }, "API key", field),
      problem,
      element("button", { class: "button primary", type: "submit", text: "Go on" }),
    );
    // Without a key the page can do nothing: Escape does not close the dialog.
    const stay = (event) => event.preventDefault();
    const dialog = element("dialog", { id: "key", "aria-labelledby": "key-title", oncancel: stay }, form);
    document.body.append(dialog);
    dialog.showModal();
    field.focus();
  });
}
