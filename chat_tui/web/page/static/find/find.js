// Finding words in the open conversation, also in messages that are not loaded: the server names the messages, and their words are marked.

const FIND_MS = 250;
// Ids of the messages with the words, in their order, and which of them is shown.
let findTurns = [];
let findAt = -1;
let finding = 0;
let findTimer = null;

const findBar = element("search", { id: "find", hidden: true });

function openFind() {
  if (!current) return;
  findBar.hidden = false;
  $("find-field").focus();
  $("find-field").select();
}

// Another conversation is opened.
function leaveFind() {
  clearTimeout(findTimer);
  finding++;
  findBar.hidden = true;
  $("find-field").value = "";
  forgetFound();
}

function closeFind() {
  leaveFind();
  $("prompt").focus();
}

function forgetFound() {
  [findTurns, findAt] = [[], -1];
  $("find-count").textContent = "";
  forgetMarks();
}

async function findWords() {
  clearTimeout(findTimer);
  const [id, words, mine] = [current, $("find-field").value.trim(), ++finding];
  if (!words) {
    forgetFound();
    return;
  }
  const said = await asked(`api/conversations/${encodeURIComponent(id)}/find?${new URLSearchParams({ query: words })}`);
  if (mine !== finding || id !== current) return;
  findTurns = said.turns;
  findAt = firstBelow();
  await showFoundTurn();
}

// The first message with the words that is in view or below it.
function firstBelow() {
  const top = $("scroll").getBoundingClientRect().top;
  const below = findTurns.findIndex((id) => turnElement(id)?.getBoundingClientRect().bottom > top);
  return below < 0 ? findTurns.length - 1 : below;
}

async function showFoundTurn() {
  const words = $("find-field").value.trim();
  if (!findTurns.length) {
    $("find-count").textContent = "not found";
    forgetMarks();
    return;
  }
  $("find-count").textContent = `${findAt + 1} of ${plural(findTurns.length, "message")}`;
  const [id, turn, mine] = [current, findTurns[findAt], finding];
  if (!turnElement(turn)) {
    const said = await asked(conversationPath(id, { limit: WINDOW, turn }));
    const turns = await savedTurns(said);
    if (mine !== finding || id !== current) return;
    atEnd = false;
    await showTurns(said, turns);
    running?.mount();
  }
  const found = turnElement(turn);
  if (!found) return;
  atEnd = false;
  found.querySelector(".unfold")?.fold(false);
  found.scrollIntoView({ block: "start" });
  await markWords([words], found);
}

function stepFind(by) {
  if (!findTurns.length) return;
  findAt = (findAt + by + findTurns.length) % findTurns.length;
  showFoundTurn().catch((error) => toast(error.message));
}

function listenToFind() {
  const button = (sign, words, act) => {
    const made = element("button", { type: "button", className: "icon", title: words, "aria-label": words }, icon(sign));
    made.addEventListener("click", act);
    return made;
  };
  findBar.append(
    element("input", { id: "find-field", type: "search", placeholder: "Find in this conversation", "aria-label": "Find in this conversation", autocomplete: "off", spellcheck: false, maxLength: 1000, enterKeyHint: "search" }),
    element("span", { id: "find-count", role: "status" }),
    button("chevron", "Previous message (Shift+Enter)", () => stepFind(-1)),
    button("chevron-down", "Next message (Enter)", () => stepFind(1)),
    button("cross", "Close (Esc)", closeFind),
  );
  document.querySelector("header").after(findBar);
  $("find-field").addEventListener("input", () => {
    clearTimeout(findTimer);
    findTimer = setTimeout(() => findWords().catch((error) => toast(error.message)), FIND_MS);
  });
  $("find-field").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    stepFind(event.shiftKey ? -1 : 1);
  });
  $("find-button").addEventListener("click", openFind);
}
