// A photo and its options as a request to the server.

import { base64 } from "./base64.js";
import { asciiJson } from "./quoting.js";

export const ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes";
const LONGEST = 4000; // characters of options in a header: servers and proxies take 8,190 at the least

/**
 * The options of fetch that invoke the model: the photo as it is and its options in a header, or both in a JSON body
 * where the options are too long, as with 999 names of classes.
 * @param {{file: Blob, type: string}} photo
 * @param {Object<string, any>} attributes
 * @param {string} accept the media type of the answer
 */
export async function invocation(photo, attributes, accept) {
  const options = asciiJson(attributes); // fetch refuses other characters in a header
  const headers = { Accept: accept };
  if (options.length > LONGEST) {
    const image = { type: "base64", value: await base64(photo.file) };
    headers["Content-Type"] = "application/json";
    return { method: "POST", headers, body: JSON.stringify({ image, parameters: attributes }) };
  }
  headers[ATTRIBUTES] = options;
  if (photo.type) headers["Content-Type"] = photo.type;
  return { method: "POST", headers, body: photo.file };
}
