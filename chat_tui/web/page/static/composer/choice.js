// The choice of a model or a strategy, and what is told about memory.

function choice() {
  const [kind, name] = [$("choice").value.slice(0, 1), $("choice").value.slice(2)];
  if (kind === "a") return { adaptive: true };
  if (!name) return {};
  return kind === "m" ? { model: name } : { strategy: name };
}

// What the user has asked to remember, which is sent with questions; the commands of the screen change it.
let remembered = { tokens: 0, usual: true };
let usesMemory = true;

function setUsesMemory(uses) {
  usesMemory = uses;
  paintMemory();
}

function paintMemory() {
  $("memory").hidden = !remembered.tokens || !usesMemory;
  $("memory").textContent = `Your memory is sent with each question: ≈${count(remembered.tokens)} tokens`;
}

async function showChoices() {
  const said = await asked("api/models");
  const strategies = element("optgroup", { label: "By strategy" }, ...said.strategies.map((name) => new Option(name, `s/${name}`)), new Option("adaptive: quick, then detailed", "a/"));
  const groups = new Map();
  for (const model of said.models) {
    if (!groups.has(model.provider)) groups.set(model.provider, element("optgroup", { label: model.provider }));
    const words = [shortName(model.name), model.state === "ready" ? "" : `(${model.state})`].filter(Boolean).join(" ");
    groups.get(model.provider).append(element("option", { value: `m/${model.name}`, disabled: !model.usable }, words));
  }
  remembered = { tokens: said.memoryTokens, usual: said.usesMemory };
  if (!current) usesMemory = said.usesMemory;
  paintMemory();
  searchable = said.models.some((model) => model.webSearch);
  paintTools();
  $("choice").replaceChildren(strategies, ...groups.values());
  const usual = said.model ? `m/${said.model}` : `s/${said.strategy}`;
  $("choice").value = memory.get(forEver, "choice") || usual;
  if (!$("choice").value) $("choice").value = usual;
}
