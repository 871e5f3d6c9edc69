// The worst misses: the surest wrong predictions and the largest objects that were missed, each with its picture.

import { element } from "./dom.js";
import { missPicture } from "./miss_picture.js";
import { each, get, pictureUrl, post } from "./nucleus.js";
import { problemNote } from "./problem.js";

const PAGE = 6;
const KINDS = [
  {
    type: "FP",
    id: "wrong",
    title: "Surest wrong predictions",
    order: { sort_by: "confidence", sort_order: "DESC" },
    none: "No prediction is wrong.",
  },
  {
    type: "FN",
    id: "missed",
    title: "Largest objects that were missed",
    order: { sort_by: "gt_area", sort_order: "DESC" },
    none: "No object was missed.",
  },
];

/**
 * Fills `root` with both lists.
 * @param {HTMLElement} root
 * @param {{evaluation: {id: string}, dataset: string, run: string, signal: AbortSignal}} context
 */
export async function showMisses(root, context) {
  root.replaceChildren(
    element("h2", { text: "Worst misses" }),
    element(
      "p",
      { class: "row hint" },
      element("span", { class: "key-line predicted", "aria-hidden": "true" }),
      "prediction",
      element("span", { class: "key-line truth", "aria-hidden": "true" }),
      "ground truth; the thick one is what is wrong or missed",
    ),
  );
  const items = createItems(context);
  for (const kind of KINDS) {
    const list = element("ol", { class: "misses", id: kind.id });
    const title = element("h3");
    const more = element("button", { type: "button", class: "button", text: "Show more" });
    const parts = [title, list, element("div", {}, more)];
    const section = element("section", { class: "stack", "aria-label": kind.title }, ...parts);
    root.append(section);
    const add = async () => {
      more.disabled = true;
      const offset = list.children.length;
      const { rows, total } = await examples(context, kind, offset);
      title.textContent = total ? `${kind.title}: ${total.toLocaleString("en")}` : kind.none;
      const made = await each(rows, async (row) => missItem(row, await items.about(row.dataset_item_id)));
      if (context.signal.aborted) return;
      list.append(...made);
      more.disabled = false;
      more.hidden = list.children.length >= total;
      if (offset) list.children[offset]?.focus(); // also where the button is gone
    };
    more.addEventListener("click", () =>
      add().catch((error) => {
        more.disabled = false;
        if (!context.signal.aborted) title.after(element("div", { role: "alert" }, problemNote(error)));
      }),
    );
    await add();
  }
}

function examples({ evaluation, signal }, { type, order }, offset) {
  const document = { match_type: type, ...order, limit: PAGE, offset };
  return post(["evaluationsV2", evaluation.id, "examples"], document, signal);
}

/** Items by their ids, each asked for once: its address, picture, ground truth, and the run's predictions. */
function createItems({ dataset, run, signal }) {
  const known = new Map();
  async function ask(id) {
    try {
      const [{ item, annotations }, predictions] = await Promise.all([
        get(["dataset", dataset, "loc", id], signal),
        get(["modelRun", run, "loc", id], signal),
      ]);
      return {
        name: item.reference_id,
        address: item.image_url ?? "",
        picture: item.processed_url ? await loaded(pictureUrl(item.processed_url)) : null,
        truth: Object.values(annotations).flat(),
        predictions: Object.values(predictions.annotations).flat(),
      };
    } catch (error) {
      if (error.status !== 404) throw error;
      return null; // it was deleted, or lies in another dataset of the run
    }
  }
  return {
    about(id) {
      if (!id) return null;
      if (!known.has(id)) known.set(id, ask(id));
      return known.get(id);
    },
  };
}

/** The picture, or null where the browser cannot decode it. */
async function loaded(url) {
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
    return { url, width: image.naturalWidth, height: image.naturalHeight };
  } catch {
    return null;
  }
}

function missItem(row, about) {
  const [title, words] = row.match_type === "FP" ? wrong(row) : missed(row);
  const where = about ? about.name : row.dataset_item_id ? "an item of another dataset" : "an item that was deleted";
  return element(
    "li",
    { tabindex: -1 },
    missPicture(row, about, `${title}, ${words}, in ${where}`),
    element("strong", { text: title }),
    element("span", { text: words }),
    element("span", { class: "muted small address", text: where }),
    about && !about.picture ? element("span", { class: "muted small address", text: about.address }) : null,
  );
}

/** What a wrong prediction says, and what is there. */
function wrong({ pred_raw_label, gt_raw_label, pred_canonical_label, gt_canonical_label, confidence, iou }) {
  const title = confidence === null ? pred_raw_label : `${pred_raw_label} ${confidence.toFixed(2)}`;
  if (gt_raw_label === null) return [title, "nothing there"];
  const kind = pred_canonical_label === gt_canonical_label ? "a second one on" : "lies on";
  return [title, `${kind} ${gt_raw_label}, IoU ${iou.toFixed(2)}`];
}

function missed({ gt_raw_label, gt_area }) {
  return [gt_raw_label, `${Math.round(gt_area).toLocaleString("en")} px² missed`];
}
