// Which answers run, of all conversations: they are marked in the list, where they can be stopped.

let runningAnswers = [];
// The answer in the open conversation, as far as this page knows; null if none runs.
let running = null;
// After an answer is not told as running any more, its end may still come.
const END_MS = 700;

function setRunning(answer) {
  running = answer;
  $("send").hidden = answer !== null;
  $("stop").hidden = answer === null;
  $("live").hidden = answer === null;
  // Other turns cannot be changed meanwhile: a conversation has one answer at a time.
  document.querySelector("main").classList.toggle("answering", answer !== null);
  showPageTitle();
  showLive();
}

function showLive() {
  paintPause();
  paintQueueButton();
  if (!running) return;
  if (isPaused()) running.phase = { ...running.phase, phase: "paused", rate: null };
  const told = figureWords({ ...running.phase, durationSeconds: (performance.now() - running.since) / 1000 });
  $("live").replaceChildren(...[phaseWords(running.phase), ...told].map((words) => element("span", {}, words)));
}

function takeRunning(answers) {
  tellQuestions(answers);
  runningAnswers = answers;
  markRunning();
  settle();
  tellPause();
}

const runningIn = (id) => runningAnswers.find((row) => row.conversation === id);

// Makes the prompt agree with what runs in the open conversation.
function settle() {
  const row = current ? runningIn(current) : undefined;
  if (row && !running) {
    const answer = new LiveAnswer(current);
    answer.since -= Math.max(0, Date.now() - new Date(row.since));
    answer.phase = { phase: "streaming" };
    setRunning(answer);
  }
  // It comes from another worker, which this page does not hear: its turns are fetched as they grow.
  if (row?.elsewhere && running.views.length && !running.sending && !running.view.heard) {
    running.views = [];
    running.phase = { phase: "streaming" };
    refreshSoon();
  }
  if (row || !running || running.sending) return;
  const answer = running;
  setTimeout(() => {
    if (running !== answer || runningIn(current) || !isOnline) return;
    // It has ended unseen.
    setRunning(null);
    refreshSoon();
  }, END_MS);
}

// A call in another conversation that waits for a person.
function tellQuestions(answers) {
  const before = new Set(runningAnswers.filter((row) => row.state === "asking").map((row) => row.answer));
  for (const row of answers) {
    if (row.state !== "asking" || row.conversation === current || before.has(row.answer)) continue;
    toast(`A call of ${visible(row.tool)} needs your consent: “${titleOf(row.title)}”.`);
  }
}

// The figures come a moment later.
function tellPause() {
  const was = document.querySelector("main").classList.contains("paused");
  paintPause();
  if (was === isPaused() || !running) return;
  if (was) running.phase = { ...running.phase, phase: "streaming" };
  showPageTitle();
  showLive();
}

const RUNNING_WORDS = { paused: "is paused", answering: "is being answered", calling: "runs tools", asking: "waits for your decision" };

// Rows stay the elements that they are: one may be about to be clicked.
function markRunning() {
  for (const entry of $("list").querySelectorAll(".entry[data-id]")) {
    const [box, row] = [entry.parentElement, runningIn(entry.dataset.id)];
    box.classList.toggle("running-row", Boolean(row));
    if (!row) unmark(entry, box);
    else {
      if (!box.querySelector(".mark")) addMark(entry, box);
      box.dataset.state = row.state;
      const mark = box.querySelector(".mark");
      mark.textContent = { asking: "waits for you", paused: "paused" }[row.state] ?? "running";
      mark.title = `“${row.title}” ${RUNNING_WORDS[row.state]}`;
    }
  }
}

function addMark(entry, box) {
  const title = entry.querySelector("b").textContent;
  const button = element("button", { type: "button", className: "stop-one", title: "Stop", "aria-label": `Stop the answer in “${title}”` });
  button.addEventListener("click", () => stopAnswer(entry.dataset.id));
  entry.append(element("span", { className: "mark" }));
  box.append(button);
}

function unmark(entry, box) {
  const button = box.querySelector(".stop-one");
  if (button && button === document.activeElement) entry.focus({ preventScroll: true });
  button?.remove();
  box.querySelector(".mark")?.remove();
}

async function stopAnswer(id) {
  try {
    await request("POST", `api/conversations/${encodeURIComponent(id)}/stop`);
  } catch (error) {
    toast(error.message);
  }
}

function stop() {
  if (!running) return;
  if (!running.sending) stopAnswer(running.id);
  else {
    running.stopAsked = true;
    // It may wait for its files.
    running.withdraw();
  }
}
