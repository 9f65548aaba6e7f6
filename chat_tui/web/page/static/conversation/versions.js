// Regenerating and continuing answers, editing questions, and switching between versions.

const turnPath = (turn, verb) => `api/conversations/${encodeURIComponent(current)}/turns/${encodeURIComponent(turn.dataset.turn)}/${verb}`;

// What followed the turn belongs to its previous version.
function again(turn, body) {
  if (running) return;
  const answer = new LiveAnswer(current);
  answer.addView();
  const path = turnPath(turn, "ask");
  while (turn.nextElementSibling) turn.nextElementSibling.remove();
  forgetLater();
  if (body.prompt) turn.before(answer.question = questionElement(body.prompt, { files: turn.querySelector(".files")?.files }));
  turn.replaceWith(answer.view.element);
  send(answer, path, body);
}

async function select(turn, to) {
  if (running) return;
  const [id, was] = [current, turn.getBoundingClientRect().top];
  const [byKey, sign] = [document.activeElement?.matches(":focus-visible"), document.activeElement?.title];
  await request("POST", turnPath(turn, "select").replace(/[^/]+\/select$/, `${encodeURIComponent(to)}/select`));
  if (id !== current) return;
  const before = shown;
  const said = await asked(conversationPath(id, { limit: WINDOW, turn: to }));
  const turns = await savedTurns(said);
  if (id !== current || running) return;
  if (shown !== before) refreshSoon();
  await showTurns(said, turns);
  const found = $("log").querySelector(`[data-turn="${CSS.escape(to)}"]`);
  if (!found) return;
  // The new version appears in the same place.
  $("scroll").scrollTop += found.getBoundingClientRect().top - was;
  notePlace();
  const buttons = [...found.querySelectorAll(".versions button:not(:disabled)")];
  const next = buttons.find((button) => button.title === sign) ?? buttons[0];
  next?.focus({ preventScroll: true, focusVisible: byKey });
  announce(found.querySelector(".versions").getAttribute("aria-label") ?? "");
}

function edit(turn) {
  if (running || turn.querySelector("form")) return;
  const said = turn.querySelector(".said");
  const field = element("textarea", { value: said.textContent, "aria-label": "Edit your question", maxLength: 1_000_000, enterKeyHint: "send" });
  const cancel = element("button", { type: "button" }, "Cancel");
  const form = element("form", { className: "editor" }, field, element("div", { className: "row" }, element("span", { className: "space" }), cancel, element("button", { className: "primary" }, "Send")));
  const close = () => {
    form.remove();
    turn.classList.remove("editing");
    turn.querySelector(".edit").focus();
  };
  const send = () => {
    const words = field.value.trim();
    if (words && !running) again(turn, { prompt: words });
  };
  cancel.addEventListener("click", close);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.preventDefault();
      close();
    } else if (sends(event)) {
      event.preventDefault();
      send();
    }
  });
  field.addEventListener("input", () => fit(field));
  turn.classList.add("editing");
  said.after(form);
  fit(field);
  field.focus();
}

function listenToTurns() {
  $("log").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    const turn = button?.closest(".turn");
    if (!turn) return;
    if (button.classList.contains("copy-code")) copied(button.closest(".code").querySelector("code").innerText, button);
    else if (button.dataset.does === "again") again(turn, {});
    else if (button.dataset.does === "again-with") openPicker({ by: button, once: (model) => again(turn, { model }) });
    else if (button.dataset.does === "go-on") again(turn, { goesOn: true });
    else if (button.dataset.does === "edit") edit(turn);
    else if (["good", "bad"].includes(button.dataset.does)) judge(turn, button);
    else if (button.dataset.does === "why") why(turn).catch((error) => toast(error.message));
    else if (button.dataset.does === "select") select(turn, button.dataset.to).catch((error) => toast(error.message));
  });
}
