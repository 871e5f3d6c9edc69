// Downloads.

import { element } from "./dom.js";

const KEPT_MS = 60_000; // how long the address of a file lives: browsers read it after the click

/** Has the browser save a file under a name. */
export function save(file, name) {
  const url = URL.createObjectURL(file);
  const link = element("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
}

/** Has the browser save a value as JSON. */
export function saveJson(value, name) {
  save(new Blob([JSON.stringify(value)], { type: "application/json" }), name);
}

/** The name of a photo without its ending, "photo" for one without a name. */
export function stem(name) {
  return name.replace(/\.[^.]*$/, "") || "photo";
}
