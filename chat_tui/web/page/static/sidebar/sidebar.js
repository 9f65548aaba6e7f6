// The sidebar: the list of conversations by day, and the search.

const PAGE = 60;
// So many rows are requested again with the next page, since those before it may have moved meanwhile.
const OVERLAP = 20;
let listed = [];
let painted = "";
let more = null;
let listing = 0;
// The search that the list shows; empty: all conversations.
let listedQuery = "";
// How many deleted conversations can be restored.
let deletions = 0;

async function showList() {
  const query = $("search").value.trim();
  if (query) showsDeleted = false;
  if (showsDeleted) return showDeleted();
  if (query) return showSearch(query);
  leaveSearch();
  const mine = ++listing;
  try {
    const said = await asked(`api/conversations?${new URLSearchParams({ limit: PAGE })}`);
    if (mine !== listing) return;
    // The rows below the first page are kept, so that whoever has scrolled down stays there.
    const below = listedQuery || said.next === null ? [] : rowsBelow(said.conversations.at(-1));
    listed = joinedRows(said.conversations, below);
    listedQuery = "";
    more = below.length ? (more === null ? null : listed.length) : said.next;
    deletions = said.deleted;
    paintList("");
    tellTitle();
  } catch (error) {
    painted = "";
    if (mine === listing) $("list").replaceChildren(element("p", { className: "note" }, error.message));
  }
}

// Of the rows that were there before, those that follow this one.
const rowsBelow = (last) => listed.filter((row) => !last.pinned && !row.pinned && row.updated <= last.updated && row.id !== last.id);

function joinedRows(rows, further) {
  const there = new Set(rows.map((row) => row.id));
  return [...rows, ...further.filter((row) => !there.has(row.id))];
}

// The next page is loaded when one scrolls near this button.
const moreButton = element("button", { type: "button", className: "more" }, "Show older conversations");
moreButton.addEventListener("click", () => showMore().catch((error) => toast(error.message)));
const nearListEnd = new IntersectionObserver((seen) => {
  if (seen.at(-1).isIntersecting && moreButton.isConnected) moreButton.click();
}, { root: $("list"), rootMargin: "600px 0px" });
let loadingMore = false;

async function showMore() {
  if (loadingMore) return;
  if (listedQuery) return showMoreFound();
  loadingMore = true;
  const mine = listing;
  try {
    const offset = Math.max(0, more - OVERLAP);
    const said = await asked(`api/conversations?${new URLSearchParams({ limit: PAGE + OVERLAP, offset })}`);
    if (mine !== listing) return;
    const byKey = document.activeElement === moreButton;
    const from = listed.length;
    listed = joinedRows(listed, said.conversations);
    more = said.next;
    paintList("");
    if (byKey) $("list").querySelectorAll(".entry")[from]?.focus();
  } finally {
    loadingMore = false;
  }
}

function paintList(query) {
  const told = JSON.stringify([query, query && foundWords(), listed, more, deletions, midnight(0)]);
  if (told === painted) return;
  painted = told;
  const parts = query ? [element("p", { className: "note found-count", role: "status" }, foundWords())] : [];
  let group = "";
  for (const row of listed) {
    const name = query ? (row.turn ? "Messages" : "Titles") : row.pinned ? "Pinned" : dayWords(new Date(row.updated));
    if (name !== group) parts.push(element("h2", {}, name));
    group = name;
    parts.push(element("div", { className: "list-row" }, entry(row, name), rowMenuButton(row)));
  }
  if (!listed.length && !query) parts.push(element("p", { className: "note" }, "No conversations yet. What you ask is saved here."));
  moreButton.textContent = query ? "Show more results" : "Show older conversations";
  nearListEnd.unobserve(moreButton);
  if (more !== null) parts.push(moreButton);
  if (deletions && !query) parts.push(deletedLink());
  const focused = document.activeElement.closest("#list .entry")?.dataset.id;
  const place = $("list").scrollTop;
  $("list").replaceChildren(...parts);
  $("list").scrollTop = place;
  if (focused) $("list").querySelector(`.entry[data-id="${CSS.escape(focused)}"]`)?.focus();
  if (moreButton.isConnected) nearListEnd.observe(moreButton);
  markRunning();
}

function entry(row, group) {
  const detail = row.snippet
    ? element("small", { className: "found", dir: "auto" }, ...marked(row.snippet, row.marks))
    : element("small", {}, [momentWords(new Date(row.updated), { group }), shortName(row.model)].filter(Boolean).join(" · "));
  // A link, so that the middle button opens it in a new tab.
  const made = element("a", { href: `#c=${encodeURIComponent(row.id)}`, className: "entry", title: row.title }, element("b", { dir: "auto" }, ...(row.marks && !row.snippet ? marked(row.title, row.marks) : [row.title || "Untitled"])), detail);
  made.dataset.id = row.id;
  if (row.id === current) made.setAttribute("aria-current", "true");
  made.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    openConversation(row.id, { turn: row.turn, words: foundWordsOf(row) });
  });
  return made;
}

function marked(text, marks) {
  // Marks count characters, not UTF-16 units.
  const signs = [...text];
  const parts = [];
  let at = 0;
  for (const [first, last] of marks) {
    parts.push(signs.slice(at, first).join(""), element("mark", {}, signs.slice(first, last).join("")));
    at = last;
  }
  return [...parts, signs.slice(at).join("")];
}

// A model or another client may have renamed the open conversation.
function tellTitle() {
  const row = listed.find(({ id }) => id === current);
  if (row && row.title !== title) setTitle(row.title);
}

function markCurrent() {
  for (const each of $("list").querySelectorAll(".entry")) {
    if (each.dataset.id === current) each.setAttribute("aria-current", "true");
    else each.removeAttribute("aria-current");
  }
}

// The drawer, on a narrow screen.

const narrow = matchMedia("(max-width: 820px)");

function setDrawer(open) {
  const over = narrow.matches && open;
  $("drawer").classList.toggle("open", over);
  $("drawer").inert = narrow.matches && !open;
  document.querySelector("main").inert = over;
  $("veil").hidden = !over;
  $("open-drawer").setAttribute("aria-expanded", String(over));
}

const drawerIsOpen = () => $("drawer").classList.contains("open");

function closeDrawer() {
  if (!drawerIsOpen()) return;
  setDrawer(false);
  $("open-drawer").focus();
}

function walkList(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const entries = [...$("list").querySelectorAll("a.entry, .more, .deleted button")];
  const active = document.activeElement;
  const place = entries.indexOf(active.closest(".list-row")?.querySelector(".entry") ?? active);
  const next = entries[place + step];
  if (next) next.focus();
  else if (place === 0) $("search").focus();
  event.preventDefault();
}

function listenToList() {
  let waiting;
  $("search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(showList, 180);
  });
  $("search").addEventListener("keydown", walkList);
  $("list").addEventListener("keydown", walkList);
  // Show what was sent meanwhile from the terminal or another tab.
  addEventListener("visibilitychange", () => { if (!document.hidden && isSignedIn()) showList(); });
  $("open-drawer").addEventListener("click", () => {
    setDrawer(true);
    $("new").focus();
  });
  $("close-drawer").addEventListener("click", closeDrawer);
  $("veil").addEventListener("click", closeDrawer);
  narrow.addEventListener("change", () => setDrawer(false));
  setDrawer(false);
}
