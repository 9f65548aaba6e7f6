// What is done to a conversation from its row: by the row's menu, by Delete and F2, or by a long press.

let menuRow = null;

const rowActions = {
  rename: element("button", { type: "button" }, icon("pen"), "Rename"),
  pin: element("button", { type: "button" }, icon("pin"), element("span", {}, "Pin")),
  delete: element("button", { type: "button", className: "danger" }, icon("bin"), "Delete"),
};
const rowMenu = element("div", { id: "row-menu", popover: "auto", role: "group" }, ...Object.values(rowActions));

function rowMenuButton(row) {
  const button = element("button", { type: "button", className: "row-dots", title: "Rename, pin, delete", "aria-label": `Menu of “${row.title || "Untitled"}”`, "aria-haspopup": "true" }, icon("dots"));
  button.addEventListener("click", () => openRowMenu(row.id, button));
  return button;
}

function openRowMenu(id, near) {
  menuRow = listed.find((row) => row.id === id) ?? null;
  if (!menuRow) return;
  rowMenu.setAttribute("aria-label", menuRow.title || "Untitled");
  rowActions.pin.querySelector("span").textContent = menuRow.pinned ? "Unpin" : "Pin";
  rowMenu.showPopover();
  // Below the row, or above it where there is no room.
  const [row, box] = [near.closest(".list-row").getBoundingClientRect(), rowMenu.getBoundingClientRect()];
  const below = row.bottom + box.height + 8 < innerHeight;
  rowMenu.style.top = `${Math.max(8, below ? row.bottom : row.top - box.height)}px`;
  rowMenu.style.left = `${Math.max(8, Math.min(row.right - box.width, innerWidth - box.width - 8))}px`;
  rowActions.rename.focus();
}

function focusRow(id) {
  const row = $("list").querySelector(`.entry[data-id="${CSS.escape(id)}"]`);
  (row ?? $("search")).focus();
}

async function removeRow(row) {
  const rows = listed.map(({ id }) => id);
  const next = rows[rows.indexOf(row.id) + 1] ?? rows.at(-2) ?? "";
  await remove(row);
  focusRow(next);
}

function listenToRows() {
  document.body.append(rowMenu);
  const told = (work) => () => {
    rowMenu.hidePopover();
    const row = menuRow;
    work(row).catch((error) => toast(error.message));
  };
  rowActions.rename.addEventListener("click", told(async (row) => rename(row)));
  rowActions.pin.addEventListener("click", told(async (row) => {
    await pin(row);
    focusRow(row.id);
  }));
  rowActions.delete.addEventListener("click", told(removeRow));
  $("list").addEventListener("keydown", (event) => {
    const row = listed.find(({ id }) => id === event.target.closest(".entry")?.dataset.id);
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "F2") rename(row);
    else if (event.key === "Delete") removeRow(row).catch((error) => toast(error.message));
    else return;
    event.preventDefault();
  });
  // The long press of a finger; the mouse keeps the browser's own menu, which opens the link in a new tab.
  let byFinger = false;
  $("list").addEventListener("pointerdown", (event) => { byFinger = event.pointerType === "touch"; });
  $("list").addEventListener("contextmenu", (event) => {
    const entry = event.target.closest(".entry[data-id]");
    if (!entry || !byFinger) return;
    event.preventDefault();
    openRowMenu(entry.dataset.id, entry);
  });
}
