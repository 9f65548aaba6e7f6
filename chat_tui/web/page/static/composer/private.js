// Private conversations: nothing of one is saved, here or on the server, and it is gone when one leaves it.

// Whether the open conversation is private, or the new one will be.
let isPrivate = false;

function setPrivate(on) {
  isPrivate = on;
  // A page that is loaded again must not begin a conversation that is saved instead.
  memory.set(forSession, "private", on ? "on" : "");
  $("ask").classList.toggle("private", on);
  $("private-note").hidden = !on;
  $("pin-button").hidden = on;
  keepDraft(promptText());
  keepAttached();
  if (on) moveToPrivate();
  if (on) forgetNewSettings();
  paintMemory();
  paintSettings();
  showPageTitle();
}

const wasPrivate = () => memory.get(forSession, "private") === "on";

// True: the open conversation is private, and `go` is called if one agrees to lose it.
function asksBeforeLeaving(go) {
  if (!isPrivate || !current) return false;
  const dialog = $("leave-dialog");
  if (dialog.open) return true;
  dialog.returnValue = "";
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "leave") return;
    leavePrivate();
    go();
  }, { once: true });
  dialog.showModal();
  return true;
}

function leavePrivate() {
  const id = current;
  setRunning(null);
  setCurrent("", NEW);
  setPrivate(false);
  deletePrivate(id);
}

// If the server cannot be reached, it does so when nobody follows the conversation any more.
const deletePrivate = (id) => request("DELETE", `api/conversations/${encodeURIComponent(id)}`).catch(() => {});

function buildPrivate() {
  $("prompt").before(element("p", { id: "private-note", hidden: true }, element("b", {}, "Private: never saved."), " Gone when you leave it."));
  const dialog = element(
    "dialog", { id: "leave-dialog", "aria-labelledby": "leave-question" },
    element(
      "form", { method: "dialog" },
      element("p", { id: "leave-question" }, "Leave this private conversation? It was never saved, and cannot be brought back."),
      element("div", { className: "row" }, element("span", { className: "space" }), element("button", { autofocus: true }, "Stay"), element("button", { value: "leave", className: "danger" }, "Leave")),
    ),
  );
  document.body.append(dialog);
}

function listenToPrivate() {
  buildPrivate();
  addEventListener("beforeunload", (event) => { if (isPrivate && current) event.preventDefault(); });
  addEventListener("pagehide", () => {
    if (!isPrivate || !current) return;
    fetch(`api/conversations/${encodeURIComponent(current)}`, { method: "DELETE", headers: signInHeaders(), keepalive: true, credentials: "same-origin" }).catch(() => {});
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted || !isPrivate || !current) return;
    setCurrent("", NEW);
    newConversation({ keepAddress: true, isPrivate: true });
  });
}
