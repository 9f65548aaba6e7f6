// The files of the next question: picked, pasted or dropped, uploaded at once one after the other, and listed above the prompt. What is wrong
// with one is told in its row; the others stay.

const LIMITS = /*limits*/{};
// An image that is too large, or of another kind, is drawn again with at most so many pixels a side.
const MOST_PIXELS = 4096;
const ESTIMATE_MS = 300;
// Files that nobody asks for are removed after 15 minutes.
const KEEP_MS = 300_000;

let attached = [];
let uploading = Promise.resolve();

class AttachedFile {
  // `file` is null after a reload: the server has it then, and `stored` tells what is known.
  constructor(file, stored = null) {
    this.file = file;
    this.given = file && `${file.name} ${file.size} ${file.lastModified}`;
    this.name = stored?.name ?? (file.name || "file");
    this.mediaType = stored?.mediaType ?? (SENDABLE_IMAGES.has(file.type) ? file.type : "text/plain");
    this.size = stored?.size ?? file.size;
    this.tokens = stored?.tokens ?? 0;
    this.id = stored?.id ?? "";
    this.state = stored ? "ready" : "waiting";
    this.error = this.note = "";
    this.stopping = new AbortController();
    // Where it is stored, once its question is: conversation, turn, number.
    this.place = null;
  }

  get isOriginal() {
    return this.file !== null;
  }

  async load() {
    if (this.file) return this.file;
    // The server moves it to its question meanwhile.
    await this.asking;
    return loadedFile(this.place ? storedPath(...this.place) : `api/uploads/${this.id}`);
  }

  // Uploads run one after the other, so that the first files are ready soon.
  upload() {
    this.state = "waiting";
    this.error = "";
    this.uploaded = uploading = uploading.then(() => this.send());
  }

  async send() {
    if (this.stopping.signal.aborted) return;
    this.state = "uploading";
    paintAttached();
    try {
      this.file = await sendableFile(this);
      this.isPrivate = isPrivate;
      const path = `api/uploads?${new URLSearchParams({ name: this.name.slice(-1000), ...(isPrivate ? { private: true } : {}) })}`;
      const said = await (await request("POST", path, this.file, this.stopping.signal)).json();
      this.id = said.id;
      [this.name, this.mediaType, this.tokens, this.state] = [said.name, said.mediaType, said.tokens, "ready"];
      // It was removed meanwhile.
      if (this.stopping.signal.aborted) this.remove();
    } catch (error) {
      if (this.stopping.signal.aborted) return;
      this.state = "failed";
      this.isLost = error instanceof Refusal && [0, 401].includes(error.status);
      this.error = this.isLost ? `${visible(this.name)} is not uploaded: the server cannot be reached.` : error.message;
      announce(this.error);
    }
    paintAttached();
    keepAttached();
    estimateSoon();
  }

  remove() {
    this.stopping.abort();
    if (this.id) request("DELETE", `api/uploads/${this.id}`).catch(() => {});
  }

  about() {
    if (this.error) return this.error;
    if (this.state !== "ready") return "uploading…";
    if (refusesImages && isImage(this)) return "the model does not accept images";
    return [this.note, sizeWords(this.size), `≈${count(this.tokens)} tokens`].filter(Boolean).join(" · ");
  }
}

// -- what can be sent -----------------------------------------------------------------------------------------------

// Returns what is uploaded. The server checks the bytes, whatever the name says; this only saves uploading what it would refuse.
async function sendableFile(attached) {
  const { file } = attached;
  let head;
  try {
    head = new Uint8Array(await file.slice(0, 1000).arrayBuffer());
  } catch {
    throw new Error(`${visible(attached.name)} cannot be read. Check its permissions, or attach another file.`);
  }
  const isPhoto = file.type.startsWith("image/") && file.type !== "image/svg+xml";
  if (isPhoto && (file.size > LIMITS.image || !SENDABLE_IMAGES.has(file.type))) {
    const drawn = await drawnAgain(file).catch(() => null);
    if (drawn) {
      attached.note = `${sizeWords(file.size)} made smaller`;
      if (!SENDABLE_IMAGES.has(file.type)) attached.note = "made a JPEG";
      attached.name = `${attached.name.replace(/\.[^.]*$/, "")}.jpg`;
      [attached.mediaType, attached.size] = [drawn.type, drawn.size];
      return drawn;
    }
  }
  const isPdf = new TextDecoder().decode(head.slice(0, 5)) === "%PDF-";
  const [limit, what] = isPdf ? [LIMITS.pdf, "a PDF"] : isPhoto ? [LIMITS.image, "an image"] : [LIMITS.text, "a text"];
  if (file.size <= limit) return file;
  if (what === "a text" && head.includes(0)) {
    throw new Error(`${visible(attached.name)} is neither an image, a PDF nor UTF-8 text. You can attach PNG, JPEG, GIF, WebP, PDF and text files.`);
  }
  throw new Error(`${visible(attached.name)} is larger than ${limit / 1e6} MB, the limit for ${what}. Attach a smaller one.`);
}

// An image as a JPEG, if this browser can read it.
async function drawnAgain(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, MOST_PIXELS / Math.max(bitmap.width, bitmap.height));
  const canvas = element("canvas", { width: Math.max(1, bitmap.width * scale), height: Math.max(1, bitmap.height * scale) });
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", 0.9); });
}

// -- the list -------------------------------------------------------------------------------------------------------

function attachFiles(files) {
  const known = new Set(attached.map((each) => each.given));
  const fresh = [...files].map((file) => new AttachedFile(file)).filter((each) => !known.has(each.given));
  const room = Math.max(0, LIMITS.files - attached.length);
  const taken = fresh.slice(0, room);
  if (fresh.length > room) toast(`You can attach at most ${LIMITS.files} files: ${plural(fresh.length - room, "file")} left out.`);
  else if (files.length && !fresh.length) toast(`${visible(files[0].name)} is already attached.`);
  attached.push(...taken);
  for (const each of taken) each.upload();
  if (taken.length) announce(`Attached ${taken.map((each) => visible(each.name)).join(", ")}.`);
  paintAttached();
}

function detachFile(file) {
  const at = attached.indexOf(file);
  if (at < 0) return;
  attached.splice(at, 1);
  file.remove();
  announce(`Removed ${visible(file.name)}.`);
  paintAttached();
  keepAttached();
  estimateSoon();
  (document.querySelectorAll("#attachments .remove")[Math.min(at, attached.length - 1)] ?? $("prompt")).focus();
}

// The files of a question that is being sent.
function takeAttached() {
  const taken = attached;
  attached = [];
  paintAttached();
  keepAttached();
  return taken;
}

// They could not be sent.
function giveBackAttached(files) {
  attached = [...files.filter((file) => !attached.includes(file)), ...attached];
  paintAttached();
  keepAttached();
  estimateSoon();
}

// The server may be back.
function uploadLost() {
  for (const file of attached) if (file.state === "failed" && file.isLost) file.upload();
  paintAttached();
}

// Why the question cannot be sent as it is; empty if it can.
function attachedFault(text) {
  uploadLost();
  const failed = attached.find((file) => file.state === "failed");
  if (failed) return `${failed.error} Remove it, then send your question.`;
  if (text || !attached.length) return "";
  const which = attached.length === 1 ? `${visible(attached[0].name)} is` : `${attached.length} files are`;
  return `Add a question: ${which} attached.`;
}

const isUploading = ({ state }) => ["waiting", "uploading"].includes(state);

// Asks with the ids of the files, as soon as all are uploaded. Those that the server has dropped meanwhile are uploaded once more.
// Once `withdrawn` is resolved, it waits for no upload any more.
function askWithFiles(files, ask, withdrawn = new Promise(() => {})) {
  const asking = askUploaded(files, ask, withdrawn);
  for (const file of files) file.asking = asking.catch(() => {});
  return asking;
}

async function askUploaded(files, ask, withdrawn) {
  for (let isAgain = false; ; isAgain = true) {
    await Promise.race([Promise.all(files.map((file) => file.uploaded)), withdrawn]);
    if (files.some(isUploading)) throw new Refusal(0, "Stopped: nothing was sent. Your message is in the prompt.");
    const failed = files.find((file) => file.state === "failed");
    if (failed) throw new Refusal(400, failed.error);
    try {
      const said = await ask(files.length ? { attachments: files.map((file) => file.id) } : {});
      // A queued question is not stored yet.
      if (said.question) for (const [number, file] of files.entries()) file.place = [said.conversation, said.question, number];
      return said;
    } catch (error) {
      if (error.status !== 410 || isAgain) throw error;
      for (const file of files) if (file.file) file.upload();
    }
  }
}

function attachedRow(file) {
  const failed = file.state === "failed" || (refusesImages && isImage(file));
  const button = fileButton(file, file.about());
  const name = visible(file.name);
  const remove = element("button", { type: "button", className: "icon remove", title: "Remove", "aria-label": `Remove ${name}` }, icon("cross"));
  remove.addEventListener("click", () => detachFile(file));
  const row = element("li", { className: failed ? "failed" : "" }, button, remove);
  row.dataset.state = file.state;
  return row;
}

// A row stays the element that it is until something about it changes.
const rows = new WeakMap();

function rowOf(file) {
  const words = `${file.name} ${file.about()} ${file.mediaType}`;
  if (rows.get(file)?.words !== words) rows.set(file, { words, row: attachedRow(file) });
  return rows.get(file).row;
}

function paintAttached() {
  const list = $("attachments");
  list.hidden = !attached.length;
  const shown = attached.map(rowOf);
  if (shown.length !== list.children.length || shown.some((row, at) => row !== list.children[at])) list.replaceChildren(...shown);
  if (!attached.length) $("attachments-sum").hidden = true;
}

// Kept for a reload, except for private conversations; the server keeps the content.
function keepAttached() {
  const ready = attached.filter((file) => file.state === "ready").map(({ id, name, mediaType, size, tokens }) => ({ id, name, mediaType, size, tokens }));
  memory.set(forSession, "attached", ready.length && !isPrivate ? JSON.stringify(ready) : "");
}

// The files of a private question are kept in the server's memory only.
function moveToPrivate() {
  for (const file of attached) {
    if (file.isPrivate || !file.file || file.state === "failed") continue;
    if (file.id) request("DELETE", `api/uploads/${file.id}`).catch(() => {});
    file.upload();
  }
}

function restoreAttached() {
  try {
    attached = JSON.parse(memory.get(forSession, "attached") || "[]").map((stored) => new AttachedFile(null, stored));
  } catch { /* It was written by another version. */ }
  paintAttached();
}

// -- tokens and price -----------------------------------------------------------------------------------------------

let refusesImages = false;
let estimating = 0;
// What the last estimate was made of.
let estimated = "";

function estimateSoon() {
  clearTimeout(estimating);
  estimated = "";
  if (attached.length) estimating = setTimeout(() => showEstimate().catch(() => {}), ESTIMATE_MS);
}

async function showEstimate() {
  const ready = attached.filter((file) => file.state === "ready");
  const body = { prompt: promptText(), ...whereAsked(), ...choice(), askTools: true, attachments: ready.map((file) => file.id) };
  const asked = JSON.stringify(body);
  if (!ready.length || asked === estimated) return;
  estimated = asked;
  const said = await (await request("POST", "api/estimate", body)).json();
  if (asked !== estimated) return;
  refusesImages = said.refusesImages;
  for (const file of ready) if (said.gone.includes(file.id)) loseFile(file);
  const price = said.price ? ` · ≈${dollars(said.price)}` : "";
  $("attachments-sum").textContent = `≈${count(said.tokens)} tokens${price}`;
  $("attachments-sum").hidden = !attached.length;
  paintAttached();
}

// The server keeps it no longer.
function loseFile(file) {
  if (file.file) {
    file.upload();
    return;
  }
  file.state = "failed";
  file.error = `${visible(file.name)} is not kept any more. Attach it again.`;
}

// -- picking, pasting, dropping -------------------------------------------------------------------------------------

// A phone offers its camera and photos beside files for these, and makes a JPEG of its own formats.
const PHONE_TYPES = "image/png,image/jpeg,image/gif,image/webp,application/pdf,text/*,.md,.json,.csv,.log,.yaml,.toml,.py,.js,.ts";

// In the page, since an input that nothing refers to may be gone before one has chosen.
const fileField = element("input", { type: "file", multiple: true, hidden: true });

function pickFiles() {
  fileField.accept = matchMedia("(pointer: coarse)").matches ? PHONE_TYPES : "";
  fileField.click();
}

function takePicked() {
  const files = [...fileField.files];
  // The same file can be chosen again.
  fileField.value = "";
  attachFiles(files);
}

// All clipboards call an image the same.
function pastedFile(file) {
  if (!/^image\.\w+$/.test(file.name)) return file;
  const [ending, names] = [file.name.split(".").pop(), new Set(attached.map((each) => each.name))];
  let name = `clipboard.${ending}`;
  for (let number = 2; names.has(name); number++) name = `clipboard-${number}.${ending}`;
  return new File([file], name, { type: file.type, lastModified: Date.now() });
}

function pasteFiles(event) {
  const { files } = event.clipboardData;
  // Office programs put a picture of a text beside the text.
  if (!files.length || event.clipboardData.getData("text/plain")) return;
  if (event.target.closest?.("input, dialog, .editor")) return;
  event.preventDefault();
  attachFiles([...files].map(pastedFile));
}

const bringsFiles = (event) => event.dataTransfer?.types.includes("Files") && $("locked").hidden;

function showDropTarget(shown) {
  $("drop-target").hidden = !shown;
}

function dropFiles(event) {
  if (!bringsFiles(event)) return;
  event.preventDefault();
  showDropTarget(false);
  if (document.querySelector("dialog[open]")) return;
  const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
  const folders = items.map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry?.isDirectory);
  const names = new Set(folders.map((entry) => entry.name));
  attachFiles([...event.dataTransfer.files].filter((file) => !names.has(file.name)));
  if (folders.length) toast(`${visible(folders[0].name)} is a folder. Drop the files in it instead.`);
  $("prompt").focus();
}

function listenToAttachments() {
  const button = element("button", { type: "button", className: "icon", id: "attach", title: "Attach files", "aria-label": "Attach files" }, icon("clip"));
  button.addEventListener("click", pickFiles);
  fileField.addEventListener("change", takePicked);
  document.querySelector("#ask .row").prepend(button, fileField);
  $("ask").prepend(element("ul", { id: "attachments", "aria-label": "Attached files", hidden: true }), element("p", { id: "attachments-sum", hidden: true }));
  document.body.append(element("div", { id: "drop-target", hidden: true, "aria-hidden": "true" }, element("p", {}, icon("clip"), "Drop files to attach them")));
  addEventListener("paste", pasteFiles);
  addEventListener("dragenter", (event) => { if (bringsFiles(event)) showDropTarget(true); });
  addEventListener("dragover", (event) => {
    if (!bringsFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) showDropTarget(false); });
  addEventListener("drop", dropFiles);
  $("prompt").addEventListener("input", estimateSoon);
  $("prompt").addEventListener("keydown", (event) => {
    if (event.key === "Backspace" && !$("prompt").value && attached.length) detachFile(attached.at(-1));
  });
  // Another model, conversation or setting changes the price.
  for (const kind of ["change", "click"]) addEventListener(kind, () => { if (attached.length) setTimeout(() => showEstimate().catch(() => {}), ESTIMATE_MS); });
  setInterval(() => { if (attached.length) estimateSoon(); }, KEEP_MS);
  restoreAttached();
}
