// The prompt, the choice of a model, and sending questions.

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

// An answer continues when its conversation is left, and is followed again when it is opened.
function leaveAnswer() {
  setRunning(null);
  followConversation("");
}

function ask(streamed) {
  const text = $("prompt").value.trim();
  if (!text || running) return;
  const answer = new LiveAnswer(current, { whole: !streamed, text });
  answer.question = questionElement(text);
  answer.addView();
  setPrompt("");
  // A question that was refused returns to the prompt.
  showOnlyEnd();
  if (!current) $("log").replaceChildren();
  else for (const lost of $("log").querySelectorAll(".turn:not([data-turn])")) lost.remove();
  $("log").append(answer.question, answer.view.element);
  // A new conversation begins with the tools that are chosen.
  const where = current ? { conversation: current } : { tools: switched.servers, ...(switched.webSearch ? { webSearch: true } : {}) };
  send(answer, "api/ask", { prompt: text, ...where });
}

// Sends a question. Its answer comes by the stream of events.
async function send(answer, path, body) {
  answer.sending = true;
  setRunning(answer);
  answer.begin(answer.view, $("choice").value.startsWith("m/") ? $("choice").value.slice(2) : "");
  announce("Answering.");
  try {
    const place = await begin(path, { ...body, ...choice(), askTools: true });
    answer.sending = false;
    begun(answer, place);
  } catch (error) {
    answer.sending = false;
    refused(answer, error);
  }
}

// An answer that was just stopped may take a moment to end.
async function begin(path, body) {
  for (let tries = 1; ; tries++) {
    try {
      return await (await request("POST", path, body)).json();
    } catch (error) {
      if (error.status !== 409 || tries === 10) throw error;
      await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
  }
}

// The question is stored now.
function begun(answer, where) {
  const isNew = !answer.id;
  answer.id = where.conversation;
  if (answer.stopAsked) stopAnswer(answer.id);
  if (isNew) showList();
  // The conversation was left meanwhile.
  if (running !== answer) return;
  answer.place(where);
  tellFailedServers(answer.view).catch((error) => toast(error.message));
  if (isNew) {
    setCurrent(answer.id, titleOf(answer.text));
    remember(answer.id);
  }
  followConversation(answer.id);
  for (const events of answer.held.splice(0)) takeBatch({ conversation: answer.id, events });
}

function refused(answer, error) {
  if (running !== answer) {
    toast(error.message);
    return;
  }
  setRunning(null);
  if (answer.text) {
    if (!$("prompt").value) setPrompt(answer.text);
    answer.refuse(error);
    keepPlace();
    settle();
    refreshSoon();
  } else {
    // Nothing was sent: restore what was shown.
    toast(error.message);
    openConversation(answer.id, { keepAddress: true });
  }
}

// The prompt.

function setPrompt(text) {
  $("prompt").value = text;
  memory.set(forSession, "draft", text);
  fit($("prompt"));
}

function fit(field) {
  if (CSS.supports("field-sizing", "content")) return;
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}

// On a phone Enter makes a new line, since its keyboard has no other key for it, and the button sends.
const isPhone = () => narrow.matches && matchMedia("(pointer: coarse)").matches;

// Ignore the Enter that confirms a word in an input method.
function sends(event) {
  const composes = event.isComposing || event.keyCode === 229;
  return event.key === "Enter" && !composes && !isPhone() && !(event.shiftKey || event.ctrlKey || event.metaKey || event.altKey);
}

function promptKey(event) {
  if (!sends(event)) return;
  event.preventDefault();
  ask(true);
}

function listenToPrompt() {
  $("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    ask(true);
  });
  $("whole").addEventListener("click", () => ask(false));
  $("stop").addEventListener("click", stop);
  $("prompt").addEventListener("keydown", promptKey);
  $("prompt").addEventListener("input", () => {
    memory.set(forSession, "draft", $("prompt").value);
    fit($("prompt"));
  });
  $("choice").addEventListener("change", () => memory.set(forEver, "choice", $("choice").value));
  const hint = () => { $("prompt").enterKeyHint = isPhone() ? "enter" : "send"; };
  narrow.addEventListener("change", hint);
  hint();
  setPrompt(memory.get(forSession, "draft"));
}
