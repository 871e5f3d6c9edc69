// Values as text of other languages: shell words, Python and JavaScript literals, JSON in ASCII.

/** A word of a POSIX shell. */
export function shell(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** JSON whose other characters than ASCII are escaped, as header values take no others. */
export function asciiJson(value, indent) {
  return JSON.stringify(value, null, indent).replace(/[\u007f-\uffff]/g, (unit) => `\\u${hex(unit, 4)}`);
}

/** JSON on one line with spaces between its parts, in ASCII. */
export function spacedJson(value) {
  if (Array.isArray(value)) {
    return `[${value.map(spacedJson).join(", ")}]`;
  }
  if (value !== null && typeof value === "object") {
    return `{${Object.entries(value).map(([name, one]) => `${asciiJson(name)}: ${spacedJson(one)}`).join(", ")}}`;
  }
  return asciiJson(value);
}

/** A literal of Python, on one line. */
export function python(value) {
  if (value === null || typeof value === "boolean") {
    return { null: "None", true: "True", false: "False" }[String(value)];
  }
  if (typeof value === "number") {
    return String(value);
  }
  if (typeof value === "string") {
    return `"${value.replace(/["\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, escaped)}"`;
  }
  if (Array.isArray(value)) {
    return `[${value.map(python).join(", ")}]`;
  }
  return `{${Object.entries(value).map(([name, one]) => `${python(name)}: ${python(one)}`).join(", ")}}`;
}

/** A literal of JavaScript, on one line. */
export function javascript(value) {
  if (Array.isArray(value)) {
    return `[${value.map(javascript).join(", ")}]`;
  }
  if (value !== null && typeof value === "object") {
    return `{ ${Object.entries(value).map(([name, one]) => `${property(name)}: ${javascript(one)}`).join(", ")} }`;
  }
  return JSON.stringify(value);
}

/** A name of an object's member in JavaScript. */
export function property(name) {
  return /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name);
}

function escaped(character) {
  if (character === '"' || character === "\\") {
    return `\\${character}`;
  }
  const code = character.codePointAt(0);
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}

function hex(unit, digits) {
  return unit.charCodeAt(0).toString(16).padStart(digits, "0");
}
