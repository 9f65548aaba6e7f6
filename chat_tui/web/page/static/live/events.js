// What the stream of events tells, and what the page does with it.

let isOnline = true;
let stream = null;
// What this page follows: the open conversation.
let followed = null;

function listenToEvents() {
  stream ??= openStream({ headers: signInHeaders, take: takeEvent, tell: takeLine });
  followAll();
}

function followAll() {
  stream?.follow([followed, ...compared].filter(Boolean));
}

// Signed out.
function stopEvents() {
  stream?.close();
  isOnline = true;
  $("offline").hidden = true;
}

// Called when another conversation is opened; `anew`: nothing of its running answer is shown.
function followConversation(id, { anew = false } = {}) {
  if ((followed?.conversation ?? "") === id && !anew) return;
  followed = id ? { conversation: id, at: "" } : null;
  if (anew || compared[0]?.live.id !== id) compared = [];
  followAll();
}

function takeLine(state) {
  const was = isOnline;
  isOnline = state === "open";
  $("offline").hidden = isOnline;
  // What was missed is fetched.
  if (isOnline && !was) {
    showList();
    refreshSoon();
    uploadLost();
    showChoices().catch((error) => toast(error.message));
  }
  // Tells why, and asks for the token.
  if (state === "refused") asked("api/tools").then(listenToEvents, () => {});
}

function takeEvent(event, its) {
  if (event.type === "running") takeRunning(event.answers);
  else if (event.type === "list") showListChange();
  else if (event.type === "queue") takeQueue(event);
  else if (event.type === "changed") {
    if (event.conversation === current) refreshSoon();
  } else if (event.type === "answer" && its === followed) takeBatch(event.events);
  else if (event.type === "answer" && compared.includes(its)) takeCompared(its, event.events);
}

// A search is not repeated by itself.
function showListChange() {
  if (!$("search").value.trim()) showList();
}

let taking = Promise.resolve();

function takeBatch(events) {
  const its = followed;
  taking = taking.then(() => takeEvents(its, events)).catch((error) => console.error(error));
}

async function takeEvents(its, events) {
  // Another conversation is open by now, or this one was opened again.
  if (its !== followed) return;
  // Each of its answers is followed by itself; one was told before the server knew that it is compared.
  if (running instanceof LiveComparison) return;
  if (running?.sending) {
    running.held.push(events);
    return;
  }
  if (!running) {
    // An answer that has just ended, and is there already, though maybe as it was before its end.
    if (events.at(-1).type === "end" && events[0].type === "placed" && turnElement(events[0].answer)) {
      refreshSoon();
      return;
    }
    setRunning(new LiveAnswer(its.conversation));
  }
  const answer = running;
  const isLate = !answer.heard && performance.now() - answer.since > LATE_MS;
  answer.heard = true;
  for (const event of events) {
    if (running !== answer) return;
    answer.take(event);
    await sliced();
  }
  if (isLate) answer.skipRead();
  else answer.readSoon();
  keepPlace();
  if (answer.ended) endRunning();
  else showLive();
}

function endRunning() {
  setRunning(null);
  // What was fetched before does not have its end.
  shown = { ...shown };
  keepPlace();
  // Not while something is selected, which would be lost.
  if (document.activeElement === document.body && getSelection().isCollapsed) $("prompt").focus();
}

// Fetches the open conversation again, and changes what is not as it was. Elements that are the same stay, with what one has begun to
// write in them.

const REFRESH_MS = 300;
let refreshing = null;
// Something has changed, which a fetch that has begun may not have.
let isStale = false;

function refreshSoon() {
  isStale = true;
  refreshing ??= setTimeout(async () => {
    isStale = false;
    try {
      await refresh();
    } catch (error) {
      tellLost(error);
    }
    refreshing = null;
    if (isStale) refreshSoon();
  }, REFRESH_MS);
}

function tellLost(error) {
  if (!isOnline) return;
  toast(error.status === 404 && isPrivate ? "The server does not have this private conversation any more. Copy what you need: it cannot go on." : error.message);
}

// Events tell what changes.
const showsRunning = () => Boolean(running?.sending || running?.view?.element.isConnected);

async function refresh() {
  const [id, before] = [current, shown];
  if (!id) return;
  if (showsRunning()) {
    await refreshSettings();
    return;
  }
  const said = await asked(conversationPath(id, { limit: WINDOW }));
  const made = await savedTurns(said);
  if (id !== current || showsRunning()) return;
  setSettings(said.settings);
  setSwitched(said.tools);
  setUsesMemory(said.usesMemory);
  if (shown !== before) {
    // Others were shown meanwhile, which may be newer.
    refreshSoon();
    return;
  }
  if (!showsEnd()) {
    shown = { ...shown, length: said.length };
    offerOthers();
  } else if (joinTurns(said, made)) {
    await fillTurns();
  } else {
    await showTurns(said, made);
  }
  running?.mount();
  joinComparison(said);
  if (atEnd) followEnd();
}

// What each element shows, as text.
const shownAs = new WeakMap();

function textsOf({ turns, pending }) {
  const texts = new Map();
  let owner = "";
  for (const turn of turns) {
    if (turn.role !== "tool") owner = turn.id;
    // A verdict changes buttons only.
    texts.set(owner, (texts.get(owner) ?? "") + JSON.stringify({ ...turn, good: null }));
  }
  if (pending.length) texts.set(owner, texts.get(owner) + JSON.stringify(pending));
  return texts;
}

// False if the turns do not continue those that are shown.
function joinTurns(said, made) {
  const texts = textsOf(said);
  for (const each of made) shownAs.set(each, texts.get(each.dataset.turn));
  const first = made.length ? turnElement(made[0].dataset.turn) : null;
  if (!first) return false;
  let place = first.previousElementSibling;
  const there = [];
  for (let each = first; each; each = each.nextElementSibling) if (each.dataset.turn) there.push(each);
  const known = new Map(there.map((each) => [each.dataset.turn, each]));
  const wanted = made.map((each) => {
    const old = known.get(each.dataset.turn);
    // One that has grown here shows more than what is saved.
    const same = old && (shownAs.get(old) ?? shownAs.get(each)) === shownAs.get(each) && !old.hasAttribute("aria-busy");
    if (same) shownAs.set(old, shownAs.get(each));
    return same ? old : each;
  });
  for (const each of there) if (!wanted.includes(each)) each.remove();
  for (const each of wanted) {
    const next = place ? place.nextElementSibling : $("log").firstElementChild;
    if (next !== each) {
      if (place) place.after(each);
      else $("log").prepend(each);
    }
    place = each;
  }
  for (const turn of said.turns) if (turn.role === "assistant") showVerdict(turnElement(turn.id), turn.good);
  shown = { ...shown, end: said.end, length: said.length };
  return true;
}
