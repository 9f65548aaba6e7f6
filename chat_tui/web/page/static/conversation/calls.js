// Tool calls as cards: what a model wants to run, a person's decision, and the result. All of it is untrusted text.

const CALL_STATES = {
  writing: "being written", waiting: "waits", asking: "asks you", decided: "…", running: "running", unknown: "not run",
  complete: "done", failed: "failed", refused: "refused", cancelled: "stopped", broken: "interrupted",
};
const PREVIEW_LINES = 3;
const PREVIEW_CHARACTERS = 400;

// Characters that are invisible or change the direction of text are shown as JSON escapes, which mean the same.
const escapeUnit = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
const visible = (text) => text.replace(/[\p{Cf}\u115f\u1160\u2028\u2029\u3164\uffa0]/gu, (sign) => sign.split("").map(escapeUnit).join(""));

// Numbers of many digits would lose some of them, and deeply nested lists become hundreds of times as long.
function indented(json) {
  const depth = json.split(/[[{]/).length - 1;
  if (/\d{16}/.test(json) || depth * json.length > 1e6) return json;
  try { return JSON.stringify(JSON.parse(json), null, 2); } catch { return json; }
}

const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

class CallCard {
  constructor(id, name) {
    this.id = id;
    this.name = visible(name);
    this.arguments = "";
    this.server = element("span", { className: "server" });
    this.badge = element("span", { className: "state" });
    this.about = element("p", { className: "about", hidden: true, dir: "auto" });
    this.changed = element("p", { className: "error", hidden: true });
    this.argumentsLabel = element("summary", {}, "Arguments");
    this.argumentsText = element("pre", { tabIndex: 0, role: "group", "aria-label": `Arguments of ${this.name}` });
    this.argumentsBox = element("details", { className: "arguments", hidden: true }, this.argumentsLabel, this.argumentsText);
    this.choices = element("div", { className: "decide", hidden: true, role: "group", "aria-label": `Decide about ${this.name}` });
    this.result = element("div", { className: "result", hidden: true });
    this.element = element(
      "section", { className: "call", role: "group", "aria-label": `Tool call ${this.name}` },
      element("div", { className: "call-head" }, icon("wrench"), element("b", { dir: "auto" }, this.name), this.server, this.badge),
      this.changed, this.about, this.argumentsBox, this.choices, this.result,
    );
    this.setState("writing");
  }

  get ended() {
    return this.state in STATE_OF_RESULT;
  }

  setState(state) {
    this.state = state;
    this.element.dataset.state = state;
    this.badge.textContent = CALL_STATES[state] ?? state;
    this.badge.classList.toggle("failed", ["failed", "broken"].includes(state));
    if (state !== "asking") this.changed.hidden = true;
  }

  tellServer(name) {
    this.server.textContent = name;
  }

  setArguments(json, label = "Arguments") {
    this.arguments = json;
    const none = /^\s*(\{\s*\})?\s*$/.test(json);
    this.argumentsLabel.textContent = label;
    this.argumentsText.textContent = visible(json);
    this.argumentsBox.hidden = none;
  }

  ask(conversation, { server, arguments: json, description, changed }) {
    // A decision that one has begun to write stays.
    if (this.state === "asking") return;
    this.conversation = conversation;
    this.tellServer(server);
    this.setArguments(json);
    this.about.textContent = visible(description);
    this.about.hidden = !description;
    this.changed.textContent = changed ? "This tool was changed after you allowed it." : "";
    this.changed.hidden = !changed;
    this.argumentsBox.open = true;
    this.setState("asking");
    this.offer();
  }

  // The buttons of a decision. The first is never focused by itself: Enter must not consent by accident.
  offer() {
    this.argumentsText.hidden = false;
    const choices = [
      this.button("Run once", () => this.decide({ decision: "run" }), "primary"),
      this.button("Always here", () => this.decide({ decision: "always" }), "", "Run this tool in this conversation without asking"),
      this.button("Edit", () => this.edit(), "", "Change the arguments"),
      this.button("Refuse", () => this.refuse(), "", "Do not run it, and tell the model"),
      this.button("Stop", () => this.decide({ decision: "stop" }), "", "Run nothing, and end the answer"),
    ];
    this.choices.replaceChildren(element("div", { className: "row" }, ...choices));
    this.choices.hidden = false;
  }

  button(words, does, className = "", title = "") {
    const made = element("button", { type: "button", className, title }, words);
    made.addEventListener("click", does);
    return made;
  }

  edit() {
    const field = element("textarea", { value: visible(this.arguments), spellcheck: false, "aria-label": "Arguments as JSON", rows: 3 });
    const wrong = element("p", { className: "error", role: "alert" });
    const run = () => {
      try {
        const value = JSON.parse(field.value || "{}");
        if (typeof value !== "object" || value === null || Array.isArray(value)) throw new SyntaxError("The arguments must be a JSON object.");
      } catch (error) {
        wrong.textContent = error.message;
        field.focus();
        return;
      }
      this.decide({ decision: "run", arguments: field.value || "{}" });
    };
    this.argumentsText.hidden = true;
    this.write(field, wrong, this.button("Run changed", run, "primary"));
    fit(field);
    field.addEventListener("input", () => fit(field));
  }

  refuse() {
    const field = element("input", { maxLength: 2000, placeholder: "Why? The model reads this.", "aria-label": "Why, for the model", autocomplete: "off" });
    const send = () => this.decide({ decision: "refuse", reason: field.value.trim() });
    field.addEventListener("keydown", (event) => {
      if (!sends(event)) return;
      event.preventDefault();
      send();
    });
    this.write(field, "", this.button("Refuse", send, "primary"));
  }

  write(field, note, button) {
    const back = () => {
      this.offer();
      this.choices.querySelector("button").focus();
    };
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      back();
    });
    this.choices.replaceChildren(field, note, element("div", { className: "row" }, element("span", { className: "space" }), this.button("Back", back), button));
    field.focus();
  }

  async decide(body) {
    const buttons = [...this.choices.querySelectorAll("button")];
    for (const button of buttons) button.disabled = true;
    try {
      await request("POST", `api/conversations/${encodeURIComponent(this.conversation)}/calls/${encodeURIComponent(this.id)}`, body);
    } catch (error) {
      toast(error.message);
      for (const button of buttons) button.disabled = false;
      return;
    }
    // The result may have been faster.
    if (this.ended) return;
    if (body.arguments) this.setArguments(body.arguments, "Arguments, changed by you");
    this.close();
    this.setState(["run", "always"].includes(body.decision) ? "running" : "decided");
    if (!narrow.matches) $("prompt").focus({ preventScroll: true });
  }

  close() {
    this.choices.hidden = true;
    this.choices.replaceChildren();
    this.argumentsText.hidden = false;
    this.argumentsBox.open = false;
  }

  // It runs: here or elsewhere somebody has allowed it.
  run() {
    if (this.ended) return;
    this.close();
    this.setState("running");
  }

  end({ server, state, text, images = 0, arguments: changed = "" }) {
    this.close();
    this.about.hidden = true;
    if (server) this.tellServer(server);
    if (changed) this.setArguments(changed, "Arguments, changed by you");
    this.setState(state === "streaming" ? "running" : state);
    if (!this.ended) return;
    const parts = text ? [resultText(text, this.name)] : [];
    if (images) parts.push(element("p", { className: "images" }, `${plural(images, "image")} for the model`));
    this.result.replaceChildren(...parts);
    this.result.hidden = !parts.length;
  }
}

const STATE_OF_RESULT = { complete: 1, failed: 1, refused: 1, cancelled: 1, broken: 1 };

// Its first lines, with the rest folded.
function resultText(text, name) {
  const lines = text.split("\n", PREVIEW_LINES + 1);
  const preview = lines.slice(0, PREVIEW_LINES).join("\n").slice(0, PREVIEW_CHARACTERS);
  if (preview === text) return element("pre", { dir: "auto" }, text);
  const all = text.split("\n").length;
  const label = all > PREVIEW_LINES ? plural(all, "line") : plural(text.length, "character");
  const whole = element("pre", { tabIndex: 0, role: "group", dir: "auto", "aria-label": `Result of ${name}` });
  const box = element(
    "details", {},
    element("summary", {}, `Result, ${label}`, element("span", { className: "preview", dir: "auto" }, `${preview}…`)),
    whole,
  );
  // Large results become part of the page only where they are looked at.
  box.addEventListener("toggle", () => { whole.textContent = box.open ? text : ""; });
  return box;
}

// The call that runs now: calls run one after the other.
function showRunning(cards) {
  const next = [...cards].find((card) => !card.ended);
  if (next && ["waiting", "writing"].includes(next.state)) next.setState("running");
}
