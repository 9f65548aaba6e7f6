// The choice of a model or a strategy, and what is told about memory.

function choice() {
  const [kind, name] = [$("choice").value.slice(0, 1), $("choice").value.slice(2)];
  // Adaptive answers have strategies of their own.
  if (isAdaptive()) return { adaptive: true, ...(kind === "m" ? { model: name } : {}) };
  if (!name) return {};
  return kind === "m" ? { model: name } : { strategy: name };
}

let offered = [];
let strategies = [];
let shownOptions = "";
// Of the config.
let usualChoice = "";
// The model or strategy of the open conversation.
let continuation = {};

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

async function showChoices() {
  const said = await asked("api/models");
  const before = $("choice").value;
  strategies = said.strategies.map((name) => ({ name, help: said.strategyHelp[name] ?? "" }));
  preferred = { favourites: said.favourites, recent: said.recent };
  remembered = { tokens: said.memoryTokens, usual: said.usesMemory };
  // The list is asked for again and again; one may have switched it since.
  if (!current && !offered.length) usesMemory = said.usesMemory;
  paintMemory();
  offered = said.models;
  searchable = said.models.some((model) => model.webSearch);
  paintTools();
  // The list may have thousands, and mostly none of them has changed.
  const options = JSON.stringify([strategies.map(({ name }) => name), offered.map(({ name, usable }) => [name, usable])]);
  if (options !== shownOptions) {
    shownOptions = options;
    $("choice").replaceChildren(
      ...strategies.map(({ name }) => new Option(name, `s/${name}`)),
      ...offered.map((model) => element("option", { value: `m/${model.name}`, disabled: !model.usable }, model.name)),
    );
  }
  usualChoice = said.model ? `m/${said.model}` : `s/${said.strategy}`;
  $("choice").value = before;
  if (!$("choice").value) goOnWith(continuation);
  else paintChoice();
  paintSettings();
}

// What the open conversation goes on with: the model or strategy of its last answer, as in the terminal. A new one begins with what was
// chosen last in this browser.
function goOnWith(said) {
  continuation = said;
  const own = said.model ? `m/${said.model}` : said.strategy ? `s/${said.strategy}` : "";
  const values = new Set([...$("choice").options].map((option) => option.value));
  $("choice").value = [own, memory.get(forEver, "choice"), usualChoice].find((value) => value && values.has(value)) ?? "";
  paintChoice();
  paintSettings();
}
