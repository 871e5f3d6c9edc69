// The address is built from parts because the page's own may hold a key as a user name, and scripts may not fetch
// addresses with credentials.
const url = new URL("openapi.json", location.origin + location.pathname).href;

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

// Sections are closed but for the first, and for the one that the address names.
const ui = SwaggerUIBundle({
  url,
  dom_id: "#api",
  validatorUrl: null,
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: -1,
  displayRequestDuration: true,
  requestSnippetsEnabled: false,
  onComplete() {
    const tags = ui.specSelectors.specJson().get("tags").map((tag) => tag.get("name")).toJS();
    ui.layoutActions.show(["operations-tag", tags[0]], true);
    all.hidden = false;
    all.addEventListener("click", () => tags.forEach((tag) => ui.layoutActions.show(["operations-tag", tag], true)));
  },
});
const all = document.getElementById("all");

// What Swagger UI leaves without a name or a way for the keyboard.
const NAMES = {
  'input[type="file"]': "File",
  ".body-param__text": "Request body",
  ".content-type-wrapper select": "Media type",
  ".servers select": "Server",
};
const mend = () => {
  for (const row of document.querySelectorAll("tr[data-param-name]")) {
    for (const control of row.querySelectorAll("select, input, textarea")) name(control, row.dataset.paramName);
  }
  for (const [selector, text] of Object.entries(NAMES)) {
    document.querySelectorAll(selector).forEach((control) => name(control, text));
  }
  document.querySelectorAll(".curl, .microlight").forEach((code) => (code.tabIndex = 0));
  // A link inside of a button; the button opens the same.
  document.querySelectorAll(".opblock-summary-control a[href]").forEach((link) => link.removeAttribute("href"));
};
const name = (control, text) => control.ariaLabel ?? control.setAttribute("aria-label", text);
new MutationObserver(mend).observe(document.getElementById("api"), { childList: true, subtree: true });
