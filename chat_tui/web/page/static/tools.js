// The menu of tool servers: which ones the open conversation uses.

// Its width in page.css.
const MENU_WIDTH = 352;

let servers = [];
let switched = { servers: [], off: [] };

async function showTools() {
  servers = (await asked("/api/tools")).servers;
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
  $("tools-button").hidden = !servers.length;
  $("tools-count").textContent = on.length || "";
  $("tools-button").classList.toggle("on", on.length > 0);
  $("tools-button").setAttribute("aria-label", on.length ? `Tools: ${on.map((server) => server.name).join(", ")}` : "Tools: none");
  const tokens = on.reduce((sum, server) => sum + server.tokens, 0);
  $("tools-sum").textContent = tokens ? `≈${count(tokens)} tokens with each question` : "Calls are shown to you before they run.";
  const focused = document.activeElement?.dataset?.server;
  $("tools-list").replaceChildren(...servers.map(serverRow));
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

async function switchServer(name, on) {
  const before = switched;
  const names = before.servers.filter((each) => each !== name);
  setSwitched({ ...before, servers: on ? [...names, name] : names });
  if (!current) return;
  const id = current;
  try {
    await request("PUT", `/api/conversations/${encodeURIComponent(id)}/tools`, switched);
  } catch (error) {
    if (current === id) setSwitched(before);
    toast(error.message);
  }
}

function placeToolsMenu() {
  const [menu, button] = [$("tools-menu"), $("tools-button").getBoundingClientRect()];
  menu.style.bottom = `${innerHeight - button.top + 8}px`;
  const widest = Math.min(MENU_WIDTH, innerWidth - 16);
  menu.style.left = `${Math.max(8, Math.min(button.left, innerWidth - widest - 8))}px`;
}

function listenToTools() {
  $("tools-menu").addEventListener("beforetoggle", (event) => {
    if (event.newState !== "open") return;
    placeToolsMenu();
    showTools().catch((error) => toast(error.message));
  });
  addEventListener("resize", placeToolsMenu);
}
