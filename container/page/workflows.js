// The panel that runs a named workflow with the current photo and shows what it gives.

import { api } from "./api.js";
import { element } from "./dom.js";
import { problemNote } from "./problem.js";
import { stem } from "./save.js";
import { fieldsOf } from "./workflow_fields.js";
import { WorkflowForm, WrongField } from "./workflow_form.js";
import { Outputs } from "./workflow_outputs.js";

const WORKSPACE = "any"; // a workflow has its name in any workspace

/** Builds the panel in `root`. */
export function mount(root, app) {
  return new WorkflowsPanel(root, app);
}

class WorkflowsPanel {
  constructor(root, app) {
    this.app = app;
    this.workflows = []; // rows of GET /workflows
    this.running = null; // AbortController of the request that is on its way
    this.select = element("select", { id: "workflow", onchange: () => this.choose() });
    this.form = new WorkflowForm();
    this.start = element("button", { type: "submit", class: "button primary", text: "Run" });
    this.stop = element("button", { type: "button", class: "button", text: "Stop", hidden: true, onclick: () => this.running?.abort() });
    this.status = element("p", { role: "status", class: "hint" });
    this.problem = element("div", { role: "alert" });
    const results = element("div", { class: "stack" });
    this.outputs = new Outputs(results, (url, caption) => this.enlarge(url, caption));
    this.dialog = element("dialog", { class: "enlarged" });
    const picker = element("div", { class: "field" }, element("label", { for: "workflow", text: "Workflow" }), this.select);
    const buttons = element("div", { class: "row" }, this.start, this.stop);
    const form = element("form", { class: "stack", onsubmit: (event) => this.submit(event), novalidate: true }, picker, this.form.root, buttons);
    root.classList.add("stack");
    root.append(form, this.problem, this.status, results, this.dialog);
    app.on("facts tab", () => this.load());
    app.on("photo", () => this.reset());
    this.reset();
  }

  /** The row of the chosen workflow, or null. */
  get workflow() {
    return this.workflows.find(({ name }) => name === this.select.value) ?? null;
  }

  /** Lists the workflows whenever the panel is opened: files of the operator's folder come and go. */
  async load() {
    if (!this.app.facts?.workflows || this.app.tab !== "workflows") return;
    try {
      const { workflows } = await api.json("workflows");
      if (JSON.stringify(workflows) === JSON.stringify(this.workflows)) return;
      const chosen = this.select.value;
      this.workflows = workflows;
      this.select.replaceChildren(...workflows.map(({ name }) => element("option", { value: name, text: name })));
      if (workflows.some(({ name }) => name === chosen)) this.select.value = chosen;
      this.choose();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Shows the fields of the chosen workflow, or what is wrong with its file. */
  choose() {
    this.form.show(this.workflow?.inputs ? fieldsOf(this.workflow) : []);
    this.reset();
  }

  /** Ends what runs, and forgets what another photo or workflow gave. */
  reset() {
    this.running?.abort();
    this.running = null;
    this.outputs.release();
    this.wait(false);
    this.fail(this.workflow?.error ? { message: this.workflow.error } : null);
    this.status.textContent = this.app.photo ? "" : "Open a photo first.";
  }

  async submit(event) {
    event.preventDefault();
    const { workflow } = this;
    const { photo } = this.app;
    if (!photo || !workflow?.inputs) return;
    this.reset();
    const running = new AbortController();
    this.running = running;
    this.wait(true);
    const begun = performance.now();
    let words = "";
    try {
      const results = await this.ask(workflow.name, await this.form.inputs(photo.file), running.signal);
      if (this.running !== running) return;
      this.outputs.show(results[0] ?? {}, `${stem(photo.name)}-${workflow.name}`);
      words = `Done in ${((performance.now() - begun) / 1000).toFixed(1)} s.`;
    } catch (error) {
      if (this.running !== running) return;
      if (error.name === "AbortError") words = "Stopped.";
      else this.fail(error);
    }
    this.running = null;
    this.wait(false);
    this.status.textContent = words;
  }

  /** The results of a run, one for each picture. */
  async ask(name, inputs, signal) {
    const path = `${WORKSPACE}/workflows/${encodeURIComponent(name)}`;
    const headers = { "Content-Type": "application/json" };
    const { outputs } = await api.json(path, { method: "POST", headers, body: JSON.stringify({ inputs }), signal });
    return outputs;
  }

  wait(running) {
    this.start.disabled = !this.app.photo || !this.workflow?.inputs;
    if (!running && document.activeElement === this.stop) this.start.focus();
    this.stop.hidden = !running;
    this.status.textContent = running ? "The workflow runs …" : "";
  }

  /** Shows what went wrong, in the server's words; nothing for null. */
  fail(error) {
    this.problem.replaceChildren(...(error ? [problemNote(error)] : []));
    if (error && !(error instanceof WrongField)) this.form.mark(error.message);
  }

  enlarge(url, caption) {
    const close = element("button", { type: "button", class: "button", text: "Close", onclick: () => this.dialog.close() });
    this.dialog.setAttribute("aria-label", caption);
    this.dialog.replaceChildren(element("img", { src: url, alt: caption }), element("div", { class: "row spread" }, caption, close));
    this.dialog.showModal();
  }
}
