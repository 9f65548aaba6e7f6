// A running answer as elements, made of its events; with tool calls it is several answers.

const turnElement = (id) => $("log").querySelector(`.turn[data-turn="${CSS.escape(id)}"]`);

class LiveAnswer {
  constructor(id, { text = "" } = {}) {
    Object.assign(this, { id, text });
    // Shown when it is complete.
    this.whole = showsWhole();
    this.views = [];
    this.cards = new Map();
    this.figures = null;
    this.phase = { phase: this.whole ? "waiting" : "connecting" };
    // The request with the question has not been answered yet.
    this.sending = false;
    this.held = [];
    this.since = performance.now();
    this.reading = 0;
  }

  get view() {
    return this.views.at(-1);
  }

  addView() {
    const view = new AnswerView();
    this.views.push(view);
    if (this.whole) view.hold();
    return view;
  }

  setWhole(whole) {
    this.whole = whole;
    if (whole) this.view?.hold();
    else this.view?.release();
  }

  begin(view, model) {
    view.begin(model);
    followEnd();
  }

  // Where the answer is in its conversation.
  place({ answer: id, answerVersions, question, questionVersions }) {
    const known = this.views.findIndex((view) => view.element.dataset.turn === id);
    if (known >= 0 && !this.views[known].heard) return;
    if (known >= 0) {
      // It is told from its beginning again.
      const [old, view] = [this.views[known], new AnswerView()];
      this.views[known] = view;
      if (this.whole) view.hold();
      view.begin(old.name.title);
      view.reading = old.reading;
      place(view.element, id, answerVersions);
      old.element.replaceWith(view.element);
      return;
    }
    const first = this.views.length === 1 && !this.view.element.dataset.turn;
    const before = first ? undefined : this.view;
    before?.end("complete", this.figures);
    if (before) this.read(before, true);
    const view = first ? this.view : this.addView();
    place(view.element, id, answerVersions);
    if (this.question) place(this.question, question, questionVersions);
    if (first) return;
    view.begin(before?.name.title ?? "");
    this.phase = { phase: "connecting" };
    this.mount(before);
  }

  // Puts its elements into the conversation; false if it does not show the turn yet.
  mount(before) {
    for (const view of this.views) {
      const { element } = view;
      if (element.isConnected) continue;
      const there = turnElement(element.dataset.turn);
      if (there) there.replaceWith(element);
      else if (before?.element.isConnected) before.element.after(element);
      else refreshSoon();
    }
    keepPlace();
  }

  take(event) {
    const view = this.view;
    if (view && event.type !== "placed") view.heard = true;
    switch (event.type) {
      case "placed":
        this.place(event);
        break;
      case "start":
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
        // They are the last events of a batch.
        this.figures = event.data;
        this.phase = this.isCalling() ? { phase: "calling" } : event.data;
        if (event.data.model) view.tellModel(event.data.model, event.data.strategy);
        break;
      case "metadata":
        if (event.data.event === "reclassified") view.reclassify(event.data.kind, event.data.characters);
        view.notice(noticeWords(event.data));
        break;
      case "tool_call":
        this.takeCall(event);
        break;
      case "tool_ask":
        this.askAbout(event);
        break;
      case "tool_state":
        this.cardOf(event).run();
        this.phase = { phase: "calling" };
        break;
      case "tool_result":
        this.cardOf(event).end(event);
        showRunning(this.cards.values());
        this.phase = { phase: "calling" };
        showPageTitle();
        break;
      case "error":
        view.fail(event.error);
        break;
      case "end":
        this.end(event.metadata.state);
        break;
    }
  }

  cardOf({ id, name }) {
    const card = this.cards.get(id) ?? this.view.call(id, name);
    this.cards.set(id, card);
    return card;
  }

  takeCall({ stage, id, name, arguments: json = "" }) {
    if (stage === "start") this.cards.set(id, this.view.call(id, name));
    if (stage !== "end") return;
    const card = this.cardOf({ id, name });
    card.setArguments(indented(json));
    card.setState("waiting");
    showRunning(this.cards.values());
  }

  askAbout(event) {
    const card = this.cardOf(event);
    card.ask(this.id, event);
    this.phase = { phase: "asking" };
    showPageTitle("asking");
    announce(`The model wants to use ${card.name} of ${event.server}. Decide above the prompt: run once, always here, edit, refuse or stop.`);
  }

  // The model has written its calls, and does not have their results yet.
  isCalling() {
    const cards = [...this.view.cards.values()];
    return cards.length > 0 && cards.every((card) => card.state !== "writing");
  }

  // Some sentences at a time: each is one announcement.
  readSoon() {
    this.reading ||= setTimeout(() => {
      this.reading = 0;
      if (!this.ended && running === this) this.read(this.view);
    }, READ_MS);
  }

  read(view, ended = false) {
    if (view && !view.text.hidden) readOut(view.reading.next(view.blocks, ended));
  }

  // What was there before this page heard of it is not read out.
  skipRead() {
    this.view?.reading.next(this.view.blocks, false);
  }

  end(state) {
    this.view.end(state, this.figures);
    this.ended = true;
    this.read(this.view, true);
    if (state === "cancelled") announce("Stopped. What arrived is kept.");
    else announce(state === "complete" ? "The answer is complete." : `The answer has ended: ${STATES[state]}.`);
  }

  // A question that was not taken.
  refuse(error) {
    if (!(error instanceof Refusal)) console.error(error);
    this.view.fail(error instanceof Refusal ? error.message : "This page had an internal error. Reload it; what arrived is kept.");
    this.view.end("failed", null);
    this.ended = true;
  }
}
