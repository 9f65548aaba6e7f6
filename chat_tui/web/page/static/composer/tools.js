// The menu of tool servers: which ones the open conversation uses, and what runs in it without asking.

// Its width in tools.css.
const MENU_WIDTH = 352;

let servers = [];
// Whether a model can search the web with its provider's own search.
let searchable = false;
let switched = { servers: [], off: [] };

const toolsPath = (id) => `api/conversations/${encodeURIComponent(id)}/tools`;

async function showTools() {
  const id = current;
  const [listed, use] = await Promise.all([asked("api/tools"), id ? asked(toolsPath(id)) : null]);
  servers = listed.servers;
  // The consents of this page are new to it, and the switches of other faces.
  if (use && current === id) switched = use;
  paintTools();
}

// A question starts the servers that are on; those that cannot be started are left out.
async function tellFailedServers(view) {
  const on = switched.servers;
  if (!on.length) return;
  await showTools();
  for (const server of servers) {
    if (on.includes(server.name) && server.state === "failed") view.notice(server.problem || `The tool server ${server.name} cannot be used.`);
  }
}

function setSwitched(use) {
  switched = use;
  paintTools();
}

function paintTools() {
  const on = servers.filter((server) => switched.servers.includes(server.name));
  $("tools-button").hidden = !servers.length && !searchable && !switched.webSearch;
  $("tools-count").textContent = on.length + Boolean(switched.webSearch) || "";
  $("tools-button").classList.toggle("on", on.length > 0 || Boolean(switched.webSearch));
  const names = [...on.map((server) => server.name), ...(switched.webSearch ? ["web search"] : [])];
  $("tools-button").setAttribute("aria-label", names.length ? `Tools: ${names.join(", ")}` : "Tools: none");
  const tokens = on.reduce((sum, server) => sum + server.tokens, 0);
  $("tools-sum").textContent = tokens ? `≈${count(tokens)} tokens with each question` : "Calls are shown to you before they run.";
  const focused = document.activeElement?.dataset?.server;
  $("tools-list").replaceChildren(...servers.map(serverRow), ...searchRows());
  const consents = switched.consents ?? [];
  $("tools-consents").hidden = !consents.length;
  $("tools-consents").replaceChildren(element("h2", {}, "Run without asking"), ...consents.map(consentRow));
  if (focused !== undefined) $("tools-list").querySelector(`[data-server="${CSS.escape(focused)}"]`)?.focus();
}

function serverRow(server) {
  const box = element("input", { type: "checkbox", checked: switched.servers.includes(server.name) });
  box.dataset.server = server.name;
  box.addEventListener("change", () => switchServer(server.name, box.checked));
  const failed = server.state === "failed";
  const words = failed ? server.problem || "failed" : server.tools.length ? `${plural(server.tools.length, "tool")} · ≈${count(server.tokens)} tokens` : "starts with the first question";
  return element("label", { className: failed ? "failed" : "" }, box, element("span", {}, element("b", { dir: "auto" }, server.name), element("small", { dir: "auto" }, words)));
}

// The provider's own web search; no row where no model can do it.
function searchRows() {
  if (!searchable && !switched.webSearch) return [];
  const box = element("input", { type: "checkbox", checked: Boolean(switched.webSearch) });
  box.dataset.server = "/web search";
  box.addEventListener("change", () => switchTools({ ...switched, webSearch: box.checked }));
  return [element("label", {}, box, element("span", {}, element("b", {}, "Web search"), element("small", {}, "by the model's provider; only models that can are asked")))];
}

function consentRow({ tool, host = "" }) {
  const words = host ? `${visible(tool)} for ${visible(host)}` : visible(tool);
  const again = element("button", { type: "button", "aria-label": `Ask again about ${words}` }, "Ask again");
  again.addEventListener("click", () => takeBack(tool, host, again));
  return element("div", { className: "consent" }, element("span", { dir: "auto" }, words), again);
}

async function takeBack(tool, host, button) {
  button.disabled = true;
  try {
    await request("DELETE", `api/conversations/${encodeURIComponent(current)}/consents?${new URLSearchParams({ tool, host })}`);
    announce(`${visible(tool)} asks again.`);
  } catch (error) {
    toast(error.message);
  }
  await showTools();
  ($("tools-consents").querySelector("button") ?? $("tools-button")).focus();
}

function switchServer(name, on) {
  const names = switched.servers.filter((each) => each !== name);
  return switchTools({ ...switched, servers: on ? [...names, name] : names });
}

async function switchTools(use) {
  const before = switched;
  setSwitched(use);
  if (!current) return;
  const id = current;
  const { servers: on, off, webSearch } = use;
  try {
    await request("PUT", toolsPath(id), { servers: on, off, webSearch });
  } catch (error) {
    if (current === id) setSwitched(before);
    toast(error.message);
  }
}

const placeToolsMenu = () => placeAbove($("tools-menu"), $("tools-button"), MENU_WIDTH);

function listenToTools() {
  $("tools-menu").addEventListener("beforetoggle", (event) => {
    if (event.newState !== "open") return;
    placeToolsMenu();
    showTools().catch((error) => toast(error.message));
  });
  addEventListener("resize", placeToolsMenu);
}
