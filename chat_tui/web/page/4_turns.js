// Turns as elements: a question, and an answer that may still grow.

function questionElement(text, { id = "", files = [] } = {}) {
  const made = element("article", { className: "turn user", "aria-label": "You" }, element("div", {}, text));
  if (id) made.dataset.turn = id;
  if (files.length) made.append(element("div", { className: "files" }, `with ${files.join(", ")}`));
  return made;
}

class AnswerView {
  constructor() {
    this.source = "";
    this.thought = "";
    this.blocks = [];
    this.name = element("b");
    this.badge = element("span", { className: "state", hidden: true });
    this.aside = element("span");
    this.notices = element("ul", { className: "notices", hidden: true });
    this.thinkingText = element("div", {}, document.createTextNode(""));
    this.thinkingLabel = element("summary", {}, "Thinking");
    this.thinking = element("details", { className: "thinking", hidden: true }, this.thinkingLabel, this.thinkingText);
    this.text = element("div", { className: "text" });
    this.cursor = element("span", { className: "waiting", hidden: true });
    this.faults = element("div", { role: "alert" });
    this.list = element("ul");
    this.figures = element("div", { className: "figures", hidden: true }, this.copyButton(), this.list);
    this.element = element(
      "article", { className: "turn assistant", "aria-label": "Answer" },
      element("div", { className: "who" }, this.name, this.aside, this.badge),
      this.notices, this.thinking, this.text, this.cursor, this.faults, this.figures,
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

  // A new phase takes the place of the short answer that came at once.
  newPhase(phase) {
    if (phase === this.phase) return;
    if (this.phase) {
      this.source = "";
      this.text.replaceChildren();
      this.blocks = [];
    }
    this.phase = phase;
  }

  think(piece) {
    this.thought += piece;
    this.thinkingText.firstChild.appendData(piece);
    this.thinking.hidden = !this.thought.trim();
  }

  // What stood at this place, and behind it, goes.
  put({ block, html, joins }) {
    for (const nodes of this.blocks.splice(block)) for (const node of nodes) node.remove();
    if (!html) return;
    const fresh = fragment(html);
    this.blocks[block] = (joins && this.joined(block, fresh)) || this.appended(this.text, fresh.childNodes);
    this.cursor.hidden = true;
  }

  appended(parent, nodes) {
    const kept = [...nodes];
    parent.append(...kept);
    return kept;
  }

  // The lines of a code block, the rows of a table, the items of a list, the words of a paragraph go where those before
  // them are.
  joined(block, fresh) {
    const before = this.text.lastElementChild;
    const first = fresh.firstElementChild;
    if (!before || !first || before.tagName !== first.tagName || before.className !== first.className) return null;
    const inner = { code: "code", table: "table" }[first.className];
    if (inner === "code") {
      const span = element("span", {}, ...first.querySelector("code").childNodes);
      return this.appended(before.querySelector("code"), [span]);
    }
    if (inner === "table") return this.appended(before.querySelector("table"), first.querySelectorAll("tbody"));
    if (["OL", "UL"].includes(first.tagName)) return this.appended(before, first.children);
    if (first.tagName === "P" && !first.className) return this.appended(before, first.childNodes);
    return null;
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
    this.cursor.hidden = true;
    this.badge.hidden = !(state in STATES);
    this.badge.textContent = STATES[state] ?? "";
    this.badge.classList.toggle("failed", ["failed", "broken"].includes(state));
    this.thinkingLabel.textContent = "Thought";
    if (figures) this.list.replaceChildren(...figureWords(figures).map((words) => element("li", {}, words)));
    this.figures.hidden = !this.source && !this.list.childNodes.length;
  }
}

function savedTurn(turn) {
  if (turn.role !== "assistant") return questionElement(turn.text, { id: turn.id, files: turn.files });
  const view = new AnswerView();
  view.element.dataset.turn = turn.id;
  view.tellModel(turn.model, turn.strategy);
  view.source = turn.text;
  turn.blocks.forEach((piece, block) => view.put({ block, ...piece }));
  if (turn.thinking) view.think(turn.thinking);
  if (turn.siblings > 1) view.aside.textContent += `${turn.strategy ? " · " : ""}one of ${turn.siblings} answers`;
  if (turn.quick) view.figures.before(quickAnswer(turn.quick));
  if (turn.error) view.fail(turn.error);
  view.end(turn.state, turn.figures);
  return view.element;
}

const quickAnswer = (text) => element("details", { className: "thinking" }, element("summary", {}, "The quick answer before it"), element("div", {}, text));

$("log").addEventListener("click", (event) => {
  const button = event.target.closest(".copy-code");
  if (button) copied(button.closest(".code").querySelector("code").textContent, button);
});
