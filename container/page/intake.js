// How photos come in: dropped, pasted, picked, or the sample; and how the browser, or else the server, decodes them.

import { MOST_PHOTOS } from "./app.js";
import { api } from "./api.js";
import { byId } from "./dom.js";

const THUMB = 112; // pixels: height of pictures in the strip

/** What the server draws nothing on: the photo alone. */
const BARE = { opacity: 0, draw_boxes: false, draw_labels: false, confidence: 1 };

/** Listens for photos. @returns {(files: Blob[]) => void} takes photos in, of which the first is shown */
export function mount(app, viewer) {
  const [start, drop, files] = [byId("start"), byId("drop"), byId("files")];

  function add(blobs) {
    const given = [...blobs];
    if (!given.length) return;
    const room = MOST_PHOTOS - app.photos.length;
    const taken = given.slice(0, Math.max(0, room)).map(toPhoto);
    app.photos.push(...taken);
    const out = given.length - taken.length;
    app.notice = out
      ? `The page keeps ${MOST_PHOTOS} photos at the most; ${out} left out. Take some out of the strip first.`
      : "";
    app.tell("photos");
    if (taken.length) app.show(taken[0]);
    else app.tell("error");
    sketch(taken);
  }

  /** Small pictures for the strip, one after the other: twenty whole ones would take a gigabyte. */
  async function sketch(photos) {
    for (const photo of photos) {
      photo.thumb ??= await createImageBitmap(photo.file, { resizeHeight: THUMB, resizeQuality: "medium" }).catch(
        () => null,
      );
      app.tell("photos");
    }
  }

  /** Decodes a photo that is shown now; the server is asked meanwhile. */
  async function decode(photo) {
    if (photo.bitmap || photo.foreign) return;
    const bitmap = await createImageBitmap(photo.file).catch(() => null);
    photo.foreign = !bitmap;
    if (bitmap) open(photo, bitmap);
    else await fetchForeign(photo);
  }

  /** What the browser cannot decode, the server is asked for once it has answered. */
  async function fetchForeign(photo) {
    if (!photo.foreign || !photo.answer || photo.bitmap) return;
    const bitmap = await fromServer(photo);
    if (!bitmap) return;
    photo.thumb ??= await createImageBitmap(bitmap, { resizeHeight: THUMB, resizeQuality: "medium" });
    open(photo, bitmap);
    app.tell("photos");
  }

  function open(photo, bitmap) {
    [photo.width, photo.height] = [bitmap.width, bitmap.height];
    if (photo !== app.photo) return bitmap.close();
    photo.bitmap = bitmap;
    return app.tell("picture");
  }

  /** A picture that the browser cannot decode, as the server sees it; null if it cannot either. */
  async function fromServer(photo) {
    try {
      const headers = { Accept: "image/png", "X-Amzn-SageMaker-Custom-Attributes": JSON.stringify(BARE) };
      if (photo.type) headers["Content-Type"] = photo.type;
      const response = await api.request(app.invoke, { method: "POST", headers, body: photo.file });
      return await createImageBitmap(await response.blob());
    } catch {
      return null;
    }
  }

  function toPhoto(file) {
    const type = file.type.startsWith("image/") ? file.type : "";
    return {
      file,
      name: file.name ?? "photo",
      type,
      width: 0,
      height: 0,
      bitmap: null,
      thumb: null,
      foreign: false,
      answer: null,
      error: null,
    };
  }

  byId("pick").addEventListener("click", () => files.click());
  files.addEventListener("change", () => {
    add(files.files);
    files.value = "";
  });
  app.pick = () => files.click();

  byId("sample").addEventListener("click", async () => {
    try {
      const blob = await (await api.request("page/sample.jpg")).blob();
      add([new File([blob], "sample.jpg", { type: "image/jpeg" })]);
    } catch (error) {
      app.fail(error);
    }
  });

  document.addEventListener("paste", (event) => {
    const pasted = [...(event.clipboardData?.files ?? [])];
    if (!pasted.length) return;
    event.preventDefault();
    add(pasted);
  });

  let depth = 0; // dragenter and dragleave come for every element on the way
  const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const mark = (by) => (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    depth = Math.max(0, depth + by);
    drop.hidden = depth === 0;
  };
  document.addEventListener("dragenter", mark(1));
  document.addEventListener("dragleave", mark(-1));
  document.addEventListener("dragover", (event) => holdsFiles(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    depth = 0;
    drop.hidden = true;
    add(event.dataTransfer.files);
  });

  app.on("photo", () => {
    start.hidden = Boolean(app.photo);
    for (const photo of app.photos) {
      if (photo === app.photo || !photo.bitmap) continue;
      photo.bitmap.close();
      photo.bitmap = null;
      photo.foreign = false;
    }
    if (app.photo) decode(app.photo);
    byId("stage").hidden = !app.photo;
    byId("stage").setAttribute("aria-label", app.photo ? `${app.photo.name} with its masks` : "Photo with its masks");
    viewer.resize();
  });
  app.on("photo picture", () => {
    byId("zoom").hidden = !app.photo?.bitmap;
  });
  app.on("answer", () => app.photo && fetchForeign(app.photo));
  return add;
}
