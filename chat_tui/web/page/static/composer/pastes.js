// Pasted texts that are too long to be edited: the prompt shows a name in their place, as the screen does, and they are sent in full.

const [LONG_PASTE, LONG_LINES, LONG_LINE] = [20_000, 500, 4000];
// A draft that has grown in pieces may be longer before it is shown so after a reload.
const LONGER_DRAFT = 2.5;
const pastes = new Map();

function isLongText(text, times = 1) {
  if (text.length > LONG_PASTE * times) return true;
  const lines = text.split("\n");
  return lines.length - 1 > LONG_LINES * times || lines.some((line) => line.length > LONG_LINE * times);
}

// The name that stands for a text.
function holdPaste(text) {
  for (const [name, held] of pastes) if (held === text) return name;
  const lines = text.split("\n").length - text.endsWith("\n");
  const words = `pasted ${sizeWords(new Blob([text]).size)}, ${plural(lines, "line")}`;
  let name = `[${words}]`;
  for (let number = 2; pastes.has(name); number++) name = `[${words} #${number}]`;
  pastes.set(name, text);
  return name;
}

// The text that is sent.
function promptText() {
  let text = $("prompt").value;
  if (!pastes.size) return text;
  const names = [...pastes.keys()].map((name) => name.replace(/[[\]#.*+?^${}()|\\]/g, "\\$&"));
  return text.replace(new RegExp(names.join("|"), "g"), (name) => pastes.get(name));
}

const shownDraft = (text) => (isLongText(text, LONGER_DRAFT) ? holdPaste(text) : text);

function pasteText(event) {
  const text = event.clipboardData.getData("text/plain").replace(/\r\n?/g, "\n");
  if (!isLongText(text)) return;
  event.preventDefault();
  // Unlike setRangeText this can be undone.
  document.execCommand("insertText", false, holdPaste(text));
}

// A name is deleted as a whole.
function deletePaste(event) {
  const { value, selectionStart: at, selectionEnd: end } = $("prompt");
  if (at !== end || !["deleteContentBackward", "deleteContentForward"].includes(event.inputType)) return;
  const back = event.inputType === "deleteContentBackward";
  const name = [...pastes.keys()].find((each) => (back ? value.slice(0, at).endsWith(each) : value.startsWith(each, at)));
  if (name) $("prompt").setSelectionRange(back ? at - name.length : at, back ? at : at + name.length);
}

function listenToPastes() {
  $("prompt").addEventListener("paste", pasteText);
  $("prompt").addEventListener("beforeinput", deletePaste);
}
