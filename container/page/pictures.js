// Pictures to take away: the server's, with the options that are shown, and what the page cuts out itself.

import { api } from "./api.js";
import { base64 } from "./base64.js";
import { invocation } from "./invocation.js";

const HEAD = 262_144; // bytes of a file in which its orientation stands

/**
 * The server's PNG of the current photo with what is shown: "overlay", "cutout" or "ids".
 *
 * The server draws it, not a canvas: it is the picture that the code on the page gets, phones end canvases at 16
 * megapixels, and browsers convert colours. @returns {Promise<Blob>} @throws {ApiError}
 */
export async function drawn(app, render) {
  const attributes = { ...app.attributes(), render };
  const response = await api.request(app.invoke, await invocation(app.photo, attributes, "image/png"));
  return response.blob();
}

/** One object of a photo, as large as its mask and clear around it. @returns {Promise<Blob>} a PNG */
export function cutOut(photo, { runs }) {
  const [left, top, right, bottom] = runs.box();
  const [width, height] = [right - left, bottom - top];
  const { canvas, context } = canvasOf(width, height);
  context.drawImage(photo.bitmap, left, top, width, height, 0, 0, width, height);
  const pixels = context.getImageData(0, 0, width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!runs.has(left + x, top + y)) pixels.data.fill(0, 4 * (y * width + x), 4 * (y * width + x) + 4);
    }
  }
  context.putImageData(pixels, 0, 0);
  return asPng(canvas);
}

/**
 * A photo in base64 for a file that carries it: as it is, or as PNG where a reader may turn it or not know its format.
 * @returns {Promise<string>}
 */
export async function embedded(photo) {
  const head = new TextDecoder("latin1").decode(await photo.file.slice(0, HEAD).arrayBuffer());
  const plain = ["image/jpeg", "image/png"].includes(photo.type) && !/exif|tiff:orientation/i.test(head);
  if (plain) return base64(photo.file);
  const { canvas, context } = canvasOf(photo.width, photo.height);
  context.drawImage(photo.bitmap, 0, 0);
  return base64(await asPng(canvas));
}

function canvasOf(width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  return { canvas, context: canvas.getContext("2d", { willReadFrequently: true }) };
}

function asPng(canvas) {
  return new Promise((resolve, reject) => {
    const refuse = () => reject(new Error("The browser cannot make a picture of this size."));
    canvas.toBlob((file) => (file ? resolve(file) : refuse()), "image/png");
  });
}
