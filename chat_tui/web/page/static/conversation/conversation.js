// The open conversation: its turns, its title, its scroll position.

const NEW = "New conversation";
let current = "";
let title = NEW;
let pinned = false;
// Which turns are shown: from this position to before that one. All of it may be more.
let shown = { first: 0, end: 0, length: 0 };
let atEnd = true;

function setTitle(words) {
  title = words || "Untitled";
  $("title").textContent = title;
  showPageTitle();
}

function showPageTitle(state = running ? (isPaused() ? "paused" : "answering") : "") {
  // The browser remembers titles.
  const words = isPrivate ? "Private conversation" : title;
  document.title = `${state ? `${state} · ` : ""}${current ? words : "chat-tui"}`;
}

function setCurrent(id, words) {
  current = id;
  $("menu-button").hidden = !id;
  setTitle(words);
  markCurrent();
}

function newConversation({ keepAddress = false, isPrivate: willBePrivate = false } = {}) {
  if (asksBeforeLeaving(() => newConversation({ keepAddress }))) return;
  leaveAnswer();
  leaveFind();
  // Discard a conversation that is still being opened.
  opening++;
  if (current) goOnWith({});
  setCurrent("", NEW);
  setPinned(false);
  setSwitched({ servers: [], off: [] });
  settings = keptSettings();
  setUsesMemory(settings.memory ?? remembered.usual);
  setPrivate(willBePrivate);
  if (!keepAddress) remember("");
  shown = { first: 0, end: 0, length: 0 };
  offerOthers();
  $("log").replaceChildren(welcome());
  closeDrawer();
  followEnd();
  if (!narrow.matches) $("prompt").focus();
}

function welcome() {
  const keys = (key) => element("kbd", {}, key);
  return element(
    "div", { className: "welcome" },
    element("h2", {}, "What would you like to know?"),
    element("p", {}, "A strategy picks the model for each question, or choose one yourself. Conversations are shared with chat-tui in your terminal."),
    element("p", { className: "keys" }, keys("Enter"), " sends, ", keys("Shift Enter"), " starts a new line, ", keys("Esc"), " stops; ", keys("Ctrl /"), " changes the model, ", keys("Ctrl K"), " searches, ", keys("Ctrl Shift O"), " starts a new conversation."),
  );
}

// The address contains the conversation, so that reloading and going back work.
function remember(id) {
  const hash = id ? `#c=${encodeURIComponent(id)}` : location.pathname;
  if (id !== addressed()) history.pushState(null, "", hash);
}

const addressed = () => decoded(/^#c=(.+)$/.exec(location.hash)?.[1] ?? "");

let opening = 0;

async function openConversation(id, { turn = "", words = [], keepAddress = false } = {}) {
  if (id !== current && asksBeforeLeaving(() => openConversation(id, { turn, words, keepAddress }))) return;
  leaveAnswer();
  leaveFind();
  const mine = ++opening;
  closeDrawer();
  try {
    const said = await asked(conversationPath(id, { limit: WINDOW, ...(turn ? { turn } : {}) }));
    const turns = await savedTurns(said);
    if (mine !== opening) return;
    // What was chosen in it stays when it is only loaded again.
    if (id !== current) goOnWith(said);
    setCurrent(id, said.title);
    setPinned(said.pinned);
    setSwitched(said.tools);
    setUsesMemory(said.usesMemory);
    setPrivate(said.private);
    setSettings(said.settings);
    if (!keepAddress && !said.private) remember(id);
    atEnd = !turn;
    const filling = showTurns(said, turns);
    followConversation(id, { anew: true });
    settle();
    joinComparison(said);
    await filling;
    if (mine !== opening) return;
    const found = turn && $("log").querySelector(`[data-turn="${CSS.escape(turn)}"]`);
    if (found) {
      reach(found);
      await markWords(words, found);
      if (mine !== opening) return;
    } else {
      followEnd();
    }
    announce(`Opened ${said.title}`);
    if (!narrow.matches && !found) $("prompt").focus();
  } catch (error) {
    if (mine !== opening) return;
    toast(error.message);
    if (keepAddress) newConversation();
  }
}

const conversationPath = (id, parameters) => `api/conversations/${encodeURIComponent(id)}?${new URLSearchParams(parameters)}`;

// Resolves when the rest of long answers is there, too.
async function showTurns(said, turns) {
  shown = said;
  $("log").replaceChildren(...turns);
  await fillTurns();
  offerOthers();
}

// More turns are loaded when one scrolls near these buttons.
const WINDOW = 30;
const NEAR = "1500px 0px";

function othersButton(words, load) {
  const button = element("button", { type: "button", className: "others" }, words);
  button.addEventListener("click", load);
  return button;
}

const earlierButton = othersButton("Show earlier messages", () => showEarlier());
const laterButton = othersButton("Show later messages", () => showLater());
const nearby = new IntersectionObserver((seen) => {
  for (const { target, isIntersecting } of seen) if (isIntersecting && target.isConnected) target.click();
}, { root: $("scroll"), rootMargin: NEAR });

const showsEnd = () => shown.end >= shown.length;

function offerOthers() {
  const offer = (button, there, add) => {
    nearby.unobserve(button);
    if (!there) return button.remove();
    if (!button.isConnected) add(button);
    // Tells at once whether it is near.
    return nearby.observe(button);
  };
  offer(earlierButton, shown.first > 0, (button) => $("log").prepend(button));
  offer(laterButton, !showsEnd(), (button) => $("log").append(button));
}

let loading = false;

// The turns before this position, with their elements. Null: they could not be loaded, or others are shown by now.
async function loadedTurns(before) {
  if (loading) return null;
  loading = true;
  const [id, mine] = [current, shown];
  try {
    const said = await asked(conversationPath(id, { limit: WINDOW, before }));
    const turns = await savedTurns(said);
    if (id === current && mine === shown) return { ...said, elements: turns };
    // Others are shown by now: offered again, for the place that is seen then.
    offerOthers();
    return null;
  } catch (error) {
    toast(error.message);
    return null;
  } finally {
    loading = false;
  }
}

async function showEarlier() {
  const said = await loadedTurns(shown.first);
  if (!said) return;
  const anchor = earlierButton.nextElementSibling;
  const was = anchor?.getBoundingClientRect().top ?? 0;
  shown = { ...shown, first: said.first };
  earlierButton.after(...said.elements);
  offerOthers();
  if (anchor && !atEnd) $("scroll").scrollTop += anchor.getBoundingClientRect().top - was;
  await fillTurns();
}

async function showLater() {
  const said = await loadedTurns(Math.min(shown.length, shown.end + WINDOW));
  if (!said) return;
  shown = { ...shown, end: Math.max(shown.end, said.end), length: said.length };
  // The first ones may be there already.
  const there = new Set([...$("log").querySelectorAll("[data-turn]")].map((turn) => turn.dataset.turn));
  laterButton.before(...said.elements.filter((turn) => !there.has(turn.dataset.turn)));
  await fillTurns();
  offerOthers();
  running?.mount();
}

// A question that is asked now follows the last turn, which may not be shown; those before it are loaded.
function showOnlyEnd() {
  if (showsEnd()) return;
  shown = { ...shown, first: shown.length, end: shown.length };
  $("log").replaceChildren();
  offerOthers();
}

// The turns that follow those that are shown are not on the branch any more.
function forgetLater() {
  shown = { ...shown, length: shown.end };
  offerOthers();
}

async function goToEnd() {
  if (!showsEnd()) {
    const said = await asked(conversationPath(current, { limit: WINDOW }));
    const turns = await savedTurns(said);
    if (said.id !== current) return;
    await showTurns(said, turns);
    running?.mount();
  }
  followEnd();
}

function reach(found) {
  atEnd = false;
  found.querySelector(".unfold")?.fold(false);
  found.scrollIntoView({ block: "start" });
  found.classList.add("reached");
  found.tabIndex = -1;
  found.focus({ preventScroll: true });
}

// Streaming text does not scroll the page unless it is at the end. Scrolling up, be it by a pixel, lets the end go.

const NEAR_END = 32;
let lastTop = 0;

function followEnd() {
  atEnd = true;
  pullToEnd();
}

// After each layout in which something has grown; no other code reads what would need a layout at once.
function pullToEnd() {
  const scroll = $("scroll");
  if (atEnd && showsEnd()) {
    scroll.scrollTop = scroll.scrollHeight;
    lastTop = scroll.scrollTop;
  }
  keepPlace();
}

function keepPlace() {
  $("to-end").hidden = atEnd;
}

function notePlace() {
  const { scrollTop, scrollHeight, clientHeight } = $("scroll");
  const below = scrollHeight - scrollTop - clientHeight;
  if (below < 1) atEnd = true;
  else if (scrollTop < lastTop) atEnd = false;
  else if (scrollTop > lastTop && below < NEAR_END) atEnd = true;
  atEnd &&= showsEnd();
  lastTop = scrollTop;
  keepPlace();
  document.querySelector("main").classList.toggle("scrolled", scrollTop > 4);
}

// Renaming, pinning and deleting the open conversation, or one of the list.

let renaming = null;

function rename(row = { id: current, title }) {
  renaming = row;
  $("title-field").value = row.title;
  $("title-dialog").returnValue = "";
  $("title-dialog").showModal();
  $("title-field").select();
}

async function renamed() {
  const words = $("title-field").value.trim();
  const { id, title: before } = renaming;
  if ($("title-dialog").returnValue !== "save" || !words || words === before) return;
  const said = await (await request("PATCH", conversationPath(id, {}), { title: words })).json();
  if (current === id) setTitle(said.title);
  await showChangedList();
}

function setPinned(value) {
  pinned = value;
  $("pin-button").querySelector("span").textContent = pinned ? "Unpin" : "Pin";
}

async function pin({ id, pinned: before } = { id: current, pinned }) {
  const said = await (await request("PATCH", conversationPath(id, {}), { pinned: !before })).json();
  if (current === id) setPinned(said.pinned);
  await showChangedList();
  announce(said.pinned ? "Pinned." : "Unpinned.");
}

async function save(form, ending) {
  const response = await request("GET", `api/conversations/${encodeURIComponent(current)}/export?form=${form}`);
  const address = URL.createObjectURL(await response.blob());
  element("a", { href: address, download: `${fileName(title)}.${ending}` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

async function remove({ id, title: words } = { id: current, title }) {
  const isOpen = id === current;
  if (isOpen && isPrivate) {
    newConversation();
    return;
  }
  await request("DELETE", conversationPath(id, {}));
  if (current === id) newConversation();
  await showChangedList();
  toast(`Deleted “${words}”.`, async () => {
    await request("POST", `api/conversations/${encodeURIComponent(id)}/restore`);
    await showChangedList();
    if (isOpen) await openConversation(id);
    else focusRow(id);
  });
}

let toasting;

function toast(words, undo) {
  clearTimeout(toasting);
  const box = $("toast");
  box.replaceChildren(element("span", {}, words));
  if (undo) {
    const button = element("button", { type: "button" }, "Undo");
    button.addEventListener("click", () => {
      box.hidden = true;
      undo().catch((error) => toast(error.message));
    });
    box.append(button);
  }
  box.hidden = false;
  // The button that restores it is shown for ten seconds.
  toasting = setTimeout(() => { box.hidden = true; }, undo ? 9500 : 6000);
}

function listenToConversation() {
  const told = (work) => () => work().catch((error) => toast(error.message));
  $("new").addEventListener("click", () => newConversation());
  $("conversation-menu").addEventListener("click", () => $("conversation-menu").hidePopover());
  $("rename").addEventListener("click", () => rename());
  $("pin-button").addEventListener("click", told(() => pin()));
  $("save-markdown").addEventListener("click", told(() => save("markdown", "md")));
  $("save-html").addEventListener("click", told(() => save("html", "html")));
  $("save-json").addEventListener("click", told(() => save("json", "json")));
  $("title-dialog").addEventListener("close", told(renamed));
  $("title-cancel").addEventListener("click", () => $("title-dialog").close("cancel"));
  $("delete").addEventListener("click", told(() => remove()));
  $("scroll").addEventListener("scroll", notePlace, { passive: true });
  $("to-end").addEventListener("click", told(goToEnd));
  const sizes = new ResizeObserver(pullToEnd);
  for (const id of ["scroll", "log"]) sizes.observe($(id));
  addEventListener("popstate", () => {
    if (addressed()) openConversation(addressed(), { keepAddress: true });
    else newConversation({ keepAddress: true });
  });
}
