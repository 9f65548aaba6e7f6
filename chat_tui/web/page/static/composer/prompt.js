// The prompt and its keys.

function setPrompt(text) {
  if (!text) pastes.clear();
  $("prompt").value = shownDraft(text);
  keepDraft(text);
  fit($("prompt"));
}

// For a reload; nothing of a private conversation is kept.
function keepDraft(text) {
  memory.set(forSession, "draft", isPrivate ? "" : text);
}

function fit(field) {
  if (CSS.supports("field-sizing", "content")) return;
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}

// On a phone Enter makes a new line, since its keyboard has no other key for it, and the button sends.
const isPhone = () => narrow.matches && matchMedia("(pointer: coarse)").matches;

// Ignore the Enter that confirms a word in an input method.
function sends(event) {
  const composes = event.isComposing || event.keyCode === 229;
  return event.key === "Enter" && !composes && !isPhone() && !(event.shiftKey || event.ctrlKey || event.metaKey || event.altKey);
}

function promptKey(event) {
  if (!sends(event)) return;
  event.preventDefault();
  ask();
}

function listenToPrompt() {
  $("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  $("stop").addEventListener("click", stop);
  $("prompt").addEventListener("keydown", promptKey);
  $("prompt").addEventListener("input", () => {
    keepDraft(promptText());
    fit($("prompt"));
  });
  $("choice").addEventListener("change", () => {
    memory.set(forEver, "choice", $("choice").value);
    if ($("choice").value.startsWith("s/")) setAdaptive(false);
  });
  const hint = () => { $("prompt").enterKeyHint = isPhone() ? "enter" : "send"; };
  narrow.addEventListener("change", hint);
  hint();
  setPrompt(memory.get(forSession, "draft"));
}
