// A running comparison in the open conversation. It takes the place of a running answer, and each of its answers is followed by itself.

class LiveComparison {
  constructor(id, shownView, { text = "" } = {}) {
    Object.assign(this, { id, text, shown: shownView });
    // No single answer.
    this.views = [];
    this.held = [];
    this.sending = false;
    this.phase = { phase: "streaming" };
    this.since = performance.now();
  }

  get element() {
    return this.shown.element;
  }

  // Until something was heard, what is shown is fetched as it grows: another worker may have it.
  get view() {
    return this.text || this.heard ? this : undefined;
  }

  get ended() {
    return !this.shown.isRunning;
  }

  begin() {
    for (const column of this.shown.columns) column.begin();
    this.shown.paint();
    followEnd();
  }

  place({ question, answers }) {
    if (this.question) place(this.question, question, []);
    this.shown.place(answers);
    this.shown.paint();
    followCompared(this);
  }

  // Elements of what was shown before are replaced.
  mount() {
    if (this.element.isConnected || !this.element.dataset.turn) return;
    const there = turnElement(this.element.dataset.turn);
    if (there) there.replaceWith(this.element);
    else refreshSoon();
  }

  take(answer, event) {
    const column = this.shown.columns.find(({ id }) => id === answer);
    if (column) column.take(event);
    this.heard = true;
  }

  notice(words) {
    toast(words);
  }

  setWhole(whole) {
    for (const column of this.shown.columns) column.live.setWhole(whole);
  }

  refuse(error) {
    // The models are chosen for when one sends it again.
    setCompareNext(this.shown.columns.map((column) => column.model));
    this.element.replaceChildren(this.shown.faults);
    const view = new AnswerView();
    view.fail(error instanceof Refusal ? error.message : "This page had an internal error. Reload it; what arrived is kept.");
    this.shown.faults.replaceChildren(view.faults);
    this.element.removeAttribute("aria-busy");
  }
}

// What a fetched conversation shows of a comparison that still runs is followed from now on.
function joinComparison({ id, turns }) {
  const made = turns.at(-1)?.role === "comparison" ? turnElement(turns.at(-1).id) : null;
  const view = made && comparisonOf.get(made);
  if (!view?.isRunning || (running instanceof LiveComparison && running.shown === view)) return;
  const live = new LiveComparison(id, view);
  setRunning(live);
  followCompared(live);
}

// Each of its answers that runs.
let compared = [];

function followCompared(live) {
  const turns = live ? live.shown.columns.filter((column) => column.isRunning).map((column) => column.id) : [];
  if (turns.join() === compared.map((entry) => entry.turn).join() && compared[0]?.live.shown === live?.shown) return;
  compared = turns.map((turn) => ({ conversation: `${live.id}!${turn}`, at: "", turn, live }));
  followAll();
}

function takeCompared(entry, events) {
  taking = taking.then(() => takeComparedEvents(entry, events)).catch((error) => console.error(error));
}

async function takeComparedEvents(entry, events) {
  const { live, turn } = entry;
  for (const event of events) {
    if (running !== live) return;
    live.take(turn, event);
    await sliced();
  }
  live.shown.paint();
  keepPlace();
  if (live.ended) endRunning();
  else showLive();
}
