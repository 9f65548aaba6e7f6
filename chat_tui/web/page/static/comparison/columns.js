// The answers of several models to one question, side by side, until one of them is kept.

const comparisonOf = new WeakMap();

// In place of the last turn, which is one of the answers.
function withComparison({ turns, comparison }) {
  if (!comparison || !turns.length) return turns;
  const ids = comparison.answers.map((answer) => answer.id);
  return ids.includes(turns.at(-1).id) ? [...turns.slice(0, -1), { id: comparisonKey(ids), role: "comparison", ...comparison }] : turns;
}

const comparisonKey = (ids) => `compared ${ids[0]}`;

class ComparedColumn {
  constructor(model) {
    this.model = model;
    this.id = "";
    this.live = new LiveAnswer("");
    this.status = element("p", { className: "status" });
    this.stop = element("button", { type: "button", className: "stop-column", "aria-label": `Stop the answer of ${model}`, hidden: true }, "Stop");
    this.keep = element("button", { type: "button", className: "primary", "aria-label": `Keep the answer of ${model}`, hidden: true }, "Keep");
    this.stop.addEventListener("click", () => this.stopAnswer());
    this.keep.addEventListener("click", () => keepAnswer(this));
    this.foot = element("div", { className: "row" }, this.status, element("span", { className: "space" }), this.stop, this.keep);
    this.element = element("section", { className: "column", role: "group", "aria-label": `Answer of ${model}` }, this.foot);
    this.show(new AnswerView());
  }

  get view() {
    return this.live.view;
  }

  // One view after the other: an answer that is told from its beginning again begins with a new one.
  show(view) {
    this.view?.element.remove();
    this.live.views = [view];
    // It is no turn of the conversation yet.
    view.element.classList.remove("turn");
    view.tellModel(this.model);
    this.foot.before(view.element);
    if (this.live.whole) view.hold();
  }

  begin() {
    this.view.begin(this.model);
    this.paint();
  }

  async fill(turn) {
    this.id = turn.id;
    await fillAnswer(this.view, turn, new Map());
    this.live.ended = turn.state !== "streaming";
    if (!this.live.ended) this.view.begin(this.model);
    this.paint();
  }

  get isRunning() {
    return !this.live.ended;
  }

  get cost() {
    const { cost, price } = this.live.figures ?? {};
    return cost ?? price ?? null;
  }

  take(event) {
    if (event.type === "placed") {
      if (this.heard || this.view.source) this.show(new AnswerView());
      this.heard = true;
      this.view.begin(this.model);
    } else if (event.type === "end") {
      this.live.ended = true;
      this.view.end(event.metadata.state, this.live.figures);
      announce(`The answer of ${this.model} ${event.metadata.state === "complete" ? "is complete" : `has ended: ${STATES[event.metadata.state]}`}.`);
    } else {
      this.live.take(event);
    }
  }

  paint() {
    const { isRunning } = this;
    const had = document.activeElement === this.stop;
    this.stop.hidden = !isRunning || !this.id;
    this.keep.hidden = isRunning || !this.view.source;
    this.status.hidden = !isRunning;
    if (isRunning) this.status.replaceChildren(...[phaseWords(this.live.phase), ...figureWords(this.live.phase)].map((words) => element("span", {}, words)));
    if (had && this.stop.hidden && !this.keep.hidden) this.keep.focus({ preventScroll: true });
  }

  async stopAnswer() {
    this.stop.disabled = true;
    try {
      await request("POST", answerPath(this.id, "stop"));
    } catch (error) {
      toast(error.message);
    }
    this.stop.disabled = false;
  }
}

const answerPath = (id, verb) => `api/conversations/${encodeURIComponent(current)}/turns/${encodeURIComponent(id)}/${verb}`;

class ComparisonView {
  constructor(models, { withoutTools = false } = {}) {
    this.withoutTools = withoutTools;
    this.columns = models.map((model) => new ComparedColumn(model));
    this.head = element("p", { className: "who" });
    this.faults = element("div", { role: "alert" });
    const columns = element("div", { className: "columns", tabIndex: 0, role: "group", "aria-label": "Answers side by side" }, ...this.columns.map((column) => column.element));
    this.element = element("article", { className: "turn comparison", "aria-label": `Answers of ${models.length} models` }, this.head, columns, this.faults);
    this.element.style.setProperty("--count", models.length);
    comparisonOf.set(this.element, this);
  }

  place(ids) {
    this.element.dataset.turn = comparisonKey(ids);
    ids.forEach((id, number) => { this.columns[number].id = id; });
  }

  get isRunning() {
    return this.columns.some((column) => column.isRunning);
  }

  // As the screen says it.
  paint() {
    const still = this.columns.filter((column) => column.isRunning).length;
    const costs = this.columns.map((column) => column.cost).filter(known);
    const sum = costs.reduce((all, cost) => all + cost, 0);
    const words = [still ? `${still} of ${this.columns.length} running` : "Keep one answer; the others stay beside it", this.withoutTools ? "without tools" : "", sum ? `${about(still > 0)}${dollars(sum)}` : ""];
    this.head.textContent = words.filter(Boolean).join(" · ");
    this.element.toggleAttribute("aria-busy", still > 0);
    for (const column of this.columns) column.paint();
  }
}

async function comparisonElement({ models, answers, withoutTools }) {
  const view = new ComparisonView(models, { withoutTools });
  view.place(answers.map((answer) => answer.id));
  for (const [number, answer] of answers.entries()) {
    view.columns[number].live.figures = answer.figures;
    await view.columns[number].fill(answer);
  }
  view.paint();
  return view.element;
}

async function keepAnswer(column) {
  const id = current;
  column.keep.disabled = true;
  try {
    await request("POST", answerPath(column.id, "keep"));
  } catch (error) {
    column.keep.disabled = false;
    toast(error.message);
    return;
  }
  if (id !== current) return;
  if (running instanceof LiveComparison) setRunning(null);
  followCompared(null);
  toast(`Kept: ${column.model}. The arrows below the answer show the others.`);
  await refresh();
  notePlace();
  if (id === current && !narrow.matches) $("prompt").focus();
}
