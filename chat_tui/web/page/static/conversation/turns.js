// Turns as elements: a question, and an answer that may still grow.

// A question that is longer, such as a pasted file, is folded.
const FOLD_LINES = 14;
const FOLD_CHARACTERS = 1600;
let questions = 0;

function isLong(text) {
  if (text.length > FOLD_CHARACTERS) return true;
  return text.split("\n", FOLD_LINES + 1).length > FOLD_LINES;
}

function foldButton(said) {
  said.id = `question-${++questions}`;
  const button = element("button", { type: "button", className: "unfold", "aria-controls": said.id });
  button.fold = (folded) => {
    said.classList.toggle("folded", folded);
    button.setAttribute("aria-expanded", String(!folded));
    button.textContent = folded ? "Show more" : "Show less";
  };
  button.addEventListener("click", () => button.fold(!said.classList.contains("folded")));
  button.fold(true);
  return button;
}

function questionElement(text, { id = "", versions = [], attachments = [], files = attachments.map((file, number) => storedFile(id, number, file)) } = {}) {
  const said = element("div", { className: "said", dir: "auto" }, text);
  const made = element("article", { className: "turn user", "aria-label": "You" }, said);
  if (isLong(text)) made.append(foldButton(said));
  if (files.length) made.append(filesElement(files));
  made.append(element("div", { className: "tools" }, tool("edit", "pen", "Edit"), element("span", { className: "versions" })));
  if (id) place(made, id, versions);
  return made;
}

// The actions of a turn are in versions.js.
function tool(does, sign, words, text = "") {
  const button = element("button", { type: "button", className: `tool ${does}${text ? " worded" : ""}`, title: words, "aria-label": text || words }, icon(sign), text);
  button.dataset.does = does;
  return button;
}

// A stored turn and its other versions.
function place(made, id, versions) {
  made.dataset.turn = id;
  const box = made.querySelector(".versions");
  const at = versions.indexOf(id);
  if (versions.length < 2 || at < 0) return;
  const step = (sign, words, to) => {
    const button = tool("select", sign, words);
    button.disabled = to === undefined;
    button.dataset.to = to ?? "";
    return button;
  };
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", `Version ${at + 1} of ${versions.length}`);
  box.replaceChildren(step("left", "Previous version", versions[at - 1]), `${at + 1}/${versions.length}`, step("right", "Next version", versions[at + 1]));
}

// Lines that are added to a block of code are a box of their own, so that those before them are not laid out again. The
// box stands for the end of the line before it.
function addCode(code, added) {
  const last = code.lastElementChild?.className === "part" ? code.lastElementChild : code;
  const words = document.createTreeWalker(added, NodeFilter.SHOW_TEXT).nextNode();
  const begins = words?.data.startsWith("\n");
  if (begins) words.data = words.data.slice(1);
  const nodes = begins ? [element("span", { className: "end" }), element("span", { className: "part" })] : [element("span")];
  nodes.at(-1).append(...added.childNodes);
  last.append(nodes[0]);
  if (begins) code.append(nodes[1]);
  return nodes;
}

// Where marks, lines and columns are follows the words of each, whatever the direction of the answer.
const DIRECTED = "ul, ol, blockquote, details, .table";
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

function giveDirections(node) {
  for (const each of [node, ...node.querySelectorAll(DIRECTED)]) if (each.matches(DIRECTED)) each.dir = "auto";
}

// So many parts of a long table have one head.
const MOST_BODIES = 20;

// So many blocks of a saved answer are there at once; those of a longer one follow in slices.
const AT_ONCE = 60;
const unfinished = [];

async function fillTurns() {
  for (const [view, rest] of unfinished.splice(0)) {
    for (const [number, piece] of rest.entries()) {
      if (!view.element.isConnected) break;
      view.put({ block: AT_ONCE + number, ...piece });
      await sliced();
    }
  }
}

class AnswerView {
  constructor() {
    this.source = "";
    this.thought = "";
    this.blocks = [];
    this.reading = new Reading();
    this.name = element("b");
    this.badge = element("span", { className: "state", hidden: true });
    this.aside = element("span");
    this.notices = element("ul", { className: "notices", hidden: true });
    this.thinkingText = element("div", {}, document.createTextNode(""));
    this.thinkingLabel = element("summary", {}, "Thinking");
    this.thinking = element("details", { className: "thinking", hidden: true }, this.thinkingLabel, this.thinkingText);
    this.text = element("div", { className: "text", dir: "auto" });
    this.cards = new Map();
    this.calls = element("div", { className: "calls", hidden: true });
    this.cursor = element("span", { className: "waiting", hidden: true });
    this.faults = element("div", { role: "alert" });
    this.list = element("ul");
    this.copy = this.copyButton();
    this.goOn = tool("go-on", "right", "Continue the answer", "Continue");
    this.again = tool("again", "again", "Regenerate");
    this.againWith = tool("again-with", "swap", "Ask again with another model");
    this.versions = element("span", { className: "versions" });
    this.rating = ["good", "bad"].map((does) => tool(does, does, `Rate as ${does}`));
    this.why = tool("why", "question", "Why this model");
    for (const button of this.rating) button.setAttribute("aria-pressed", "false");
    this.figures = element("div", { className: "figures tools", hidden: true }, this.goOn, this.copy, this.again, this.againWith, this.versions, ...this.rating, this.why, this.list);
    this.element = element(
      "article", { className: "turn assistant", "aria-label": "Answer" },
      element("div", { className: "who" }, this.name, this.aside, this.badge),
      this.notices, this.thinking, this.text, this.calls, this.cursor, this.faults, this.figures,
    );
  }

  copyButton() {
    const button = element("button", { type: "button", className: "copy", title: "Copy the answer", "aria-label": "Copy the answer" }, icon("copy"));
    button.addEventListener("click", () => copied(this.source, button));
    return button;
  }

  begin(model = "") {
    this.element.setAttribute("aria-busy", "true");
    this.cursor.hidden = false;
    this.tellModel(model);
  }

  tellModel(model, strategy = "") {
    this.name.textContent = shortName(model) || "…";
    this.name.title = model;
    this.aside.textContent = strategy;
  }

  // The detailed answer replaces the quick one.
  newPhase(phase) {
    if (phase === this.phase) return;
    if (this.phase) {
      if (this.source.trim()) this.figures.before(quickAnswer(this.source));
      this.source = "";
      this.text.replaceChildren();
      this.blocks = [];
      this.reading = new Reading();
    }
    this.phase = phase;
  }

  think(piece) {
    this.thought += piece;
    this.thinkingText.firstChild.appendData(piece);
    this.thinking.hidden = this.text.hidden || !this.thought.trim();
  }

  // The last text was thinking, or the reverse; the text is sent again as HTML.
  reclassify(kind, count) {
    const [text, thought] = [[...this.source], [...this.thought]];
    const moved = (kind === "text" ? thought : text).splice(-count).join("");
    this.source = text.join("") + (kind === "text" ? moved : "");
    this.thought = thought.join("") + (kind === "text" ? "" : moved);
    this.thinkingText.firstChild.data = this.thought;
    this.thinking.hidden = this.text.hidden || !this.thought.trim();
    this.text.replaceChildren();
    this.blocks = [];
  }

  // It is shown when it is complete.
  hold() {
    this.text.hidden = true;
    this.thinking.hidden = true;
    this.cursor.hidden = false;
  }

  release() {
    this.text.hidden = false;
    this.thinking.hidden = !this.thought.trim();
    this.cursor.hidden = this.blocks.length > 0;
  }

  // Remove this block and those after it.
  put({ block, html, joins, details = 0 }) {
    for (const nodes of this.blocks.splice(block)) for (const node of nodes) node.remove();
    if (!html) return;
    const fresh = fragment(html);
    if (RIGHT_TO_LEFT.test(html)) this.text.classList.add("bidi");
    const parent = this.foldAt(details);
    this.blocks[block] = (joins && this.joined(parent, fresh)) || this.appended(parent, fresh.childNodes);
    this.cursor.hidden = !this.text.hidden;
  }

  // The last part that can be folded away, this many of them deep.
  foldAt(depth) {
    let parent = this.text;
    for (let inside = 0; inside < depth && parent.lastElementChild?.className === "fold"; inside++) parent = parent.lastElementChild;
    return parent;
  }

  appended(parent, nodes) {
    const kept = [...nodes];
    for (const node of kept) if (node.nodeType === Node.ELEMENT_NODE) giveDirections(node);
    parent.append(...kept);
    return kept;
  }

  // Continue the code block, table, list or paragraph of the block before.
  joined(parent, fresh) {
    const before = parent.lastElementChild;
    const first = fresh.firstElementChild;
    if (!before || !first || before.tagName !== first.tagName || before.className !== first.className) return null;
    const inner = { code: "code", table: "table" }[first.className];
    if (inner === "code") return addCode(before.querySelector("code"), first.querySelector("code"));
    if (inner === "table") {
      // The widths of columns depend on all rows: a table without an end would be laid out as a whole each time.
      const bodies = before.querySelectorAll("tbody");
      if (bodies.length < MOST_BODIES) return this.appended(before.querySelector("table"), first.querySelectorAll("tbody"));
      before.classList.add("full");
      return null;
    }
    if (["OL", "UL"].includes(first.tagName)) return this.appended(before, first.children);
    if (first.tagName === "P" && !first.className) return this.appended(before, first.childNodes);
    return null;
  }

  call(id, name) {
    const known = this.cards.get(id);
    if (known) return known;
    const card = new CallCard(id, name);
    this.cards.set(id, card);
    this.element.classList.add("calling");
    this.calls.hidden = false;
    this.calls.append(card.element);
    this.cursor.hidden = true;
    return card;
  }

  notice(words) {
    if (!words) return;
    this.notices.hidden = false;
    this.notices.append(element("li", {}, words));
  }

  fail(words) {
    const [, title, hint] = /^(.+?[.!?])(?:\s+(.*))?$/s.exec(words) ?? [null, words, ""];
    this.faults.replaceChildren(element("div", { className: "fault" }, element("b", {}, title), hint ?? ""));
  }

  end(state, figures) {
    this.element.removeAttribute("aria-busy");
    this.text.hidden = false;
    this.thinking.hidden = !this.thought.trim();
    this.cursor.hidden = true;
    this.badge.hidden = !(state in STATES);
    this.badge.textContent = STATES[state] ?? "";
    this.badge.classList.toggle("failed", ["failed", "broken", "empty"].includes(state));
    this.thinkingLabel.textContent = "Thought";
    if (state in NO_ANSWER && !this.source.trim() && !this.faults.firstChild) this.fail(NO_ANSWER[state]);
    if (figures) this.list.replaceChildren(...figureWords(figures).map((words) => element("li", {}, words)));
    const cut = ["cancelled", "broken", "length"].includes(state);
    const lost = ["failed", "broken", "refused", "empty"].includes(state) || !(this.source || this.cards.size);
    this.copy.hidden = !this.source;
    this.goOn.hidden = !(cut && this.source);
    if (lost) {
      this.again.remove();
      this.copy.before(this.again = tool("again", "again", "Regenerate", "Ask again"));
    }
    for (const button of this.rating) button.hidden = !this.source;
    this.figures.hidden = !this.source && !this.element.dataset.turn;
  }
}

// Turns as elements; results of tool calls become part of the answers that made the calls.
async function savedTurns(said) {
  said.turns = withComparison(said);
  const { id, turns, pending } = said;
  const shown = [];
  const cards = new Map();
  for (const turn of turns) {
    if (turn.role === "tool" && turn.result) {
      const known = cards.get(turn.result.call);
      const card = known ?? new CallCard(turn.result.call, turn.result.name);
      card.end({ ...turn.result, state: turn.state, text: turn.text });
      if (!known) shown.push(element("article", { className: "turn assistant", "aria-label": "Tool call" }, card.element));
      (known ? card.element : shown.at(-1)).dataset.turn = turn.id;
    } else {
      shown.push(await savedTurn(turn, cards));
    }
  }
  for (const call of pending) {
    const card = cards.get(call.id);
    if (!card || card.ended) continue;
    card.tellServer(call.server);
    if (call.state === "asking") card.ask(id, call);
    else card.setState(call.state);
  }
  return shown;
}

// Later requests send a summary in place of the turns before it.
function summaryElement(turn) {
  const view = new AnswerView();
  turn.blocks.forEach((piece, block) => view.put({ block, ...piece }));
  const fold = element("details", {}, element("summary", {}, turn.title), view.text);
  const made = element("article", { className: "turn summary", "aria-label": turn.title }, fold, element("div", { className: "tools" }, takeBackButton(), element("span", { className: "versions" })));
  place(made, turn.id, turn.versions);
  return made;
}

async function savedTurn(turn, cards) {
  if (turn.role === "summary") return summaryElement(turn);
  if (turn.role === "comparison") return comparisonElement(turn);
  if (turn.role !== "assistant") return questionElement(turn.text, { id: turn.id, versions: turn.versions, attachments: turn.attachments });
  const view = new AnswerView();
  place(view.element, turn.id, turn.versions);
  await fillAnswer(view, turn, cards);
  showVerdict(view.element, turn.good);
  if (!turn.model) for (const button of [...view.rating, view.why]) button.hidden = true;
  return view.element;
}

async function fillAnswer(view, turn, cards) {
  view.tellModel(turn.model, turn.strategy);
  view.source = turn.text;
  for (const [block, piece] of turn.blocks.slice(0, AT_ONCE).entries()) {
    view.put({ block, ...piece });
    await sliced();
  }
  if (turn.blocks.length > AT_ONCE) unfinished.push([view, turn.blocks.slice(AT_ONCE)]);
  for (const call of turn.calls) {
    const card = view.call(call.id, call.name);
    card.setArguments(call.arguments);
    card.setState("unknown");
    cards.set(call.id, card);
  }
  if (turn.thinking) view.think(turn.thinking);
  if (turn.quick) view.figures.before(quickAnswer(turn.quick));
  if (turn.error) view.fail(turn.error);
  view.end(turn.state, turn.figures);
  // One that another process writes.
  if (turn.state === "streaming" && showsWhole()) view.hold();
}

const quickAnswer = (text) => element("details", { className: "thinking" }, element("summary", {}, "Quick answer"), element("div", {}, text));
