// Summarising earlier messages: what it takes, the text as it is written, and to be changed and kept.

const summaryPath = (id, verb) => `api/conversations/${encodeURIComponent(id)}/summary/${verb}`;
// When all messages fit the context window, so many are offered to stay.
const USUAL_KEPT = 4;
const PLAN_MS = 250;

class SummaryDialog {
  constructor() {
    this.lead = element("p", { id: "summary-lead" });
    this.kept = element("input", { type: "number", id: "summary-kept", min: 0, max: 1_000_000, inputMode: "numeric" });
    this.keptRow = element("label", { className: "row" }, "Messages to leave as they are, from the end", this.kept);
    this.text = element("textarea", { id: "summary-text", dir: "auto", maxLength: 200_000, "aria-label": "The summary" });
    this.status = element("p", { id: "summary-status", role: "status" });
    this.cancel = element("button", { type: "button" }, "Cancel");
    this.go = element("button", { className: "primary" }, "Summarise");
    const row = element("div", { className: "row" }, element("span", { className: "space" }), this.cancel, this.go);
    const form = element("form", { method: "dialog" }, element("h2", { id: "summary-title" }, "Summarise earlier messages"), this.lead, this.keptRow, this.text, this.status, row);
    this.dialog = element("dialog", { id: "summary-dialog", "aria-labelledby": "summary-title" }, form);
    document.body.append(this.dialog);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.proceed().catch((error) => this.say(error.message, true));
    });
    this.cancel.addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", () => this.end());
    this.kept.addEventListener("input", () => {
      this.planned = null;
      this.setStage("offered");
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.plan(), PLAN_MS);
    });
  }

  open() {
    Object.assign(this, { id: current, serial: (this.serial ?? 0) + 1, written: null, planned: null });
    this.kept.value = "";
    this.text.value = "";
    this.setStage("offered");
    this.say("");
    this.dialog.showModal();
    this.plan({ first: true });
  }

  setStage(stage) {
    this.stage = stage;
    this.lead.hidden = this.keptRow.hidden = stage !== "offered";
    this.text.hidden = stage === "offered";
    this.text.readOnly = stage !== "written";
    this.go.hidden = stage === "writing";
    this.go.disabled = stage === "offered" && !this.planned;
    this.go.textContent = stage === "written" ? "Keep" : "Summarise";
    this.cancel.textContent = { offered: "Cancel", writing: "Stop", written: "Discard" }[stage];
  }

  say(words, isError = false) {
    this.status.textContent = words;
    this.status.classList.toggle("error", isError);
  }

  get settings() {
    const kept = this.kept.value.trim();
    const { model, strategy } = choice();
    return { ...(model ? { model } : {}), ...(strategy ? { strategy } : {}), ...(kept ? { kept: Number(kept) } : {}) };
  }

  // Tells what it takes. Without a number, those messages stay that fit the context window.
  async plan({ first = false } = {}) {
    const mine = ++this.serial;
    this.planned = null;
    this.setStage("offered");
    try {
      const planned = await (await request("POST", summaryPath(this.id, "plan"), { ...this.settings, ...(first ? { orKept: USUAL_KEPT } : {}) })).json();
      if (mine !== this.serial) return;
      if (first) this.kept.value = planned.kept ?? "";
      this.planned = planned;
      this.lead.textContent = `${planned.model} summarises ${plural(planned.messages, "earlier message")}. You see the summary, and can change it, before it is kept. From then on it is sent in their place.`;
      this.say(`${priceWords(planned)}. Nothing is deleted, and you can take it back.`);
    } catch (error) {
      if (mine !== this.serial) return;
      this.lead.textContent = "";
      this.say(error.message, true);
    }
    this.setStage("offered");
  }

  async proceed() {
    if (this.stage === "offered" && this.planned) await this.write(this.planned);
    else if (this.stage === "written") await this.keep();
  }

  async write({ model, leaf, requests }) {
    const mine = ++this.serial;
    this.setStage("writing");
    this.say(`${model} writes`);
    this.reading = new AbortController();
    try {
      const response = await request("POST", summaryPath(this.id, "write"), { ...this.settings, model, leaf }, this.reading.signal);
      for await (const event of eventsOf(response)) {
        if (mine !== this.serial) return;
        if (event.type === "error") throw new Refusal(0, event.error);
        this.text.value = event.text;
        this.text.scrollTop = this.text.scrollHeight;
        if (event.type === "text" && requests > 1) this.say(`${model} writes · request ${event.request} of ${requests}`);
        if (event.type === "written") this.written = event;
      }
      if (!this.written) throw new Refusal(0, BROKEN);
    } catch (error) {
      if (mine !== this.serial || error.name === "AbortError") return;
      this.setStage("offered");
      this.say(error.message, true);
      return;
    }
    this.setStage("written");
    const { cost, isCut } = this.written;
    const told = [...(known(cost) ? [dollars(cost)] : []), ...(isCut ? ["cut at the limit of tokens"] : [])];
    this.say(["You can change it before you keep it", ...told].join(" · "));
    this.text.scrollTop = 0;
    this.text.focus();
    this.text.setSelectionRange(0, 0);
  }

  async keep() {
    const [id, { messages }] = [this.id, this.planned];
    const { turn } = await (await request("POST", summaryPath(id, "keep"), { text: this.text.value, seal: this.written.seal })).json();
    this.stage = "kept";
    this.dialog.close();
    if (id === current) {
      followEnd();
      refreshSoon();
    }
    toast(`Summary kept: it is sent in place of ${plural(messages, "earlier message")}.`, () => takeBackSummary(id, turn));
  }

  // Closed: what was not kept changes nothing.
  end() {
    this.serial++;
    clearTimeout(this.waiting);
    this.reading?.abort();
    this.reading = null;
    const told = { writing: "Stopped: no summary was made.", written: "The summary was discarded. Nothing was changed." }[this.stage];
    if (told) toast(told);
    this.stage = "closed";
  }
}

function priceWords({ tokens, requests, price }) {
  const parts = requests > 1 ? ` in ${requests} requests` : "";
  const cost = price === null ? "price not known" : price ? `≈${dollars(price)}` : "free";
  return `≈${count(tokens)} tokens${parts}, ${cost}`;
}

async function takeBackSummary(id, turn) {
  await request("DELETE", summaryPath(id, `turns/${encodeURIComponent(turn)}`));
  if (id === current) refreshSoon();
  announce("Summary taken back: all messages are sent again.");
}

// It can be taken back while nothing follows it.
const takeBackButton = () => tool("take-back", "undo", "Take back this summary: all messages are sent again", "Take back");

function listenToSummaries() {
  const dialog = new SummaryDialog();
  const entry = element("button", { type: "button", id: "summarise" }, icon("fold"), "Summarise");
  $("pin-button").after(entry);
  entry.addEventListener("click", () => dialog.open());
  $("log").addEventListener("click", (event) => {
    const turn = event.target.closest("button.take-back")?.closest(".turn");
    if (turn) takeBackSummary(current, turn.dataset.turn).catch((error) => toast(error.message));
  });
}
