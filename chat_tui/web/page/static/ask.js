// The prompt, the choice of a model, sending questions, receiving answers, and stopping them.

let running = null;

// Running answers of this page in conversations that are not open. A browser has six connections to a server.
const MOST_LEFT = 4;
const gone = new Set();
const MOST_READ_OUT = 2000;

function choice() {
  const [kind, name] = [$("choice").value.slice(0, 1), $("choice").value.slice(2)];
  if (kind === "a") return { adaptive: true };
  if (!name) return {};
  return kind === "m" ? { model: name } : { strategy: name };
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
  searchable = said.models.some((model) => model.webSearch);
  paintTools();
  $("choice").replaceChildren(strategies, ...groups.values());
  const usual = said.model ? `m/${said.model}` : `s/${said.strategy}`;
  $("choice").value = memory.get(forEver, "choice") || usual;
  if (!$("choice").value) $("choice").value = usual;
}

function setRunning(answer) {
  running = answer;
  $("stream").hidden = $("whole").hidden = answer !== null;
  $("stop").hidden = answer === null;
  $("live").hidden = answer === null;
  // Other turns cannot be changed meanwhile: a conversation has one answer at a time.
  document.querySelector("main").classList.toggle("answering", answer !== null);
  showPageTitle();
}

// An answer continues when its conversation is left, and is shown when it is opened again.
function leaveAnswer() {
  if (!running) return;
  running.left = true;
  gone.add(running);
  if (gone.size > MOST_LEFT) [...gone][0].abort.abort();
  setRunning(null);
}

function comeBack(id) {
  const answer = [...gone].find((each) => each.id === id);
  if (!answer) return;
  gone.delete(answer);
  answer.left = false;
  setRunning(answer);
  for (const view of answer.views) $("log").querySelector(`[data-turn="${CSS.escape(view.element.dataset.turn ?? "")}"]`)?.remove();
  $("log").append(...answer.views.map((view) => view.element));
  showLive(answer);
}

function stop() {
  if (running) running.abort.abort();
}

function ask(streamed) {
  const text = $("prompt").value.trim();
  if (!text || running) return;
  const conversation = current ? { conversation: current } : {};
  const answer = newAnswer("stream", { prompt: text, ...conversation }, text);
  answer.question = questionElement(text);
  answer.whole = !streamed;
  setPrompt("");
  // A question that was refused returns to the prompt.
  showOnlyEnd();
  if (!current) $("log").replaceChildren();
  else for (const lost of $("log").querySelectorAll(".turn:not([data-turn])")) lost.remove();
  $("log").append(answer.question, answer.view.element);
  run(answer);
}

function newAnswer(path, body, text = "") {
  const view = new AnswerView();
  // A new conversation begins with the tools that are chosen.
  const tools = current ? {} : { tools: switched.servers, ...(switched.webSearch ? { webSearch: true } : {}) };
  return { view, views: [view], cards: new Map(), abort: new AbortController(), id: current, path, body: { ...body, ...tools }, text, figures: null, left: false };
}

// Sends a question and receives its answer until the end.
async function run(answer) {
  setRunning(answer);
  if (answer.whole) answer.view.hold();
  answer.view.begin($("choice").value.startsWith("m/") ? $("choice").value.slice(2) : "");
  followEnd();
  answer.live = { phase: answer.whole ? "waiting" : "connecting" };
  showLive(answer);
  const ticking = setInterval(showLive, 200, answer);
  announce("Answering.");
  try {
    await stream(answer);
  } catch (error) {
    failed(answer, error);
  } finally {
    clearInterval(ticking);
    gone.delete(answer);
  }
  if (running === answer) {
    setRunning(null);
    keepPlace();
    if (document.activeElement === document.body) $("prompt").focus();
  }
  await showList();
}

// An answer that was just stopped may take a moment to end.
async function begin(answer) {
  const body = { ...answer.body, ...choice(), includeMetadata: true, render: true, askTools: true };
  for (let tries = 1; ; tries++) {
    try {
      return await request("POST", answer.path, body, answer.abort.signal);
    } catch (error) {
      if (error.status !== 409 || tries === 10) throw error;
      await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
  }
}

async function stream(answer) {
  const response = await begin(answer);
  let ended = false;
  for await (const event of events(response)) {
    take(answer, event);
    ended ||= event.type === "end";
  }
  if (!ended) throw new Refusal(0, BROKEN);
}

function take(answer, event) {
  const view = answer.view;
  switch (event.type) {
    case "start":
      view.tellModel(event.metadata.model, event.metadata.strategy);
      break;
    case "placed":
      if (answer.stored) {
        nextStep(answer, event);
        break;
      }
      begun(answer, event.conversation);
      place(view.element, event.answer, event.answerVersions);
      tellFailedServers(view).catch((error) => toast(error.message));
      if (view.element.previousElementSibling) place(view.element.previousElementSibling, event.question, event.questionVersions);
      break;
    case "token":
      if (event.phase) view.newPhase(event.phase);
      if (event.kind === "thinking") view.think(event.token);
      else view.source += event.token;
      break;
    case "html":
      view.put(event);
      break;
    case "figures":
      // They are the last events of a batch.
      answer.figures = event.data;
      answer.live = isCalling(answer) ? { phase: "running tools" } : event.data;
      if (event.data.model) view.tellModel(event.data.model, event.data.strategy);
      showLive(answer);
      keepPlace();
      break;
    case "metadata":
      if (event.data.event === "reclassified") view.reclassify(event.data.kind, event.data.characters);
      view.notice(noticeWords(event.data));
      break;
    case "tool_call":
      takeCall(answer, event);
      break;
    case "tool_ask":
      asksAbout(answer, event);
      break;
    case "tool_result":
      (answer.cards.get(event.id) ?? view.call(event.id, event.name)).end(event);
      showRunning(answer.cards.values());
      answer.live = { phase: "running tools" };
      showPageTitle();
      keepPlace();
      break;
    case "error":
      view.fail(event.error);
      break;
    case "end":
      view.end(event.metadata.state, answer.figures);
      keepPlace();
      // Read out once, when it is complete.
      announce(`${event.metadata.state === "complete" ? "The answer" : `The answer, ${STATES[event.metadata.state]}`}: ${view.text.textContent.slice(0, MOST_READ_OUT)}`);
      break;
  }
}

function takeCall(answer, { stage, id, name, arguments: json = "" }) {
  if (stage === "start") answer.cards.set(id, answer.view.call(id, name));
  if (stage !== "end") return;
  const card = answer.cards.get(id) ?? answer.view.call(id, name);
  answer.cards.set(id, card);
  card.setArguments(indented(json));
  card.setState("waiting");
  showRunning(answer.cards.values());
  keepPlace();
}

function asksAbout(answer, event) {
  const card = answer.cards.get(event.id) ?? answer.view.call(event.id, event.name);
  answer.cards.set(event.id, card);
  card.ask(answer.id, event);
  answer.live = { phase: "waiting for your decision" };
  showLive(answer);
  keepPlace();
  if (answer.left) toast(`A call of ${card.name} needs your consent${answer.text ? `: “${titleOf(answer.text)}”` : " in another conversation"}.`);
  if (answer !== running) return;
  showPageTitle("asking");
  announce(`The model wants to use ${card.name} of ${event.server}. Decide above the prompt: run once, always here, edit, refuse or stop.`);
}

// The model has written its calls, and does not have their results yet.
function isCalling(answer) {
  const cards = [...answer.view.cards.values()];
  return cards.length > 0 && cards.every((card) => card.state !== "writing");
}

// The answer that has the results of tool calls.
function nextStep(answer, { answer: id, answerVersions }) {
  const before = answer.view;
  before.end("complete", answer.figures);
  const view = answer.view = new AnswerView();
  answer.views.push(view);
  place(view.element, id, answerVersions);
  if (answer.whole) view.hold();
  view.begin(before.name.title);
  before.element.after(view.element);
  answer.live = { phase: "connecting" };
  keepPlace();
}

// The question is stored now.
function begun(answer, id) {
  answer.stored = true;
  if (answer.id) return;
  answer.id = id;
  if (answer.left) {
    showList();
    return;
  }
  setCurrent(id, titleOf(answer.text));
  remember(id);
  showList();
}

function failed(answer, error) {
  if (answer.left) return;
  const view = answer.view;
  if (!answer.stored && !answer.question) {
    // Nothing was sent: restore what was shown.
    if (error.name !== "AbortError") toast(error.message);
    openConversation(answer.id, { keepAddress: true });
    return;
  }
  if (!answer.stored && !$("prompt").value) setPrompt(answer.text);
  const stopped = error.name === "AbortError";
  // The answer itself is complete where only its calls were stopped.
  const called = [...view.cards.values()].some((card) => card.state !== "writing");
  for (const card of answer.cards.values()) if (!card.ended) card.end({ state: stopped ? "cancelled" : "broken", text: "" });
  if (stopped) {
    view.end(called ? "complete" : "cancelled", answer.figures);
    announce("Stopped. What arrived is kept.");
    return;
  }
  if (!(error instanceof Refusal)) console.error(error);
  view.fail(error instanceof Refusal ? error.message : "This page had an internal error. Reload it; what arrived is kept.");
  view.end(view.source ? "broken" : "failed", answer.figures);
  keepPlace();
}

function showLive(answer) {
  if (answer !== running) return;
  answer.since ??= performance.now();
  const told = figureWords({ ...answer.live, durationSeconds: (performance.now() - answer.since) / 1000 });
  $("live").replaceChildren(...[phaseWords(answer.live), ...told].map((words) => element("span", {}, words)));
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

// Ignore the Enter that confirms a word in an input method.
function sends(event) {
  const composes = event.isComposing || event.keyCode === 229;
  return event.key === "Enter" && !composes && !(event.shiftKey || event.ctrlKey || event.metaKey || event.altKey);
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
  setPrompt(memory.get(forSession, "draft"));
}
