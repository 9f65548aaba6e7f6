// Asking: the prompt, the choice of a model, an answer as it comes or when it is whole, and stopping it.

let running = null;

// Answers of this page in conversations that were left; they go on. A browser has six lines to one server.
const MOST_LEFT = 4;
const gone = new Set();

function choice() {
  const [kind, name] = [$("choice").value.slice(0, 1), $("choice").value.slice(2)];
  if (!name) return {};
  return kind === "m" ? { model: name } : { strategy: name };
}

async function showChoices() {
  const said = await asked("/api/models");
  const strategies = element("optgroup", { label: "By strategy" }, ...said.strategies.map((name) => new Option(name, `s/${name}`)));
  const groups = new Map();
  for (const model of said.models) {
    if (!groups.has(model.provider)) groups.set(model.provider, element("optgroup", { label: model.provider }));
    const words = [shortName(model.name), model.state === "ready" ? "" : `(${model.state})`].filter(Boolean).join(" ");
    groups.get(model.provider).append(element("option", { value: `m/${model.name}`, disabled: !model.usable }, words));
  }
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
  showPageTitle();
}

// Leaving a conversation leaves its answer running; coming back finds it.
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
  $("log").lastElementChild.replaceWith(answer.view.element);
  showLive(answer);
}

function stop() {
  if (running) running.abort.abort();
}

async function ask(streamed) {
  const text = $("prompt").value.trim();
  if (!text || running) return;
  const answer = { view: new AnswerView(), abort: new AbortController(), id: current, text, figures: null, left: false };
  setRunning(answer);
  setPrompt("");
  if (!current) $("log").replaceChildren();
  $("log").append(questionElement(text), answer.view.element);
  answer.view.begin($("choice").value.startsWith("m/") ? $("choice").value.slice(2) : "");
  followEnd();
  answer.live = { phase: streamed ? "connecting" : "waiting" };
  showLive(answer);
  const ticking = setInterval(showLive, 200, answer);
  announce("Answering.");
  try {
    await (streamed ? askStreamed(answer) : askWhole(answer));
  } catch (error) {
    failed(answer, error);
  } finally {
    clearInterval(ticking);
    gone.delete(answer);
  }
  if (running === answer) {
    setRunning(null);
    if (document.activeElement === document.body) $("prompt").focus();
  }
  await showList();
}

function bodyOf(answer) {
  const conversation = answer.id ? { conversation: answer.id } : {};
  return { prompt: answer.text, includeMetadata: true, ...choice(), ...conversation };
}

// An answer of this conversation that was just stopped may take a moment to end.
async function begin(path, answer, more = {}) {
  for (let tries = 1; ; tries++) {
    try {
      return await request("POST", path, { ...bodyOf(answer), ...more }, answer.abort.signal);
    } catch (error) {
      if (error.status !== 409 || tries === 10) throw error;
      await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
  }
}

async function askStreamed(answer) {
  const response = await begin("/stream", answer, { render: true });
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
      begun(answer, event.metadata.conversationId);
      view.tellModel(event.metadata.model, event.metadata.strategy);
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
      // They come last of what is told together.
      answer.live = answer.figures = event.data;
      if (event.data.model) view.tellModel(event.data.model, event.data.strategy);
      showLive(answer);
      keepPlace();
      break;
    case "metadata":
      view.notice(noticeWords(event.data));
      break;
    case "error":
      view.fail(event.error);
      break;
    case "end":
      view.end(event.metadata.state, answer.figures);
      keepPlace();
      announce(event.metadata.state === "complete" ? "The answer is complete." : `The answer: ${STATES[event.metadata.state]}.`);
      break;
  }
}

// The question is stored from here on.
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

async function askWhole(answer) {
  try {
    const said = await (await begin("/generate", answer)).json();
    begun(answer, said.metadata.conversationId);
  } catch (error) {
    // What failed is kept too, with the part that came.
    if (!error.said?.metadata) throw error;
    begun(answer, error.said.metadata.conversationId);
  }
  if (answer.left) return;
  setRunning(null);
  await openConversation(answer.id);
  announce("The reply is there.");
}

function failed(answer, error) {
  if (answer.left) return;
  const view = answer.view;
  if (error.name === "AbortError") {
    view.end("cancelled", answer.figures);
    announce("Stopped. What has arrived is kept.");
    return;
  }
  if (!(error instanceof Refusal)) console.error(error);
  view.fail(error instanceof Refusal ? error.message : "This page has met an error of its own. Reload it; what has arrived is kept.");
  view.end(view.source ? "broken" : "failed", answer.figures);
  if (!answer.stored && !$("prompt").value) setPrompt(answer.text);
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
  fitPrompt();
}

function fitPrompt() {
  if (CSS.supports("field-sizing", "content")) return;
  $("prompt").style.height = "auto";
  $("prompt").style.height = `${$("prompt").scrollHeight}px`;
}

function promptKey(event) {
  // Enter that ends a word in an input method is not ours.
  if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return;
  if (event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
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
    fitPrompt();
  });
  $("choice").addEventListener("change", () => memory.set(forEver, "choice", $("choice").value));
  setPrompt(memory.get(forSession, "draft"));
}
