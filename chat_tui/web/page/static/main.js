// Starts the page: colours, sign-in, keys.

const THEMES = { "": ["half", "as the system"], dark: ["moon", "dark"], light: ["sun", "light"] };

function showTheme(theme) {
  document.documentElement.dataset.theme = theme;
  const [sign, words] = THEMES[theme] ?? THEMES[""];
  $("theme").replaceChildren(icon(sign));
  $("theme").title = `Colours: ${words}`;
  $("theme").setAttribute("aria-label", `Colours: ${words}. Change them.`);
}

function nextTheme() {
  const names = Object.keys(THEMES);
  const theme = names[(names.indexOf(memory.get(forEver, "theme")) + 1) % names.length];
  memory.set(forEver, "theme", theme);
  showTheme(theme);
  announce(`Colours: ${THEMES[theme][1]}`);
}

async function unlock() {
  $("locked").hidden = true;
  $("app").hidden = false;
  setDrawer(false);
  showList();
  listenToEvents();
  showChoices().catch((error) => toast(error.message));
  showTools().catch((error) => toast(error.message));
  showSettings().catch((error) => toast(error.message));
  if (addressed()) await openConversation(addressed(), { keepAddress: true });
  else newConversation({ keepAddress: true, isPrivate: wasPrivate() });
}

function pageKey(event) {
  if (event.defaultPrevented || event.isComposing) return;
  const modifiers = (event.ctrlKey || event.metaKey) && !event.altKey;
  if (event.key === "Escape" && !document.querySelector("dialog[open], :popover-open")) {
    if (drawerIsOpen()) closeDrawer();
    else if (!findBar.hidden) closeFind();
    else if (forgetMarks()) return;
    else if (running) stop();
    else $("prompt").focus();
  } else if (event.key.toLowerCase() === "o" && modifiers && event.shiftKey) {
    event.preventDefault();
    newConversation();
    $("prompt").focus();
  } else if (event.key === "k" && modifiers && !event.shiftKey) {
    event.preventDefault();
    if (narrow.matches) setDrawer(true);
    $("search").focus();
  } else if (event.key.toLowerCase() === "f" && modifiers && event.shiftKey) {
    event.preventDefault();
    openFind();
  } else if (event.key === "/" && modifiers) {
    event.preventDefault();
    openPicker();
  }
}

$("skip").addEventListener("click", (event) => {
  event.preventDefault();
  $("prompt").focus();
});
$("theme").addEventListener("click", nextTheme);
addEventListener("keydown", pageKey);

showTheme(memory.get(forEver, "theme"));
listenToList();
listenToRows();
$("prompt").addEventListener("input", forgetMarks);
listenToConversation();
listenToFind();
listenToPrivate();
listenToSettings();
listenToAttachments();
listenToPastes();
listenToCompare();
listenToPrompt();
listenToPause();
listenToQueue();
listenToSummaries();
listenToTools();
listenToPicker();
listenToTurns();
listenToSignIn();
enter().catch((error) => toast(error.message));
