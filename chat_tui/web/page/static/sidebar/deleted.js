// The deleted conversations, in place of the list: restored, or deleted for good.

let showsDeleted = false;

function deletedLink() {
  const button = element("button", { type: "button", className: "more" }, `Deleted (${deletions})`);
  button.addEventListener("click", async () => {
    showsDeleted = true;
    await showDeleted();
    $("list").querySelector("button")?.focus();
  });
  return button;
}

async function showDeleted() {
  const mine = ++listing;
  try {
    const said = await asked("api/deleted");
    if (mine === listing) paintDeleted(said.conversations);
  } catch (error) {
    if (mine === listing) $("list").replaceChildren(element("p", { className: "note" }, error.message));
  }
}

function paintDeleted(rows) {
  const back = element("button", { type: "button", className: "more" }, icon("left"), "All conversations");
  back.addEventListener("click", () => {
    showsDeleted = false;
    showList();
  });
  const parts = [back, element("h2", {}, "Deleted"), ...rows.map(deletedEntry)];
  if (!rows.length) parts.push(element("p", { className: "note" }, "Nothing is here. What you delete is kept here for 30 days."));
  else {
    const count = rows.length === 1 ? "the conversation" : `all ${rows.length} conversations`;
    const empty = element("button", { type: "button", className: "more danger" }, "Empty: delete all for good");
    empty.addEventListener("click", () => confirmErasing(`Delete ${count} for good?`, "api/deleted"));
    parts.push(empty);
  }
  painted = "";
  $("list").replaceChildren(...parts);
}

function deletedEntry(row) {
  const title = row.title || "Untitled";
  const left = `${row.daysLeft} day${row.daysLeft === 1 ? "" : "s"} left`;
  const restore = element("button", { type: "button", "aria-label": `Restore “${title}”` }, "Restore");
  restore.addEventListener("click", () => restoreDeleted(row.id).catch((error) => toast(error.message)));
  const erase = element("button", { type: "button", title: "Delete for good", "aria-label": `Delete “${title}” for good` }, icon("bin"));
  erase.addEventListener("click", () => confirmErasing(`Delete “${title}” for good?`, `api/deleted/${encodeURIComponent(row.id)}`));
  const words = element("span", { title }, element("b", {}, title), element("small", {}, `${left} · deleted ${momentWords(new Date(row.deleted))}`));
  return element("div", { className: "entry deleted" }, words, restore, erase);
}

async function restoreDeleted(id) {
  await request("POST", `api/conversations/${encodeURIComponent(id)}/restore`);
  showsDeleted = false;
  await showChangedList();
  await openConversation(id);
}

function confirmErasing(question, path) {
  const dialog = $("sure-dialog");
  $("sure-question").textContent = question;
  dialog.returnValue = "";
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "erase") return;
    request("DELETE", path).then(showDeleted).catch((error) => toast(error.message));
  }, { once: true });
  dialog.showModal();
}
