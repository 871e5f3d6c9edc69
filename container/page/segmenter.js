// Segment Anything over the routes /sam/… and /sam2/…: a photo is embedded once, then segmented prompt by prompt.

import { api, ApiError } from "./api.js";
import { base64 } from "./base64.js";
import { Prompt } from "./prompt.js";
import { decode } from "./rle.js";

const POSITIVE = 1;
const NEGATIVE = 0;
const CORNERS = [2, 3]; // labels of a box's corners among points

/** One photo and one version of a model, such as "sam/vit_b". */
export class Segmenter {
  /**
   * @param {import("./app.js").Photo} photo
   * @param {string} version
   */
  constructor(photo, version) {
    this.photo = photo;
    this.version = version;
    const family = version.slice(0, version.indexOf("/"));
    this.route = family;
    this.common = { [`${family}_version_id`]: version.slice(family.length + 1), image_id: randomId() };
    this.embedding = null; // the promise of it
    this.embedded = false;
    this.last = new Prompt(); // whose mask the server keeps
  }

  /** Has the photo embedded, the first time only. @param {AbortSignal} signal @throws {ApiError} */
  embed(signal) {
    this.embedding ??= this.#embed(signal).catch((error) => {
      this.embedding = null; // the next one tries again
      throw error;
    });
    return this.embedding;
  }

  async #embed(signal) {
    const body = { ...this.common, image: await this.#image() };
    if (this.route === "sam") body.format = "binary"; // a third of the numbers' size in JSON
    const response = await this.#post("embed_image", body, signal);
    await response.arrayBuffer(); // the server keeps it under the id
    this.embedded = true;
  }

  /**
   * The mask of a prompt and its score, the IoU that the model expects; the photo is embedded.
   * @param {Prompt} prompt
   * @param {AbortSignal} signal
   * @returns {Promise<{runs: import("./rle.js").Runs, score: number}>}
   * @throws {ApiError} and AbortError where `signal` says so
   */
  async segment(prompt, signal) {
    const body = { ...this.common, ...BODIES[this.route](prompt, prompt.refines(this.last)), format: "rle" };
    this.last = prompt;
    return ANSWERS[this.route](await (await this.#found(body, signal)).json());
  }

  /** The answer; another process of the server, or one that kept later photos instead, needs the photo again. */
  async #found(body, signal) {
    try {
      return await this.#post("segment_image", body, signal);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 400) throw error;
      return this.#post("segment_image", { ...body, image: await this.#image() }, signal);
    }
  }

  async #image() {
    return { type: "base64", value: await base64(this.photo.file) };
  }

  #post(name, body, signal) {
    const headers = { "Content-Type": "application/json" };
    return api.request(`${this.route}/${name}`, { method: "POST", headers, body: JSON.stringify(body), signal });
  }
}

/** The members of a request for a mask, by the route. */
const BODIES = {
  sam(prompt, refines) {
    const { points, box } = prompt;
    const corners = box ? [box.slice(0, 2), box.slice(2)] : [];
    return {
      point_coords: [...points.map(({ point }) => point), ...corners],
      point_labels: [...points.map(({ positive }) => (positive ? POSITIVE : NEGATIVE)), ...(box ? CORNERS : [])],
      has_mask_input: refines,
    };
  },

  sam2(prompt, refines) {
    const { points, box } = prompt;
    const one = { points: points.map(({ point: [x, y], positive }) => ({ x, y, positive })) };
    if (box) {
      const [x1, y1, x2, y2] = box;
      one.box = { x: (x1 + x2) / 2, y: (y1 + y2) / 2, width: x2 - x1, height: y2 - y1 };
    }
    return {
      prompts: [one],
      multimask_output: prompt.ambiguous,
      save_logits_to_cache: true,
      load_logits_from_cache: refines,
    };
  },
};

/** The mask in an answer, by the route. */
const ANSWERS = {
  sam: ({ masks, scores }) => ({ runs: decode(masks[0]), score: scores[0] }),
  sam2: ({ predictions: [found] }) => ({ runs: decode(found.masks), score: found.confidence }),
};

/** An id that no other client of the server uses for its pictures. */
function randomId() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
