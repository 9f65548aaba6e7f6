// The settings of the open conversation, or of the new one, and the menu that shows them. Those of a stored conversation are its own and
// shared with the terminal; those of a new one are kept in this browser until it begins.

const NO_SETTINGS = {
  preset: null, system: null, temperature: null, topP: null, maxTokens: null, stop: [], seed: null, thinking: null, memory: null,
};
const LEVELS = ["off", "low", "medium", "high"];
const NEW_SETTINGS = "settings of a new conversation";

let settings = NO_SETTINGS;
// The presets, and what counts where nothing is set.
let settingChoices = { presets: [], problems: [], usual: { system: "", temperature: null, maxTokens: null, thinking: null, memory: true, adaptive: false }, canBePrivate: false };
let savingSettings = Promise.resolve();

const settingsPath = (id) => `api/conversations/${encodeURIComponent(id)}/settings`;

async function showSettings() {
  settingChoices = await asked("api/settings");
  // Those of a private one are kept nowhere else.
  if (!current && !isPrivate) settings = keptSettings();
  buildPresets();
  paintSettings();
}

// Of the conversation that has just been opened, or that has changed elsewhere.
function setSettings(said) {
  settings = said;
  paintSettings();
}

// Another face may have changed them.
async function refreshSettings() {
  const id = current;
  if (!id) return;
  await savingSettings;
  const said = await asked(settingsPath(id));
  if (current === id) setSettings(said);
}

// A new conversation.

function keptSettings() {
  let kept = {};
  try { kept = JSON.parse(memory.get(forEver, NEW_SETTINGS) || "{}"); } catch { /* Another version has written it. */ }
  const preset = settingChoices.presets.find(({ name }) => name === kept.preset?.name);
  return { ...NO_SETTINGS, ...kept, preset: preset ? withValues(preset, kept.preset.values ?? {}) : null };
}

const withValues = (preset, values) => ({ ...preset, variables: preset.variables.map((each) => ({ ...each, value: values[each.name] ?? each.value })) });
const presetChoice = (preset) => ({ name: preset.name, values: Object.fromEntries(preset.variables.map(({ name, value }) => [name, value])) });

// What is set, as the server takes it.
function setFields() {
  const fields = { ...settings, preset: settings.preset && presetChoice(settings.preset) };
  for (const [name, value] of Object.entries(fields)) if (value === null || (Array.isArray(value) && !value.length)) delete fields[name];
  return fields;
}

function keepNewSettings() {
  if (isPrivate) return;
  memory.set(forEver, NEW_SETTINGS, JSON.stringify(setFields()));
}

function settingsOfNew() {
  const fields = setFields();
  return { ...(Object.keys(fields).length ? { settings: fields } : {}), ...(isPrivate ? { private: true } : {}) };
}

// The new conversation has begun, and has them now.
function forgetNewSettings() {
  memory.set(forEver, NEW_SETTINGS, "");
}

// Changes.

function changeSettings(fields) {
  if (!current) {
    const preset = fields.preset && withValues(settingChoices.presets.find(({ name }) => name === fields.preset.name), fields.preset.values ?? {});
    setSettings({ ...settings, ...fields, ...("preset" in fields ? { preset } : {}) });
    if (fields.preset && preset.tools.length) setSwitched({ ...switched, servers: preset.tools });
    keepNewSettings();
    return;
  }
  const id = current;
  savingSettings = savingSettings.then(async () => {
    try {
      const said = await (await request("PATCH", settingsPath(id), fields)).json();
      if (current !== id) return;
      setSettings(said);
      if (fields.preset) await showTools();
    } catch (error) {
      if (current === id) tellFault(error.message);
      else toast(error.message);
    }
  });
}

function resetSettings() {
  changeSettings({ ...Object.fromEntries(Object.keys(NO_SETTINGS).map((name) => [name, null])), ...(current ? {} : { stop: [] }) });
  if (isAdaptive() !== settingChoices.usual.adaptive) setAdaptive(settingChoices.usual.adaptive);
  setWhole(false);
  announce("Settings are as usual.");
}

function choosePreset(name) {
  const preset = settingChoices.presets.find((each) => each.name === name);
  changeSettings({ preset: preset ? presetChoice(preset) : null });
  if (preset && (preset.model || preset.strategy)) useChoice(preset.model, preset.strategy);
}

// Those of this browser.

const isAdaptive = () => (memory.get(forEver, "adaptive") || (settingChoices.usual.adaptive ? "on" : "off")) === "on";
const showsWhole = () => memory.get(forEver, "whole") === "on";

function setAdaptive(on) {
  memory.set(forEver, "adaptive", on ? "on" : "off");
  paintSettings();
}

function setWhole(on) {
  memory.set(forEver, "whole", on ? "on" : "");
  if (running) running.setWhole(on);
  paintSettings();
}

// The controls. Its elements stay, so that what one is writing is not lost when something changes elsewhere.

const controls = {
  preset: element("select", { id: "setting-preset" }),
  variables: element("div", { id: "setting-variables" }),
  system: element("textarea", { id: "setting-system", rows: 3, maxLength: 1_000_000, dir: "auto" }),
  temperature: element("input", { id: "setting-temperature", type: "number", min: 0, max: 2, step: "any", inputMode: "decimal" }),
  maxTokens: element("input", { id: "setting-length", type: "number", min: 1, max: 1_000_000_000, step: 1, inputMode: "numeric" }),
  thinking: element("select", { id: "setting-thinking" }, new Option("", ""), ...LEVELS.map((level) => new Option(level, level))),
  memory: element("input", { id: "setting-memory", type: "checkbox" }),
  adaptive: element("input", { id: "setting-adaptive", type: "checkbox" }),
  whole: element("input", { id: "setting-whole", type: "checkbox" }),
  private: element("input", { id: "setting-private", type: "checkbox" }),
  others: element("p", { id: "settings-others" }),
  fault: element("p", { id: "settings-fault", className: "error", role: "alert", hidden: true }),
  reset: element("button", { type: "button", id: "settings-reset" }, "Back to the usual settings"),
  title: element("h2", { id: "settings-title" }),
};
const presetHelp = element("small", { id: "preset-help", dir: "auto" });
const thinkingHelp = element("small", { id: "thinking-help" });
const memoryHelp = element("small", {});
const privateHelp = element("small", {}, "Nothing of it is saved, here or on the server, and your memory is not sent. It is gone when you leave it.");

function buildMenu() {
  const row = (field, words, ...help) => element("div", { className: "setting" }, element("label", { htmlFor: field.id }, words), field, ...help);
  const flip = (field, words, help) => element("label", { className: "switch" }, field, element("span", {}, element("b", {}, words), help));
  controls.thinking.setAttribute("aria-describedby", thinkingHelp.id);
  controls.preset.setAttribute("aria-describedby", presetHelp.id);
  const close = element("button", { type: "button", className: "icon", title: "Close", "aria-label": "Close the settings" }, icon("cross"));
  close.addEventListener("click", () => $("settings-menu").hidePopover());
  const box = element(
    "div", { id: "settings-menu", popover: "auto", role: "dialog", "aria-labelledby": "settings-title" },
    element("div", { className: "settings-head" }, controls.title, close),
    row(controls.preset, "Preset", presetHelp),
    controls.variables,
    row(controls.system, "System prompt"),
    element("div", { className: "pair" }, row(controls.temperature, "Temperature"), row(controls.maxTokens, "Maximum tokens")),
    controls.fault,
    row(controls.thinking, "Thinking effort", thinkingHelp),
    flip(controls.memory, "Send my memory", memoryHelp),
    flip(controls.adaptive, "Adaptive answers", element("small", {}, "A fast model answers first, then the best one in detail.")),
    flip(controls.whole, "Show the answer when it is complete", element("small", {}, "Otherwise it is shown as it is written.")),
    flip(controls.private, "Private conversation", privateHelp),
    controls.others, controls.reset,
  );
  const button = element(
    "button", { type: "button", className: "icon", id: "settings-button", title: "Settings of this conversation", "aria-haspopup": "dialog" },
    icon("sliders"),
  );
  button.setAttribute("popovertarget", "settings-menu");
  $("tools-menu").after(button, box);
}

function buildPresets() {
  controls.preset.replaceChildren(new Option("None", ""), ...settingChoices.presets.map(({ name, title }) => new Option(title, name)));
}

// A field in which one is writing is left alone.
function fill(field, value) {
  if (field !== document.activeElement) field[field.type === "checkbox" ? "checked" : "value"] = value ?? (field.type === "checkbox" ? false : "");
}

function paintSettings() {
  const { preset } = settings;
  const { usual } = settingChoices;
  controls.title.textContent = current ? "Settings of this conversation" : "Settings of the new conversation";
  // One that is not among the files any more, or that an import has brought.
  if (preset && ![...controls.preset.options].some(({ value }) => value === preset.name)) controls.preset.append(new Option(preset.title, preset.name));
  fill(controls.preset, preset?.name);
  presetHelp.textContent = preset?.description ?? "";
  paintVariables();
  fill(controls.system, settings.system);
  controls.system.placeholder = preset?.system ?? (usual.system || "None");
  fill(controls.temperature, settings.temperature);
  controls.temperature.placeholder = usualWords(preset?.temperature ?? usual.temperature);
  fill(controls.maxTokens, settings.maxTokens);
  controls.maxTokens.placeholder = usualWords(preset?.maxTokens ?? usual.maxTokens);
  paintThinking();
  memoryHelp.textContent = `≈${count(remembered.tokens)} tokens with each question`;
  controls.memory.closest("label").hidden = isPrivate || (!remembered.tokens && settings.memory === null);
  fill(controls.memory, settings.memory ?? usual.memory);
  fill(controls.adaptive, isAdaptive());
  fill(controls.whole, showsWhole());
  controls.private.disabled = Boolean(current || running);
  controls.private.closest("label").hidden = current ? !isPrivate : !settingChoices.canBePrivate;
  fill(controls.private, isPrivate);
  controls.others.textContent = otherLabels().length ? `Also set, in the terminal: ${otherLabels().join(", ")}` : "";
  const labels = settingLabels();
  $("settings-button").classList.toggle("on", labels.length > 0);
  $("settings-button").setAttribute("aria-label", `Settings: ${labels.length ? labels.join(", ") : "as usual"}`);
  $("settings-button").title = labels.length ? `Settings: ${labels.join(", ")}` : "Settings of this conversation";
  controls.reset.disabled = !labels.some((each) => each !== PRIVATE);
}

const usualWords = (value) => (value === null || value === undefined ? "model’s default" : String(value));

function paintVariables() {
  const variables = settings.preset?.variables ?? [];
  const there = [...controls.variables.querySelectorAll("input")];
  const shown = `${settings.preset?.name} ${variables.map(({ name }) => name)}`;
  if (controls.variables.dataset.shown !== shown) {
    controls.variables.dataset.shown = shown;
    controls.variables.replaceChildren(...variables.map(variableRow));
  } else {
    for (const [at, field] of there.entries()) fill(field, variables[at].value);
  }
}

function variableRow({ name, help, value, choices }) {
  const field = element("input", { id: `variable-${name}`, value, maxLength: 2000, dir: "auto", autocomplete: "off" });
  const list = element("datalist", { id: `choices-${name}` }, ...choices.map((each) => element("option", { value: each })));
  field.setAttribute("list", list.id);
  field.addEventListener("change", () => {
    const chosen = presetChoice(settings.preset);
    changeSettings({ preset: { ...chosen, values: { ...chosen.values, [name]: field.value.trim() } } });
  });
  const words = name.replaceAll("_", " ");
  return element("div", { className: "setting" }, element("label", { htmlFor: field.id }, `${words[0].toUpperCase()}${words.slice(1)}`), field, help ? element("small", { dir: "auto" }, help) : "", list);
}

// Only what the model can.
function paintThinking() {
  const able = canThink();
  const usual = settings.preset?.thinking ?? settingChoices.usual.thinking;
  controls.thinking.options[0].textContent = usual ?? "model’s default";
  controls.thinking.disabled = !able && !settings.thinking;
  for (const option of controls.thinking.options) option.disabled = !able && option.value !== "";
  fill(controls.thinking, settings.thinking);
  thinkingHelp.textContent = able ? "" : "The chosen model does not think before it answers.";
  thinkingHelp.hidden = able;
}

const PRIVATE = "private: never saved";

// As the terminal names them above its prompt.
function settingLabels() {
  const { preset, system, temperature, maxTokens, thinking } = settings;
  const own = settings.memory;
  return [
    isPrivate && PRIVATE,
    preset && [preset.title, ...preset.variables.map(({ value }) => value)].filter(Boolean).join(" · "),
    system !== null && "own system prompt",
    temperature !== null && `temp ${temperature}`,
    maxTokens !== null && `max ${maxTokens}`,
    thinking && `thinking ${thinking}`,
    own !== null && own !== settingChoices.usual.memory && `memory ${own ? "on" : "off"}`,
    ...otherLabels(),
    isAdaptive() !== settingChoices.usual.adaptive && `adaptive ${isAdaptive() ? "on" : "off"}`,
    showsWhole() && "shown when complete",
  ].filter(Boolean);
}

function otherLabels() {
  const { topP, seed, stop } = settings;
  return [topP !== null && `top_p ${topP}`, seed !== null && `seed ${seed}`, stop.length && `stop ${titleOf(stop[0], 12)}${stop.length > 1 ? ` +${stop.length - 1}` : ""}`].filter(Boolean);
}

function tellFault(words) {
  controls.fault.textContent = words;
  controls.fault.hidden = !words;
}

// Returns what is wrong with what is written in a field. It is told as one types: when the field is left, what one is about to press must
// stay where it is.
function faultOf(name, words) {
  const field = controls[name];
  const wrong = !field.validity.valid;
  field.setAttribute("aria-invalid", String(wrong));
  return wrong ? `${words} from ${field.min} to ${Number(field.max).toLocaleString("en")}.` : "";
}

function takeField(name) {
  const field = controls[name];
  if (!field.validity.valid) return;
  const typed = field.value.trim();
  const value = name === "system" ? typed || null : typed ? Number(typed) : null;
  if (value !== settings[name]) changeSettings({ [name]: value });
}

// What is wrong is not kept when the menu is closed.
function takeFields() {
  for (const [name, words] of FIELDS) {
    const fault = faultOf(name, words);
    takeField(name);
    if (!fault) continue;
    toast(`${fault} Nothing was changed.`);
    controls[name].value = settings[name] ?? "";
    controls[name].setAttribute("aria-invalid", "false");
  }
}

const FIELDS = [
  ["system", ""], ["temperature", "The temperature must be a number"], ["maxTokens", "The maximum of tokens must be a whole number"],
];

const placeSettingsMenu = () => placeSheet($("settings-menu"), $("settings-button"), SETTINGS_WIDTH, 160);

// Its width in settings.css.
const SETTINGS_WIDTH = 400;

function listenToSettings() {
  buildMenu();
  for (const [name, words] of FIELDS) {
    controls[name].addEventListener("input", () => tellFault(faultOf(name, words)));
    controls[name].addEventListener("change", () => takeField(name));
  }
  controls.preset.addEventListener("change", () => choosePreset(controls.preset.value));
  controls.thinking.addEventListener("change", () => changeSettings({ thinking: controls.thinking.value || null }));
  controls.memory.addEventListener("change", () => {
    changeSettings({ memory: controls.memory.checked === settingChoices.usual.memory ? null : controls.memory.checked });
    setUsesMemory(controls.memory.checked);
  });
  controls.adaptive.addEventListener("change", () => setAdaptive(controls.adaptive.checked));
  controls.whole.addEventListener("change", () => setWhole(controls.whole.checked));
  controls.private.addEventListener("change", () => {
    setPrivate(controls.private.checked);
    keepNewSettings();
    announce(isPrivate ? "Private: nothing of this conversation is saved." : "Not private: this conversation is saved.");
  });
  controls.reset.addEventListener("click", resetSettings);
  $("choice").addEventListener("change", paintSettings);
  $("settings-menu").addEventListener("beforetoggle", (event) => {
    if (event.newState !== "open") {
      takeFields();
      return;
    }
    placeSettingsMenu();
    tellFault("");
    showSettings().then(refreshSettings).catch((error) => tellFault(error.message));
  });
  addEventListener("resize", placeSettingsMenu);
  addEventListener("storage", ({ key }) => { if ([memory.name("adaptive"), memory.name("whole")].includes(key)) paintSettings(); });
  paintSettings();
}
