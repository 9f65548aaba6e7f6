// The choice of a model or a strategy, and what is told about memory.

function choice() {
  const [kind, name] = [$("choice").value.slice(0, 1), $("choice").value.slice(2)];
  // Adaptive answers have strategies of their own.
  if (isAdaptive()) return { adaptive: true, ...(kind === "m" ? { model: name } : {}) };
  if (!name) return {};
  return kind === "m" ? { model: name } : { strategy: name };
}

let offered = [];

// Whether the chosen model thinks before it answers, or one that a strategy may choose does; true if that is not known.
function canThink() {
  const name = $("choice").value.startsWith("m/") ? $("choice").value.slice(2) : "";
  const models = offered.filter((model) => !name || model.name === name);
  return !models.length || models.some((model) => model.thinking !== false);
}

// What a preset is made for.
function useChoice(model, strategy) {
  const wanted = model ? `m/${model}` : `s/${strategy}`;
  if (![...$("choice").options].some((option) => option.value === wanted && !option.disabled)) return;
  $("choice").value = wanted;
  $("choice").dispatchEvent(new Event("change"));
}

// What the user has asked to remember, which is sent with questions; the commands of the screen change it.
let remembered = { tokens: 0, usual: true };
let usesMemory = true;

function setUsesMemory(uses) {
  usesMemory = uses;
  paintMemory();
}

function paintMemory() {
  $("memory").hidden = !remembered.tokens || !usesMemory || isPrivate;
  $("memory").textContent = `Your memory is sent with each question: ≈${count(remembered.tokens)} tokens`;
}

function strategyOption(name, help = "") {
  const option = new Option(name, `s/${name}`);
  option.dataset.help = help;
  return option;
}

// In the list a strategy says what it prefers; the one that is chosen has only its name, so that it fits.
function nameChoice() {
  for (const option of $("choice").options) {
    const { help } = option.dataset;
    if (help !== undefined) option.textContent = help && !option.selected ? `${option.value.slice(2)}: ${help}` : option.value.slice(2);
  }
  $("choice").title = $("choice").selectedOptions[0]?.dataset.help ?? "";
}

async function showChoices() {
  const said = await asked("api/models");
  const strategies = element("optgroup", { label: "Strategies" }, ...said.strategies.map((name) => strategyOption(name, said.strategyHelp[name])));
  const groups = new Map();
  for (const model of said.models) {
    if (!groups.has(model.provider)) groups.set(model.provider, element("optgroup", { label: model.provider }));
    const words = [shortName(model.name), model.state === "ready" ? "" : `(${model.state})`].filter(Boolean).join(" ");
    groups.get(model.provider).append(element("option", { value: `m/${model.name}`, disabled: !model.usable }, words));
  }
  offered = said.models;
  remembered = { tokens: said.memoryTokens, usual: said.usesMemory };
  if (!current) usesMemory = said.usesMemory;
  paintMemory();
  searchable = said.models.some((model) => model.webSearch);
  paintTools();
  const several = said.models.filter((model) => model.usable).length >= FEWEST_COMPARED ? [new Option("Compare models…", COMPARE_CHOICE)] : [];
  $("choice").replaceChildren(strategies, ...groups.values(), ...several);
  const usual = said.model ? `m/${said.model}` : `s/${said.strategy}`;
  $("choice").value = memory.get(forEver, "choice") || usual;
  if (!$("choice").value) $("choice").value = usual;
  nameChoice();
  noteChoice();
  paintSettings();
}
