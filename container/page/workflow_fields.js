// The inputs of a workflow as fields of a form, and what is typed into them as the values of a request.

const NUMBERS = ["integer", "float", "float_zero_to_one"];
const NESTED = ["dictionary", "zone", "contours"];

/**
 * @typedef {Object} Field
 * @property {string} name of the input
 * @property {"picture"|"number"|"flag"|"list"|"json"|"text"} type
 * @property {boolean} optional whether a request may leave it out
 * @property {any} fallback the workflow's own value
 * @property {boolean} [whole] of a number: an integer
 * @property {boolean} [fraction] of a number: 0 to 1
 */

/**
 * The fields of a row of GET /workflows.
 * @param {{inputs: Object<string, string[]>, defaults: Object<string, any>}} workflow
 * @returns {Field[]}
 */
export function fieldsOf({ inputs, defaults }) {
  return Object.entries(inputs).map(([name, kinds]) => {
    const fallback = defaults[name] ?? null;
    const field = { name, type: typeOf(kinds, fallback), optional: name in defaults, fallback };
    if (field.type !== "number") return field;
    const every = (kind) => kinds.every((one) => one === kind);
    return { ...field, whole: every("integer"), fraction: every("float_zero_to_one") };
  });
}

/** By the value that it has, else by the kinds that its input takes. */
function typeOf(kinds, fallback) {
  if (kinds.includes("image")) return "picture";
  if (typeof fallback === "number") return "number";
  if (typeof fallback === "boolean") return "flag";
  if (typeof fallback === "string") return "text";
  if (Array.isArray(fallback)) return fallback.every((one) => typeof one === "string" && !one.includes(",")) ? "list" : "json";
  if (fallback !== null) return "json";
  if (kinds.every((kind) => NUMBERS.includes(kind))) return "number";
  if (kinds.every((kind) => kind === "boolean")) return "flag";
  if (kinds.includes("list_of_values")) return "list";
  return kinds.every((kind) => NESTED.includes(kind)) ? "json" : "text";
}

/** The workflow's own value as it stands in the field; "" where there is none. */
export function shownValue({ type, fallback }) {
  if (fallback === null) return "";
  if (type === "list") return fallback.join(", ");
  return typeof fallback === "string" ? fallback : JSON.stringify(fallback);
}

/**
 * What was typed as a value; undefined where it is left to the workflow.
 * @param {Field} field
 * @param {string} text
 * @throws {SyntaxError} for text that is none of the field's values
 */
export function valueOf(field, text) {
  const given = text.trim();
  if (given === "") return undefined;
  if (field.type === "number") {
    const number = Number(given);
    if (!Number.isFinite(number)) throw new SyntaxError(`${field.name} is ${given}; it takes a number`);
    return number;
  }
  if (field.type === "flag") return given === "true";
  if (field.type === "json" || /^[[{]/.test(given)) return parsed(field, given);
  if (field.type === "list") return given.split(",").map((one) => one.trim());
  return text;
}

function parsed({ name, type }, text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (type === "text") return text;
    throw new SyntaxError(`${name} is no JSON: ${error.message}`);
  }
}
