// Which models the next question is sent to, side by side; afterwards questions go to one model again.

const FEWEST_COMPARED = 2;
const MOST_COMPARED = 4;
const compareBar = element("div", { id: "compare-bar", hidden: true });
let compareNext = [];
let compareDialog = null;

function setCompareNext(names) {
  compareNext = names;
  memory.set(forSession, "compare", JSON.stringify(names));
  compareBar.hidden = !names.length;
  const change = element("button", { type: "button", className: "models", title: "Change the models", dir: "auto" }, names.map(shortName).join(", "));
  change.addEventListener("click", openCompare);
  const leave = element("button", { type: "button", className: "icon", title: "Ask one model", "aria-label": "Ask one model" }, icon("cross"));
  leave.addEventListener("click", () => {
    setCompareNext([]);
    announce("The next question goes to one model.");
    $("prompt").focus();
  });
  compareBar.replaceChildren("Compare", change, leave);
}

// What a reload has interrupted.
function restoreCompareNext() {
  let names = [];
  try { names = JSON.parse(memory.get(forSession, "compare") || "[]"); } catch { /* Another version has written it. */ }
  if (!compareNext.length && names.length) setCompareNext(names);
}

function compareRow(model, picked, change) {
  const box = element("input", { type: "checkbox", checked: picked.includes(model.name), value: model.name });
  box.addEventListener("change", () => change(model.name, box.checked));
  return element("label", {}, box, element("span", {}, element("b", { dir: "auto" }, model.name), element("small", { dir: "auto" }, modelWords(model))));
}

function buildCompareDialog() {
  const list = element("div", { id: "compare-list", role: "group", "aria-labelledby": "compare-title" });
  const filter = element("input", { id: "compare-filter", type: "search", placeholder: "Search models", "aria-label": "Search models", autocomplete: "off", spellcheck: false });
  const told = element("p", { id: "compare-told", role: "status" });
  const cancel = element("button", { type: "button" }, "Cancel");
  const take = element("button", { className: "primary", value: "compare" }, "Compare");
  cancel.addEventListener("click", () => compareDialog.close("cancel"));
  const title = element("h2", { id: "compare-title" }, `Compare ${FEWEST_COMPARED} to ${MOST_COMPARED} models`);
  const form = element("form", { method: "dialog" }, title, filter, list, told, element("div", { className: "row" }, element("span", { className: "space" }), cancel, take));
  compareDialog = element("dialog", { id: "compare-dialog", "aria-labelledby": "compare-title" }, form);
  document.body.append(compareDialog);
  return { list, filter, told, take };
}

function openCompare() {
  compareDialog?.remove();
  const { list, filter, told, take } = buildCompareDialog();
  const usable = offered.filter((model) => model.usable);
  let picked = (compareNext.length ? compareNext : lastCompared()).filter((name) => usable.some((model) => model.name === name));
  const tell = () => {
    told.textContent = picked.length < FEWEST_COMPARED ? `Select at least ${FEWEST_COMPARED} models` : picked.map(shortName).join(", ");
    take.disabled = picked.length < FEWEST_COMPARED;
    for (const box of list.querySelectorAll("input")) box.disabled = !box.checked && picked.length >= MOST_COMPARED;
  };
  const change = (name, on) => {
    picked = picked.filter((each) => each !== name);
    if (on) picked.push(name);
    tell();
  };
  const paint = () => {
    const words = filter.value.toLowerCase().split(/\s+/);
    const found = usable.filter((model) => words.every((word) => model.name.toLowerCase().includes(word)));
    list.replaceChildren(...found.map((model) => compareRow(model, picked, change)));
    if (!found.length) list.append(element("p", {}, usable.length ? "No model is called so." : "No model is ready."));
    tell();
  };
  filter.addEventListener("input", paint);
  // Enter in the search takes what is chosen only if that is enough.
  filter.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && take.disabled) event.preventDefault();
  });
  compareDialog.addEventListener("close", () => {
    if (compareDialog.returnValue !== "compare") return;
    memory.set(forEver, "compared", JSON.stringify(picked));
    setCompareNext(picked);
    announce(`The next question goes to ${picked.join(", ")}.`);
    $("prompt").focus();
  });
  paint();
  compareDialog.showModal();
}

function lastCompared() {
  try { return JSON.parse(memory.get(forEver, "compared") || "[]"); } catch { return []; }
}

// The question is sent to all of them.
function compareWith(models, text) {
  setCompareNext([]);
  return new LiveComparison(current, new ComparisonView(models), { text });
}

function listenToCompare() {
  $("prompt").before(compareBar);
  restoreCompareNext();
}
