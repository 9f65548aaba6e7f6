// The list of models and strategies, which opens above the prompt: with search, groups, prices and speed.

// So many rows are shown at once; the others are found by typing, or shown by a button.
const ROWS_AT_ONCE = 200;
const PICKER_REFRESH_MS = 4000;
// Its width in picker.css.
const PICKER_WIDTH = 520;

let preferred = { favourites: [], recent: [] };
let foundKeys = [];
// What to do with the next choice, in place of using it from now on; `null`: use it.
let pickOnce = null;
let pickedBy = null;
let rowsShown = ROWS_AT_ONCE;
let pickerTimer = null;
// Changes of favourites and recent models are sent one after the other.
let sendingPreference = Promise.resolve();

const chosenModel = () => ($("choice").value.startsWith("m/") ? $("choice").value.slice(2) : "");

function paintChoice() {
  const value = $("choice").value;
  $("model-name").textContent = chosenModel() ? shortName(chosenModel()) : value.slice(2) || "Model";
  $("model-button").title = `${chosenModel() ? `Model: ${chosenModel()}` : `Strategy: ${value.slice(2)}`} (Ctrl+/ changes it)`;
  $("model-button").setAttribute("aria-label", $("model-button").title);
}

const STATE_OF_MODEL = { "not fetched": "not downloaded", fetching: "downloading", ready: "" };
const modelState = (model) => STATE_OF_MODEL[model.state] ?? model.state;

function price(value) {
  if (value === 0) return "$0";
  return value < 0.1 ? `$${Number(value.toPrecision(2))}` : `$${value.toFixed(2)}`;
}

function modelWords(model) {
  const priced = known(model.priceIn) && known(model.priceOut);
  return [
    modelState(model),
    model.notForChat && `${model.notForChat}: no strategy chooses it`,
    model.free ? "free" : priced ? `${price(model.priceIn)} in, ${price(model.priceOut)} out` : "price unknown",
    model.contextWindow && `${tokensInShort(model.contextWindow)} context`,
    known(model.tokensPerSecond) && `${Math.round(model.tokensPerSecond)} tok/s`,
    known(model.ttftSeconds) && `first token ${firstToken(model.ttftSeconds)}`,
    model.images && "images",
    model.tools && "tools",
    model.thinking && "thinks",
    model.webSearch && "searches the web",
    model.local && "on the server's machine",
  ].filter(Boolean).join(" · ");
}

const tokensInShort = (value) => (value < 1000 ? String(value) : value < 1e6 ? `${Math.round(value / 1000)}k` : `${Number((value / 1e6).toFixed(1))}M`);

// Each model once: favourites, recently chosen ones, strategies, then by provider.
function pickerEntries() {
  const places = new Map(offered.map((model) => [model.name, model]));
  const entryOf = (model, group) => ({ group, value: `m/${model.name}`, name: model.name, words: modelWords(model), model });
  const first = new Set();
  const entries = [];
  for (const [group, names] of [["Favourites", preferred.favourites], ["Recent", preferred.recent]]) {
    for (const name of names) {
      if (!places.has(name) || first.has(name)) continue;
      first.add(name);
      entries.push(entryOf(places.get(name), group));
    }
  }
  if (!pickOnce) for (const { name, help } of strategies) entries.push({ group: "Strategies", value: `s/${name}`, name, words: help });
  const byProvider = new Map();
  for (const model of offered) {
    if (first.has(model.name)) continue;
    if (!byProvider.has(model.provider)) byProvider.set(model.provider, []);
    byProvider.get(model.provider).push(entryOf(model, model.provider));
  }
  return [...entries, ...[...byProvider.values()].flat()];
}

const searchedText = ({ group, name, words }) => `${name} ${group} ${words}`.toLowerCase();

function matchingEntries(entries, typed) {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  return entries.filter((entry) => {
    const text = searchedText(entry);
    return words.every((word) => text.includes(word));
  });
}

function paintPicker() {
  if (!$("models-menu").matches(":popover-open")) return;
  const all = pickerEntries();
  const found = matchingEntries(all, $("models-search").value);
  const focused = document.activeElement?.closest(".model-row")?.dataset.value;
  const part = document.activeElement?.className;
  const sums = new Map();
  for (const { group } of found) sums.set(group, (sums.get(group) ?? 0) + 1);
  const made = [];
  let group = "";
  for (const entry of found.slice(0, rowsShown)) {
    if (entry.group !== group) {
      group = entry.group;
      made.push(element("h3", { dir: "auto" }, `${group} · ${sums.get(group)}`));
    }
    made.push(pickerRow(entry));
  }
  if (found.length > rowsShown) made.push(moreRows(found.length));
  $("models-list").replaceChildren(...made);
  $("models-note").textContent = found.length ? `${pickOnce ? "" : "A strategy picks the model for each question. "}Prices are for a million tokens.` : "No model matches. Try fewer letters.";
  if (focused) [...$("models-list").querySelectorAll(".model-row")].find((row) => row.dataset.value === focused)?.querySelector(`.${part}`)?.focus({ preventScroll: true });
}

function pickerRow(entry) {
  const isChosen = !pickOnce && entry.value === $("choice").value;
  const pick = element("button", { type: "button", className: "pick" }, element("b", { dir: "auto" }, entry.name), element("small", { dir: "auto" }, entry.words));
  pick.setAttribute("aria-current", String(isChosen));
  const row = element("div", { className: `model-row${entry.model?.usable === false ? " unusable" : ""}` }, pick);
  row.dataset.value = entry.value;
  if (entry.model) row.append(starButton(entry.name));
  if (entry.model?.usable === false) pick.setAttribute("aria-disabled", "true");
  return row;
}

function starButton(name) {
  const on = preferred.favourites.includes(name);
  return element("button", { type: "button", className: "star", tabIndex: -1, title: on ? "Remove from favourites" : "Make it a favourite (Right)", "aria-label": `Favourite: ${name}`, "aria-pressed": String(on) }, on ? "★" : "☆");
}

function moreRows(total) {
  const button = element("button", { type: "button", className: "more-models" }, `Show all ${total.toLocaleString("en")}`);
  button.addEventListener("click", () => {
    const at = $("models-list").querySelectorAll(".pick").length;
    rowsShown = total;
    paintPicker();
    $("models-list").querySelectorAll(".pick")[at]?.focus();
  });
  return button;
}

function sendPreference(change) {
  sendingPreference = sendingPreference
    .then(() => request("PUT", "api/models/preferences", change))
    .catch((error) => toast(error.message));
}

function toggleFavourite(model) {
  const favourite = !preferred.favourites.includes(model);
  const others = preferred.favourites.filter((name) => name !== model);
  preferred = { ...preferred, favourites: favourite ? [...others, model] : others };
  paintPicker();
  announce(favourite ? `${model} is a favourite.` : `${model} is no favourite any more.`);
  sendPreference({ model, favourite });
}

function pick(value) {
  const entry = value.startsWith("m/") ? offered.find((model) => model.name === value.slice(2)) : null;
  if (entry && !entry.usable) {
    $("models-note").textContent = `${entry.name} cannot be used now: ${modelState(entry)}.`;
    announce($("models-note").textContent);
    return;
  }
  const once = pickOnce;
  $("models-menu").hidePopover();
  if (once) once(value.slice(2));
  else {
    $("choice").value = value;
    $("choice").dispatchEvent(new Event("change"));
    announce(`${chosenModel() ? "Model" : "Strategy"}: ${value.slice(2)}`);
    $("prompt").focus();
  }
  if (entry) {
    preferred = { ...preferred, recent: [entry.name, ...preferred.recent.filter((name) => name !== entry.name)].slice(0, 5) };
    sendPreference({ model: entry.name });
  }
}

// `once`: what is done with the model that is chosen, in place of using it from now on.
function openPicker({ by = $("model-button"), once = null } = {}) {
  if ($("models-menu").matches(":popover-open")) return;
  [pickOnce, pickedBy] = [once, by];
  $("models-menu").showPopover();
  // Before the next key: the event `toggle` comes later.
  pickerOpened();
}

function pickerOpened() {
  placePicker();
  rowsShown = ROWS_AT_ONCE;
  $("models-search").value = "";
  $("models-compare").hidden = Boolean(pickOnce) || offered.filter((model) => model.usable).length < FEWEST_COMPARED;
  $("models-title").textContent = pickOnce ? "Ask again with another model" : "Model or strategy";
  paintPicker();
  $("models-list").querySelector("[aria-current='true']")?.scrollIntoView({ block: "center" });
  if (!isPhone()) $("models-search").focus();
  $("model-button").setAttribute("aria-expanded", "true");
  refreshPicker();
  showFoundKeys();
  pickerTimer = setInterval(refreshPicker, PICKER_REFRESH_MS);
}

function pickerClosed() {
  clearInterval(pickerTimer);
  const hadFocus = $("models-menu").contains(document.activeElement);
  const by = pickedBy;
  [pickOnce, pickedBy] = [null, null];
  $("model-button").setAttribute("aria-expanded", "false");
  $("models-list").replaceChildren();
  if (hadFocus) (by?.isConnected ? by : $("prompt")).focus();
}

async function refreshPicker() {
  const before = JSON.stringify([offered, preferred, strategies]);
  try {
    await showChoices();
  } catch (error) {
    $("models-note").textContent = error.message;
    return;
  }
  if (JSON.stringify([offered, preferred, strategies]) !== before) paintPicker();
}

async function askForModels() {
  $("models-refresh").disabled = true;
  try {
    await request("POST", "api/models/refresh");
    await refreshPicker();
    await showFoundKeys();
    announce(`${plural(offered.length, "model")}.`);
  } catch (error) {
    toast(error.message);
  }
  $("models-refresh").disabled = false;
}

// A key in the server's environment is put to use after one question: what is asked then goes to its provider.
async function showFoundKeys() {
  try {
    foundKeys = (await asked("api/found-keys")).keys;
  } catch { return; }
  $("models-keys").replaceChildren(...foundKeys.map(foundKeyRow));
}

function foundKeyRow({ provider, title, source }) {
  const button = (words, act, className = "") => {
    const made = element("button", { type: "button", className }, words);
    made.addEventListener("click", act);
    return made;
  };
  const row = element("div", { className: "found-key" });
  const begin = () => row.replaceChildren(element("span", {}, `A key for ${title} was found in ${source}.`), button("Use it", confirm));
  const confirm = () => {
    const use = button(`Use ${title}`, () => useKey(provider, use), "primary");
    row.replaceChildren(element("span", {}, `Questions can then be sent to ${title}, which charges for them. Nothing else is sent, and the key stays on the server.`), button("Cancel", begin), use);
    use.focus();
  };
  begin();
  return row;
}

async function useKey(provider, button) {
  button.disabled = true;
  try {
    const added = await (await request("POST", `api/found-keys/${encodeURIComponent(provider)}/use`)).json();
    toast(`${added.title} is in use: ${plural(added.models, "model")}.`);
    await refreshPicker();
    await showFoundKeys();
    $("models-search").focus();
  } catch (error) {
    toast(error.message);
    button.disabled = false;
  }
}

function pickerKey(event) {
  const picks = [...$("models-list").querySelectorAll(".pick, .more-models")];
  const row = event.target.closest(".model-row");
  const at = picks.indexOf(row?.querySelector(".pick") ?? event.target);
  const steps = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: Math.min(at + 8, picks.length - 1), PageUp: Math.max(0, at - 8) };
  if (at >= 0) Object.assign(steps, { Home: 0, End: picks.length - 1 });
  if (event.key in steps && !event.altKey && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    (steps[event.key] < 0 ? $("models-search") : picks[Math.min(steps[event.key], picks.length - 1)])?.focus();
  } else if (event.target === $("models-search") && event.key === "Enter" && !event.isComposing) {
    event.preventDefault();
    // As in the terminal, Enter without a search or a move changes nothing.
    if (!event.target.value.trim()) $("models-menu").hidePopover();
    else {
      const found = picks.filter((each) => each.className === "pick");
      const first = found.find((each) => each.getAttribute("aria-disabled") !== "true") ?? found[0];
      if (first) pick(first.parentElement.dataset.value);
    }
  } else if (row && event.key === "ArrowRight") row.querySelector(".star")?.focus();
  else if (row && event.key === "ArrowLeft") row.querySelector(".pick").focus();
  else if (at >= 0 && event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey) $("models-search").focus();
}

const placePicker = () => placeSheet($("models-menu"), $("model-button"), PICKER_WIDTH, 200);

function listenToPicker() {
  const menu = element(
    "div", { id: "models-menu", popover: "auto", role: "dialog", "aria-labelledby": "models-title" },
    element(
      "div", { className: "models-head" },
      element("h2", { id: "models-title" }, "Model or strategy"),
      element("button", { type: "button", id: "models-compare", title: "Send the next question to several models" }, "Compare…"),
      element("button", { type: "button", className: "icon", id: "models-refresh", title: "Ask all servers for their models again", "aria-label": "Ask all servers for their models again" }, icon("again")),
      element("button", { type: "button", className: "icon", id: "models-close", title: "Close (Esc)", "aria-label": "Close" }, icon("cross")),
    ),
    element("input", { type: "search", id: "models-search", placeholder: "Search models", "aria-label": "Search models and strategies", autocomplete: "off", spellcheck: false, enterKeyHint: "go" }),
    element("div", { id: "models-keys" }),
    element("div", { id: "models-list", role: "group", "aria-label": "Models and strategies" }),
    element("p", { id: "models-note", role: "status" }),
  );
  $("model-button").after(menu);
  // Of a button that opens a popover a click closes it, too, in place of closing and opening it.
  $("model-button").setAttribute("popovertarget", "models-menu");
  $("model-button").addEventListener("click", (event) => {
    if (menu.matches(":popover-open")) return;
    event.preventDefault();
    openPicker();
  });
  menu.addEventListener("beforetoggle", (event) => { if (event.newState !== "open") pickerClosed(); });
  menu.addEventListener("keydown", pickerKey);
  $("models-compare").addEventListener("click", () => {
    menu.hidePopover();
    openCompare();
  });
  $("models-close").addEventListener("click", () => menu.hidePopover());
  $("models-refresh").addEventListener("click", askForModels);
  $("models-search").addEventListener("input", () => {
    rowsShown = ROWS_AT_ONCE;
    $("models-list").scrollTop = 0;
    paintPicker();
  });
  $("models-list").addEventListener("click", (event) => {
    const value = event.target.closest(".model-row")?.dataset.value;
    if (!value) return;
    if (event.target.closest(".star")) toggleFavourite(value.slice(2));
    else pick(value);
  });
  $("choice").addEventListener("change", paintChoice);
  addEventListener("resize", placePicker);
}
