// The strip of thumbnails: which photo is shown, how much was found in each, and room for more.

import { MOST_PHOTOS } from "./app.js";
import { element, icon } from "./dom.js";

const SIZE = [144, 112]; // pixels of a thumbnail's canvas

/** Fills the strip. */
export function mount(root, app) {
  const thumbs = new Map(); // photo → its canvas, drawn once

  function canvasOf(photo) {
    if (!thumbs.has(photo) && photo.thumb) {
      const canvas = element("canvas", { width: SIZE[0], height: SIZE[1] });
      const { width, height } = photo.thumb;
      const scale = Math.max(SIZE[0] / width, SIZE[1] / height);
      const [w, h] = [width * scale, height * scale];
      canvas.getContext("2d").drawImage(photo.thumb, (SIZE[0] - w) / 2, (SIZE[1] - h) / 2, w, h);
      thumbs.set(photo, canvas);
    }
    return thumbs.get(photo) ?? null;
  }

  function draw() {
    root.hidden = !app.photos.length;
    const focused = root.contains(document.activeElement) && [...root.querySelectorAll("button")].indexOf(document.activeElement);
    const full = app.photos.length >= MOST_PHOTOS;
    root.replaceChildren(
      element("div", { class: "thumbs" }, ...app.photos.map(thumb)),
      element(
        "button",
        { type: "button", class: "button", id: "more", disabled: full, onclick: () => app.pick() },
        icon("plus"),
        full ? `${MOST_PHOTOS} at the most` : "Add",
      ),
      element("button", { type: "button", class: "button quiet", text: "Take out", onclick: takeOut }),
    );
    const buttons = root.querySelectorAll("button");
    if (focused !== false) buttons[Math.min(focused, buttons.length - 1)].focus();
    root.querySelector("[aria-current=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  function thumb(photo) {
    const found = foundIn(photo);
    return element(
      "button",
      {
        type: "button",
        class: "thumb",
        title: photo.name,
        "aria-label": named(photo),
        "aria-current": String(photo === app.photo),
        onclick: () => app.show(photo),
      },
      canvasOf(photo),
      element("span", { class: "badge", text: found, hidden: !found }),
    );
  }

  /** How many objects are shown of a photo, "!" for an error, "" without an answer. */
  function foundIn(photo) {
    if (photo.error) return "!";
    return photo.answer ? String(photo.answer.objects.filter((object) => app.isShown(object)).length) : "";
  }

  function named(photo) {
    const state = photo.error ? "! an error" : photo.answer ? `${foundIn(photo)} found` : "not asked about yet";
    return `${photo.name}, ${state}`;
  }

  function count() {
    const buttons = root.querySelectorAll(".thumb");
    app.photos.forEach((photo, i) => {
      const button = buttons[i];
      const badge = button?.querySelector(".badge");
      if (!badge) return;
      badge.textContent = foundIn(photo);
      button.setAttribute("aria-label", named(photo));
    });
  }

  /** Takes the current photo out of the page. */
  function takeOut() {
    const at = app.photos.indexOf(app.photo);
    const [gone] = app.photos.splice(at, 1);
    gone.bitmap?.close();
    thumbs.delete(gone);
    app.show(app.photos[Math.min(at, app.photos.length - 1)] ?? null);
    app.tell("photos");
  }

  app.on("photos photo", draw);
  app.on("options", count);
}
