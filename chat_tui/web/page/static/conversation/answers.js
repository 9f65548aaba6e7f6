// What a person thinks of an answer, and why its model has answered.

// Strategies learn from it. A second press takes it back.
async function judge(turn, button) {
  const good = button.dataset.does === "good";
  const verdict = button.getAttribute("aria-pressed") === "true" ? null : good;
  const before = verdictOf(turn);
  showVerdict(turn, verdict);
  try {
    await request("PUT", turnPath(turn, "verdict"), { good: verdict });
    announce(verdict === null ? "The rating is taken back." : `Rated as ${good ? "good" : "bad"}.`);
  } catch (error) {
    showVerdict(turn, before);
    toast(error.message);
  }
}

const rating = (turn, does) => turn.querySelector(`.tool.${does}`);

function verdictOf(turn) {
  const pressed = ["good", "bad"].find((does) => rating(turn, does).getAttribute("aria-pressed") === "true");
  return pressed ? pressed === "good" : null;
}

function showVerdict(turn, verdict) {
  rating(turn, "good").setAttribute("aria-pressed", String(verdict === true));
  rating(turn, "bad").setAttribute("aria-pressed", String(verdict === false));
}

function reportRow({ name, mark, text, warns }) {
  const row = element("li", { className: warns ? "warns" : "" });
  if (name) row.append(element("b", { dir: "auto" }, name), mark ? element("span", { className: "mark" }, mark) : "");
  if (text) row.append(element("span", { className: "told", dir: "auto" }, text));
  return row;
}

// How hard the prompt looked, as a bar.
function difficultyBar(difficulty) {
  const bar = element("meter", { min: 0, max: 1, value: 1 / (1 + Math.exp(-difficulty)), "aria-label": "How hard the prompt looked" });
  return element("li", {}, bar);
}

function reportSection({ kind, title: words, rows, legend, rest }, route) {
  const list = element("ul", {}, ...rows.map(reportRow));
  if (kind === "prompt" && route.difficulty !== null) list.append(difficultyBar(route.difficulty));
  return element(
    "section", { className: `report-${kind}` }, element("h3", {}, words),
    legend ? element("p", {}, legend) : "", list, rest ? element("p", {}, rest) : "",
  );
}

let whyDialog = null;

function openWhyDialog() {
  if (!whyDialog) {
    const close = element("button", { type: "button", className: "icon", "aria-label": "Close", title: "Close" }, icon("cross"));
    close.addEventListener("click", () => whyDialog.close());
    const head = element("div", { className: "row" }, element("h2", { id: "why-title" }, "Why this model"), element("span", { className: "space" }), close);
    whyDialog = element("dialog", { id: "why-dialog", "aria-labelledby": "why-title" }, head, element("div", { id: "why-report", tabIndex: 0, role: "region", "aria-labelledby": "why-title" }));
    // A click beside it closes it, too.
    whyDialog.addEventListener("click", (event) => {
      if (event.target === whyDialog) whyDialog.close();
    });
    document.body.append(whyDialog);
  }
  whyDialog.showModal();
}

async function why(turn) {
  const { route, report } = await asked(turnPath(turn, "route"));
  openWhyDialog();
  $("why-report").replaceChildren(
    element("p", { className: "answered", dir: "auto" }, report.answered), ...report.sections.map((section) => reportSection(section, route)),
  );
  $("why-report").scrollTop = 0;
}
