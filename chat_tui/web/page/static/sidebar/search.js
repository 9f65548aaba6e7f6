// The search of all titles and messages: results come as they are found, and are counted until all is searched.

let found = null;
let searchLine = null;

// Rows that are listed stay while answers run: only another query begins a search.
async function showSearch(query) {
  if (found?.query === query && !found.failed) return;
  leaveSearch();
  const mine = ++listing;
  const search = { query, messages: 0, titles: 0, found: 0, complete: false, searched: 0, searchedBackTo: null, failed: false };
  let isFirst = true;
  found = search;
  searchLine = new AbortController();
  try {
    await readFound({ query }, searchLine.signal, (event) => {
      if (mine !== listing || found !== search) return;
      const { conversations, next, ...counts } = event;
      Object.assign(search, counts);
      listed = isFirst ? conversations : joinedRows(listed, conversations);
      // Rows that were read since then begin behind this place.
      if (!search.readsOn) more = next;
      isFirst = false;
      listedQuery = query;
      paintList(query);
    });
    if (mine === listing && found === search) announce(foundWords());
  } catch (error) {
    if (mine !== listing || found !== search) return;
    search.failed = true;
    painted = "";
    $("list").replaceChildren(element("p", { className: "note" }, error.message));
  }
}

function leaveSearch() {
  searchLine?.abort();
  searchLine = found = null;
}

// After a change by this page: a search that is shown begins again.
function showChangedList() {
  found = null;
  return showList();
}

async function readFound(parameters, signal, take) {
  const response = await request("GET", `api/search?${new URLSearchParams(parameters)}`, undefined, signal);
  for await (const event of eventsOf(response)) take(event);
}

// Of many messages some may be in conversations that are listed already.
async function showMoreFound() {
  const search = found;
  if (!search || more === null) return;
  loadingMore = search.readsOn = true;
  try {
    let start = more;
    const before = listed.length;
    while (start !== null && listed.length === before) {
      let next = null;
      await readFound({ query: search.query, start }, searchLine.signal, (event) => {
        if (found !== search) return;
        next = event.next;
        listed = joinedRows(listed, event.conversations);
      });
      if (found !== search) return;
      start = next;
    }
    more = start;
    paintList(search.query);
  } finally {
    loadingMore = false;
  }
}

// As the screen says it.
function foundWords() {
  if (!found) return "";
  const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
  const parts = [[found.messages, "message"], [found.titles, "title"]].filter(([number]) => number).map((part) => counted(...part));
  if (!parts.length && found.complete) return `No message or title contains all of “${found.query}”. Try fewer words.`;
  const said = found.messages ? `${found.complete ? "" : "more than "}${parts.join(" and ")} in ${counted(found.found, "conversation")}` : parts.join("");
  if (found.complete) return said;
  return [said, searchedWords(found)].filter(Boolean).join(" · ");
}

function searchedWords({ searched, searchedBackTo }) {
  const percent = `${Math.floor(Math.min(searched, 0.99) * 100)} %`;
  if (!searchedBackTo) return `Searching… ${percent}`;
  const month = new Date(searchedBackTo).toLocaleDateString("en", { month: "long", year: "numeric" });
  return `Searching… back to ${month} (${percent})`;
}
