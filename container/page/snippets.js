// The request that the page shows, as code for six clients: pure functions from a request to text.
//
// A request is
//   server      the server's address without a slash at its end
//   invoke      the route: "invocations" or "models/NAME/invoke"
//   endpoint    what boto3 and the AWS CLI call the endpoint
//   target      the artifact that they name on a multi-model server, or null
//   key         null where the server asks for none, "" to read it from MASKSERVE_API_KEY, or the key itself
//   photo       {name, type}
//   attributes  the custom attributes that differ from the server's defaults
//   picture     true for a PNG, false for JSON
//   roboflow    {id, task, confidence, iou_threshold, max_detections} of the model, or null where it is not offered

import { asciiJson, javascript, property, python, shell, spacedJson } from "./quoting.js";
import { inferenceSdk } from "./roboflow_snippet.js";

const ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes";
const MAX_ATTRIBUTES = 1024; // characters that SageMaker takes; with more, options go into a JSON body
const KEY_VARIABLE = "MASKSERVE_API_KEY";
const OUTPUT = "masks.png";
const SECOND = "# TargetModel loads the file under a name of its own, where no request has named it so far.\n";

const NOT_BELOW =
  "boto3 and the AWS CLI name a model of this server by the file it was loaded from, and this one's lies elsewhere.";

/** The clients in the order of their tabs; `write` returns null where one cannot be used, and `otherwise` says why. */
export const CLIENTS = [
  { id: "curl", name: "curl", write: curl },
  { id: "boto3", name: "boto3", write: boto3, otherwise: NOT_BELOW },
  { id: "aws", name: "AWS CLI", write: awsCli, otherwise: NOT_BELOW },
  { id: "python", name: "Python", write: requests },
  { id: "javascript", name: "JavaScript", write: fetchApi },
  {
    id: "inference-sdk",
    name: "inference_sdk",
    write: inferenceSdk,
    otherwise: "inference_sdk is not offered for what this server answers here.",
  },
];

/** curl in a POSIX shell. */
export function curl(request) {
  const inBody = fillsBody(request);
  const file = readable(request.photo.name);
  const options = spacedJson(request.attributes);
  const parts = [
    `curl --fail-with-body --data-binary ${inBody ? "@-" : shell(`@${file}`)}`,
    `-H ${shell(`Content-Type: ${inBody ? "application/json" : mediaType(request)}`)}`,
    ...(request.picture ? ["-H 'Accept: image/png'"] : []),
    ...(request.key === null ? [] : [`-H ${shellKey(request, "Authorization: Bearer ")}`]),
    ...(inBody || isEmpty(request.attributes) ? [] : [`-H ${shell(`${ATTRIBUTES}: ${options}`)}`]),
    ...(request.picture ? [`-o ${OUTPUT}`] : []),
    shell(address(request)),
  ];
  const command = parts.join(" \\\n  ");
  return `${exported(request)}${inBody ? `${documentInShell(request)} | ${command}` : command}\n`;
}

/** The AWS CLI; the answer goes into a file. */
export function awsCli(request) {
  if (!reachable(request)) {
    return null;
  }
  const inBody = fillsBody(request);
  const output = request.picture ? OUTPUT : "answer.json";
  const body = inBody ? "request.json" : request.photo.name;
  const expanded = /^~|\$/.test(body); // what the CLI would take for a home folder or a variable
  const options = [
    `--endpoint-url ${addressWithKey(request)}`,
    "--region us-east-1 --no-sign-request",
    `--endpoint-name ${shell(request.endpoint)}`,
    ...(request.target === null ? [] : [`--target-model ${shell(request.target)}`]),
    `--content-type ${shell(inBody ? "application/json" : mediaType(request))}`,
    `--accept ${accept(request)}`,
    ...(inBody || isEmpty(request.attributes) ? [] : [`--custom-attributes ${shell(spacedJson(request.attributes))}`]),
    `--body ${expanded ? `fileb:///dev/stdin < ${shell(body)}` : shell(`fileb://${body}`)}`,
    output,
  ];
  const lines = [
    "# An endpoint on SageMaker: the same without --endpoint-url, --region and --no-sign-request.",
    ...(inBody ? [`${documentInShell(request)} > ${body}`] : []),
    ["aws sagemaker-runtime invoke-endpoint", ...options].join(" \\\n  "),
  ];
  return `${exported(request)}${request.target === null ? "" : SECOND}${lines.join("\n")}\n`;
}

/** boto3, whose client sends no key of its own. */
export function boto3(request) {
  if (!reachable(request)) {
    return null;
  }
  const inBody = fillsBody(request);
  const named = [
    ["EndpointName", python(request.endpoint)],
    ...(request.target === null ? [] : [["TargetModel", python(request.target)]]),
    ["ContentType", python(inBody ? "application/json" : mediaType(request))],
    ["Accept", python(accept(request))],
    ...(inBody || isEmpty(request.attributes) ? [] : [["CustomAttributes", "json.dumps(options)"]]),
    ["Body", inBody ? `json.dumps(${DOCUMENT_IN_PYTHON})` : "photo"],
  ];
  const json = !request.picture || named.some(([, value]) => value.startsWith("json."));
  const imports = [...(json ? ["json"] : []), ...(inBody ? ["base64"] : []), ...(request.key === "" ? ["os"] : [])];
  return `${importing(imports)}import boto3
from botocore import UNSIGNED
from botocore.config import Config

# An endpoint on SageMaker: boto3.client("sagemaker-runtime") alone.
client = boto3.client(
    "sagemaker-runtime",
    endpoint_url=${python(request.server)},
    region_name="us-east-1",
    config=Config(signature_version=UNSIGNED),
)
${request.target === null ? "" : SECOND}${request.key === null ? "" : boto3Key(request)}${optionsInPython(request)}
with open(${python(request.photo.name)}, "rb") as photo:
    response = client.invoke_endpoint(
${named.map(([name, value]) => `        ${name}=${value},\n`).join("")}    )
${request.picture ? writing('response["Body"].read()') : printing('json.load(response["Body"])')}`;
}

/** Python with requests. */
export function requests(request) {
  const inBody = fillsBody(request);
  const headers = [
    ...(inBody ? [] : [["Content-Type", python(mediaType(request))]]),
    ...(request.picture ? [["Accept", '"image/png"']] : []),
    ...(request.key === null ? [] : [["Authorization", pythonKey(request, "Bearer ")]]),
    ...(inBody || isEmpty(request.attributes) ? [] : [[ATTRIBUTES, "json.dumps(options)"]]),
  ];
  const json = !request.picture || headers.some(([, value]) => value.startsWith("json."));
  const imports = [...(json ? ["json"] : []), ...(inBody ? ["base64"] : []), ...(request.key === "" ? ["os"] : [])];
  return `${importing(imports)}import requests
${optionsInPython(request)}
with open(${python(request.photo.name)}, "rb") as photo:
    response = requests.post(
        ${python(address(request))},
        ${inBody ? `json=${DOCUMENT_IN_PYTHON}` : "data=photo"},
${headersInPython(headers)}        timeout=60,
    )
if not response.ok:
    raise SystemExit(response.text)
${request.picture ? writing("response.content") : printing("response.json()")}`;
}

/** JavaScript with fetch, for Node.js from 18 on and for browsers. */
export function fetchApi(request) {
  const inBody = fillsBody(request);
  const headers = [
    ["Content-Type", JSON.stringify(inBody ? "application/json" : mediaType(request))],
    ["Accept", JSON.stringify(accept(request))],
    ...(request.key === null ? [] : [["Authorization", javascriptKey(request)]]),
    ...(inBody || isEmpty(request.attributes) ? [] : [[ATTRIBUTES, javascriptAttributes(request)]]),
  ];
  const name = JSON.stringify(request.photo.name);
  const before = optionsInJavascript(request) + (inBody ? inBase64() : "");
  const lines = headers.map(([header, value]) => `    ${property(header)}: ${value},\n`);
  return `// Node.js 18 or newer, saved as segment.mjs; or a browser, where the page has an <input type="file">.
const files = globalThis.process?.versions?.node ? await import("node:fs/promises") : null;
const photo = files ? await files.readFile(${name}) : document.querySelector("input[type=file]").files[0];
${before}const response = await fetch(${JSON.stringify(address(request))}, {
  method: "POST",
  headers: {
${lines.join("")}  },
  body: ${inBody ? DOCUMENT_IN_JAVASCRIPT : "photo"},
});
if (!response.ok) {
  throw new Error(await response.text());
}
${request.picture ? pictureInJavascript() : ANSWER_IN_JAVASCRIPT}`;
}

// What the clients share.

function address(request) {
  return `${request.server}/${request.invoke}`;
}

/** True where the runtime's route reaches the model: on a multi-model server only by its artifact. */
function reachable(request) {
  return request.invoke === "invocations" || request.target !== null;
}

function isEmpty(attributes) {
  return Object.keys(attributes).length === 0;
}

function fillsBody(request) {
  return spacedJson(request.attributes).length > MAX_ATTRIBUTES;
}

function mediaType(request) {
  return request.photo.type || "application/octet-stream";
}

function accept(request) {
  return request.picture ? "image/png" : "application/json";
}

/** A file's name that no command takes for an option or for standard input. */
function readable(name) {
  return name.startsWith("-") ? `./${name}` : name;
}

// In a shell.

function exported(request) {
  return request.key === "" ? `# Before: export ${KEY_VARIABLE}=…\n` : "";
}

function shellKey(request, prefix) {
  return request.key === "" ? `"${prefix}$${KEY_VARIABLE}"` : shell(prefix + request.key);
}

/** The server's address with the key in its query: the AWS CLI has no option for headers. */
function addressWithKey(request) {
  if (request.key === null) {
    return shell(request.server);
  }
  if (request.key !== "") {
    return shell(`${request.server}/?api_key=${encodeURIComponent(request.key)}`);
  }
  const quoted = request.server.replace(/["$`\\]/g, "\\$&");
  return `"${quoted}/?api_key=\${${KEY_VARIABLE}//+/%2B}"`; // a + of a query is a space
}

function documentInShell(request) {
  const after = `"}, "parameters": ${spacedJson(request.attributes)}}`;
  return `{
  printf '%s' '{"image": {"type": "base64", "value": "'
  base64 < ${shell(readable(request.photo.name))} | tr -d '\\n'
  printf '%s' ${shell(after)}
}`;
}

// In Python.

const DOCUMENT_IN_PYTHON =
  '{"image": {"type": "base64", "value": base64.b64encode(photo.read()).decode()}, "parameters": options}';

function importing(names) {
  return names.length ? `${names.sort().map((name) => `import ${name}\n`).join("")}\n` : "";
}

function optionsInPython(request) {
  const lines = Object.entries(request.attributes).map(([name, value]) => `    ${python(name)}: ${python(value)},\n`);
  return lines.length ? `\noptions = {\n${lines.join("")}}` : "";
}

function headersInPython(headers) {
  const lines = headers.map(([name, value]) => `            ${python(name)}: ${value},\n`);
  return lines.length ? `        headers={\n${lines.join("")}        },\n` : "";
}

function pythonKey(request, prefix) {
  return request.key === "" ? `"${prefix}" + os.environ["${KEY_VARIABLE}"]` : python(prefix + request.key);
}

function boto3Key(request) {
  const key = request.key === "" ? `os.environ["${KEY_VARIABLE}"]` : python(request.key);
  return `client.meta.events.register(
    "before-sign.sagemaker-runtime",
    lambda request, **_: request.headers.add_header("X-Api-Key", ${key}),
)
`;
}

function printing(answer) {
  return `answer = ${answer}\nprint(json.dumps(answer))\n`;
}

function writing(bytes) {
  return `with open("${OUTPUT}", "wb") as masks:\n    masks.write(${bytes})\n`;
}

// In JavaScript.

function javascriptKey(request) {
  if (request.key !== "") {
    return JSON.stringify(`Bearer ${request.key}`);
  }
  return `\`Bearer \${files ? process.env.${KEY_VARIABLE} : prompt("API key")}\``;
}

function isAscii(request) {
  return JSON.stringify(request.attributes) === asciiJson(request.attributes);
}

/** The options as an object; or as JSON in ASCII, where fetch would refuse other characters in a header. */
function optionsInJavascript(request) {
  if (isEmpty(request.attributes)) {
    return "";
  }
  if (!fillsBody(request) && !isAscii(request)) {
    return `const options = ${JSON.stringify(spacedJson(request.attributes))};
`;
  }
  const lines = Object.entries(request.attributes).map(([name, value]) => `  ${name}: ${javascript(value)},
`);
  return `const options = {
${lines.join("")}};
`;
}

function javascriptAttributes(request) {
  return isAscii(request) ? "JSON.stringify(options)" : "options";
}

function inBase64() {
  return `const bytes = files ? photo : new Uint8Array(await photo.arrayBuffer());
let binary = "";
for (let at = 0; at < bytes.length; at += 8192) {
  binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
}
`;
}

const DOCUMENT_IN_JAVASCRIPT =
  'JSON.stringify({ image: { type: "base64", value: btoa(binary) }, parameters: options })';

const ANSWER_IN_JAVASCRIPT = `const answer = await response.json();
console.log(JSON.stringify(answer));
`;

function pictureInJavascript() {
  return `const masks = await response.blob();
if (files) {
  await files.writeFile("${OUTPUT}", Buffer.from(await masks.arrayBuffer()));
} else {
  document.body.append(Object.assign(new Image(), { src: URL.createObjectURL(masks) }));
}
`;
}
