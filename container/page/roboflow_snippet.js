// The request as code for Roboflow's client, which names some options otherwise and lacks others.

import { python } from "./quoting.js";

// Options of a prediction by the client's names for them; which tasks send them is the client's choice.
const NAMES = {
  confidence: "confidence_threshold",
  iou_threshold: "iou_threshold",
  class_filter: "class_filter",
  class_agnostic_nms: "class_agnostic_nms",
  max_detections: "max_detections",
  max_candidates: "max_candidates",
  mask_decode_mode: "mask_decode_mode",
  tradeoff_factor: "tradeoff_factor",
};
const SENT = {
  "object detection": Object.keys(NAMES),
  "instance segmentation": Object.keys(NAMES),
  "keypoint detection": Object.keys(NAMES),
  classification: ["confidence"],
  "semantic segmentation": [],
};
const OF_JSON = ["masks", "scores"]; // what the client always gets

/** inference_sdk; null where the server offers no routes for it, or the model has no task that it knows. */
export function inferenceSdk(request) {
  const model = request.roboflow;
  if (!model || !SENT[model.task]) {
    return null;
  }
  const semantic = model.task === "semantic segmentation";
  const fields = configuration(request, model);
  const keyed = request.key !== null || semantic; // in v0 the client wants one in any case
  const names = `${fields.length ? "InferenceConfiguration, " : ""}InferenceHTTPClient`;
  const older = "client.select_api_v0()  # the only one with which this client asks semantic models\n";
  const before = (semantic ? older : "") + configured(fields) + told(request, model);
  const imports = [...(request.picture ? ["base64"] : []), "json", ...(request.key === "" ? ["os"] : [])];
  return `${imports.map((name) => `import ${name}\n`).join("")}
from inference_sdk import ${names}

client = InferenceHTTPClient(api_url=${python(request.server)}${keyed ? `, api_key=${key(request)}` : ""})
${before}answer = client.infer(${python(request.photo.name)}, model_id=${python(model.id)})
${request.picture ? drawn() : "print(json.dumps(answer))\n"}`;
}

function key(request) {
  if (request.key === null) {
    return '"any"';
  }
  return request.key === "" ? 'os.environ["MASKSERVE_API_KEY"]' : python(request.key);
}

/** The fields of InferenceConfiguration with their values, as Python. */
function configuration(request, model) {
  const { confidence, iou_threshold, max_detections } = model;
  const values = { confidence: confidence ?? 0, iou_threshold, max_detections, ...request.attributes };
  const sent = SENT[model.task].filter((name) => NAMES[name] && values[name] !== null && values[name] !== undefined);
  const fields = sent.map((name) => [NAMES[name], python(values[name])]);
  if (model.task === "semantic segmentation") {
    fields.push(["confidence_threshold", "0"]);
  }
  if (request.picture) {
    const semantic = model.task === "semantic segmentation"; // asked in v0
    fields.push(semantic ? ["format", '"image_and_json"'] : ["visualize_predictions", "True"]);
    fields.push(["visualize_labels", python(request.attributes.draw_labels ?? true)]);
    if (request.attributes.line_width) {
      fields.push(["stroke_width", python(request.attributes.line_width)]);
    }
  } else if (model.task === "instance segmentation") {
    fields.push(["response_mask_format", '"rle"']);
  }
  if (request.key !== null) {
    fields.push(["api_key_transport", '"header"']);
  }
  return fields;
}

function configured(fields) {
  if (!fields.length) {
    return "";
  }
  return `client.configure(
    InferenceConfiguration(
${fields.map(([name, value]) => `        ${name}=${value},\n`).join("")}    )
)
`;
}

/** A comment for the options that this client cannot send. */
function told(request, model) {
  const pictured = request.picture ? ["draw_labels", "line_width"] : [];
  const sent = new Set([...SENT[model.task], ...OF_JSON, ...pictured]);
  const left = Object.entries(request.attributes).filter(([name]) => !sent.has(name));
  const lines = left.map(([name, value]) => `# ${name} = ${python(value)} is left out: this client cannot send it.\n`);
  if (request.picture) {
    lines.push("# The picture is a JPEG in Roboflow's look, with boxes.\n");
  }
  return lines.join("");
}

function drawn() {
  return `with open("masks.jpg", "wb") as masks:
    masks.write(base64.b64decode(answer["visualization"]))
`;
}
