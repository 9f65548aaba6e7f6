// Sending questions.

// An answer continues when its conversation is left, and is followed again when it is opened.
function leaveAnswer() {
  setRunning(null);
  leaveQueue();
  followConversation("");
}

function ask() {
  const text = promptText().trim();
  const fault = attachedFault(text);
  if (fault) toast(fault);
  if (!text || fault) return;
  if (running || waits()) {
    queueQuestion({ prompt: text });
    return;
  }
  const models = compareNext;
  const answer = models.length ? compareWith(models, text) : new LiveAnswer(current, { text });
  answer.files = takeAttached();
  answer.isPrivate = isPrivate;
  answer.question = questionElement(text, { files: answer.files });
  if (!models.length) answer.addView();
  setPrompt("");
  // A question that was refused returns to the prompt.
  showOnlyEnd();
  if (!current) $("log").replaceChildren();
  else for (const lost of $("log").querySelectorAll(".turn:not([data-turn])")) lost.remove();
  $("log").append(answer.question, answer.element ?? answer.view.element);
  const body = { prompt: text, ...whereAsked() };
  if (models.length) send(answer, "api/compare", body, (question) => ({ models, question }));
  else send(answer, "api/ask", body);
}

// A new conversation begins with the tools and the settings that are chosen.
function whereAsked() {
  return current ? { conversation: current } : { tools: switched.servers, ...(switched.webSearch ? { webSearch: true } : {}), ...settingsOfNew() };
}

// Sends a question, as `shaped` says. Its answer comes by the stream of events.
async function send(answer, path, body, shaped = (question) => question) {
  answer.sending = true;
  const withdrawn = new Promise((resolve) => { answer.withdraw = resolve; });
  if ((answer.files ?? []).some(isUploading)) answer.phase = { phase: "uploading" };
  setRunning(answer);
  answer.begin(answer.view, body.model ?? chosenModel());
  announce("Answering.");
  try {
    const chosen = { ...(body.model ? {} : choice()), ...body, askTools: true };
    const place = await askWithFiles(answer.files ?? [], (files) => begin(path, shaped({ ...chosen, ...files })), withdrawn);
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
  if (isNew) forgetNewSettings();
  if (isNew && !answer.isPrivate) showList();
  // The conversation was left meanwhile.
  if (running !== answer) {
    if (isNew && answer.isPrivate) deletePrivate(answer.id);
    return;
  }
  answer.place(where);
  tellFailedServers(answer.view).catch((error) => toast(error.message));
  if (isNew) {
    setCurrent(answer.id, titleOf(answer.text));
    if (!isPrivate) remember(answer.id);
    paintSettings();
  }
  followConversation(answer.id);
  sendUnsent(answer.id);
  showLive();
  for (const events of answer.held.splice(0)) takeBatch(events);
}

// A question that was refused returns to the prompt.
function giveBackQuestion(answer) {
  if (!promptText()) setPrompt(answer.text);
  giveBackAttached(answer.files ?? []);
}

function refused(answer, error) {
  if (running !== answer) {
    toast(error.message);
    if (answer.text && !promptText() && !attached.length) giveBackQuestion(answer);
    return;
  }
  setRunning(null);
  takeBackUnsent();
  if (answer.text) {
    giveBackQuestion(answer);
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
