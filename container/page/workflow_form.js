// The form of a workflow's inputs: a field each, and what is typed into them.

import { base64 } from "./base64.js";
import { element } from "./dom.js";
import { shownValue, valueOf } from "./workflow_fields.js";

/** @typedef {import("./workflow_fields.js").Field} Field */

/** A field that holds what the workflow cannot take. */
export class WrongField extends Error {}

export class WorkflowForm {
  constructor() {
    this.root = element("div", { class: "stack" });
    /** @type {{field: Field, control: HTMLInputElement|HTMLSelectElement|HTMLTextAreaElement}[]} */
    this.rows = [];
  }

  /** @param {Field[]} fields */
  show(fields) {
    const first = fields.find(({ type }) => type === "picture");
    this.rows = fields.map((field, i) => ({ field, control: field === first ? null : control(field, `workflow-field-${i}`) }));
    this.root.replaceChildren(...this.rows.map(row));
  }

  /**
   * The inputs of a request: pictures in base64, numbers as numbers; what is left empty is left to the workflow.
   * @param {Blob} photo the first picture, and the others without a file of their own
   * @throws {WrongField} with the focus on the field
   */
  async inputs(photo) {
    const inputs = {};
    for (const { field, control: where } of this.rows) {
      if (field.type === "picture") {
        inputs[field.name] = { type: "base64", value: await base64(where?.files[0] ?? photo) };
        continue;
      }
      const value = read(field, where);
      if (value !== undefined) inputs[field.name] = value;
    }
    return inputs;
  }

  /** Marks the field that an error of the server is about: "input NAME …". */
  mark(message) {
    const name = /^input (\S+?):? /.exec(message)?.[1];
    const { control: wrong } = this.rows.find(({ field }) => field.name === name) ?? {};
    wrong?.setAttribute("aria-invalid", "true");
    wrong?.focus();
  }
}

function read(field, where) {
  try {
    where.removeAttribute("aria-invalid");
    if (where.type === "checkbox") return where.checked;
    if (where.validity.badInput) throw new SyntaxError(`${field.name} is no number`);
    return valueOf(field, where.value);
  } catch (error) {
    where.setAttribute("aria-invalid", "true");
    where.focus();
    throw new WrongField(error.message);
  }
}

/** The element that a value is typed into. */
function control(field, id) {
  const value = shownValue(field);
  const common = { id, "aria-describedby": `${id}-hint` };
  if (field.type === "picture") return element("input", { ...common, type: "file", accept: "image/*" });
  if (field.type === "flag" && field.fallback !== null) {
    return element("input", { id, type: "checkbox", role: "switch", checked: field.fallback });
  }
  if (field.type === "flag") return element("select", common, ...["", "true", "false"].map((word) => element("option", { value: word, text: word })));
  if (field.type === "json") return element("textarea", { ...common, rows: 3, spellcheck: "false", value });
  if (field.type !== "number") return element("input", { ...common, type: "text", spellcheck: "false", autocomplete: "off", value });
  const range = field.fraction ? { min: 0, max: 1 } : {};
  return element("input", { ...common, ...range, type: "number", step: field.whole ? 1 : "any", value });
}

function row({ field, control: where }) {
  if (!where) return element("p", { class: "hint", text: `${field.name}: the current photo` });
  if (where.type === "checkbox") return element("label", { class: "switch" }, where, field.name);
  return element(
    "div",
    { class: "field" },
    element("label", { for: where.id, text: field.name }),
    where,
    element("span", { class: "hint", id: `${where.id}-hint`, text: hint(field) }),
  );
}

/** What the field takes, and what it is where it is left empty. */
function hint(field) {
  const taken = {
    picture: "A file; without one, the current photo",
    number: field.fraction ? "A number from 0 to 1" : field.whole ? "A whole number" : "A number",
    flag: "True or false",
    list: "A list with commas, or JSON",
    json: "A value as JSON",
    text: "A text",
  }[field.type];
  if (field.type === "picture" || field.type === "flag") return taken;
  if (field.fallback !== null) return `${taken}; without one, ${shownValue(field)}`;
  return field.optional ? `${taken}; may be empty` : taken;
}
