// Messages that wait for the end of the answer, above the prompt. They are on the server, which sends them also without this page.

const queueBox = element("section", { id: "queue", "aria-label": "Queued messages", hidden: true });
const queueButton = element("button", { type: "button", className: "primary", id: "queue-button", title: "Send when the answer has ended (Enter)", hidden: true }, "Queue");
// What the server tells of the open conversation.
let queue = { items: [], held: false };
// Sent before the question that runs had a place.
let unsent = [];
let editedItem = "";

const queuePath = (id) => `api/conversations/${encodeURIComponent(id)}/queue`;
const itemPath = (item) => `${queuePath(current)}/items/${encodeURIComponent(item)}`;
const steerPath = (id) => `${queuePath(id)}/steer`;
const waits = () => queue.items.length + unsent.length > 0;
const joined = (...texts) => texts.filter((text) => text.trim()).join("\n\n");

function takeQueue(event) {
  if (event.conversation !== current) return;
  queue = event;
  paintQueue();
  takeHeld().catch((error) => toast(error.message));
}

// Another conversation is opened.
function leaveQueue() {
  queue = { items: [], held: false };
  unsent = [];
  editedItem = "";
  paintQueue();
}

// Enter while an answer grows.
async function queueQuestion(question, { steers = false } = {}) {
  const fault = attachedFault(question.prompt);
  if (fault) {
    toast(fault);
    return;
  }
  setPrompt("");
  const [body, files] = [{ ...question, ...choice(), askTools: true }, takeAttached()];
  if (running?.sending || !current) {
    unsent.push({ body, steers, files });
    paintQueue();
    return;
  }
  await postQueued(current, body, steers, files);
}

async function postQueued(id, body, steers, files) {
  try {
    await askWithFiles(files, async (ids) => (await request("POST", queuePath(id), { ...body, ...ids })).json());
    if (steers) await request("POST", steerPath(id));
    announce(steers ? "Sent." : "Queued: sent when the answer ends.");
  } catch (error) {
    toast(error.message);
    if (current !== id) return;
    setPrompt(joined(body.prompt, promptText()));
    giveBackAttached(files);
  }
}

// The question that runs has a place now.
async function sendUnsent(id) {
  const going = unsent;
  unsent = [];
  for (const { body, steers, files } of going) await postQueued(id, body, steers, files);
  paintQueue();
}

function takeBackUnsent() {
  const [texts, files] = [unsent.map(({ body }) => body.prompt), unsent.flatMap((each) => each.files)];
  unsent = [];
  if (texts.length) setPrompt(joined(...texts, promptText()));
  giveBackAttached(files);
  paintQueue();
}

// The answer before them did not end well: what waits goes back to the prompt of the tab that one sees.
async function takeHeld() {
  if (!queue.held || !queue.items.length || document.hidden) return;
  const { problem } = queue;
  if (await takeBackQueue()) toast(`${problem || "The server was stopped."} Your queued message is in the prompt.`);
}

async function takeBackQueue() {
  const [id, keeps] = [current, !isPrivate];
  queue = { items: [], held: false };
  paintQueue();
  const { items } = await (await request("DELETE", queuePath(id))).json();
  if (!items.length) return false;
  const text = joined(...items.map(({ prompt }) => prompt));
  if (id === current) {
    setPrompt(joined(text, promptText()));
    giveBackAttached(items.flatMap(({ attachments = [] }) => attachments.map((file) => new AttachedFile(null, file))));
  }
  else if (keeps) memory.set(forSession, "draft", joined(text, memory.get(forSession, "draft")));
  return true;
}

async function changeQueue(method, path, body) {
  try {
    await request(method, path, body);
  } catch (error) {
    toast(error.message);
  }
}

// -- what is shown

let paintedQueue = "";

function paintQueue() {
  paintQueueButton();
  const shownItems = [...queue.items, ...unsent.map(({ body, files }) => ({ id: "", prompt: body.prompt, attachments: files.map(({ name }) => ({ name })) }))];
  if (editedItem && !queue.items.some(({ id }) => id === editedItem)) editedItem = "";
  const told = JSON.stringify([shownItems, editedItem]);
  queueBox.hidden = !shownItems.length;
  if (told === paintedQueue) return;
  paintedQueue = told;
  const focused = document.activeElement?.closest("#queue [data-key]")?.dataset.key;
  const edited = editedItem && queueBox.querySelector("form");
  const isEditing = edited && edited.contains(document.activeElement);
  const steer = queueTool("steer", "Steer", "Stop the answer here and send this now (Ctrl+Enter)", () => changeQueue("POST", steerPath(current)));
  const head = element("div", { className: "row" }, element("b", {}, "Queued"), element("small", {}, "sent when the answer ends"), element("span", { className: "space" }), queue.items.length ? steer : "");
  const rows = shownItems.map((item, place) => (item.id && item.id === editedItem ? element("li", {}, edited || itemEditor(item)) : itemRow(item, place)));
  queueBox.replaceChildren(head, element("ol", {}, ...rows));
  // Not while one writes elsewhere.
  if (isEditing) edited.querySelector("textarea").focus();
  else if (focused) (queueBox.querySelector(`[data-key="${CSS.escape(focused)}"]`) ?? $("prompt")).focus();
}

function queueTool(key, sign, words, work) {
  const isWorded = key === "steer";
  const button = element("button", { type: "button", className: isWorded ? "steer" : "icon", title: words, "aria-label": isWorded ? sign : words }, isWorded ? sign : icon(sign));
  button.dataset.key = key;
  button.addEventListener("click", work);
  return button;
}

function itemRow({ id, prompt, attachments = [] }, place) {
  const names = attachments.map(({ name }) => visible(name)).join(", ");
  const files = names ? element("small", { title: names }, icon("clip"), String(attachments.length), element("span", { className: "unseen" }, `with ${names}`)) : "";
  const said = element("span", { className: "said", dir: "auto", title: prompt }, prompt);
  if (!id) return element("li", {}, said, files);
  const tools = [
    queueTool(`edit ${id}`, "pen", "Edit this message", () => editItem(id)),
    queueTool(`remove ${id}`, "cross", "Remove this message", () => changeQueue("DELETE", itemPath(id))),
  ];
  if (place) tools.unshift(queueTool(`up ${id}`, "up", "Send this message earlier", () => raiseItem(place)));
  return element("li", {}, said, files, ...tools);
}

function raiseItem(place) {
  const order = queue.items.map(({ id }) => id);
  order.splice(place - 1, 0, ...order.splice(place, 1));
  return changeQueue("PUT", queuePath(current), { order });
}

// The server has the whole of a long message.
async function editItem(id) {
  try {
    const whole = await asked(queuePath(current));
    const found = whole.items.find((item) => item.id === id);
    if (!found || !queue.items.some((item) => item.id === id)) return;
    queue = { ...queue, items: queue.items.map((item) => (item.id === id ? { ...item, whole: found.prompt } : item)) };
    editedItem = id;
    paintQueue();
    queueBox.querySelector("textarea")?.focus();
  } catch (error) {
    toast(error.message);
  }
}

function itemEditor({ id, whole }) {
  const field = element("textarea", { value: whole, dir: "auto", "aria-label": "Edit the queued message", maxLength: 1_000_000 });
  const cancel = element("button", { type: "button" }, "Cancel");
  const form = element("form", { className: "editor" }, field, element("div", { className: "row" }, element("span", { className: "space" }), cancel, element("button", { className: "primary" }, "Save")));
  const close = () => {
    editedItem = "";
    form.remove();
    paintQueue();
    queueBox.querySelector(`[data-key="edit ${CSS.escape(id)}"]`)?.focus();
  };
  const save = () => {
    const words = field.value.trim();
    if (words && words !== whole) changeQueue("PATCH", itemPath(id), { prompt: words });
    close();
  };
  cancel.addEventListener("click", close);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    else if (sends(event)) save();
    else return;
    event.preventDefault();
  });
  return form;
}

// While an answer grows the button for what is typed stands beside Stop.
function paintQueueButton() {
  const typing = Boolean(running) && $("prompt").value.trim() !== "";
  queueButton.hidden = !typing;
  document.querySelector("main").classList.toggle("typing", typing);
}

function queueKey(event) {
  if (event.isComposing) return;
  const text = promptText();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && (running || waits())) {
    event.preventDefault();
    if (text.trim()) queueQuestion({ prompt: text.trim() }, { steers: true });
    else if (queue.items.length) changeQueue("POST", steerPath(current));
  } else if (event.key === "ArrowUp" && !text && queue.items.length) {
    event.preventDefault();
    takeBackQueue().catch((error) => toast(error.message));
  }
}

function listenToQueue() {
  $("ask").before(queueBox);
  $("stop").before(queueButton);
  queueButton.addEventListener("click", () => $("ask").requestSubmit());
  $("prompt").addEventListener("keydown", queueKey);
  $("prompt").addEventListener("input", paintQueueButton);
  addEventListener("visibilitychange", () => takeHeld().catch((error) => toast(error.message)));
}
