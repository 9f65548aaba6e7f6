// The files of questions: images as thumbnails, everything else by name and size. Names and contents are untrusted; a file is only ever shown
// as an image or as plain text.

const THUMBNAIL_PIXELS = 240;
// Text that is shown of a file; all of it can be downloaded.
const MOST_SHOWN = 200_000;

function sizeWords(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 999_950 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

// None of these can hold a script.
const SENDABLE_IMAGES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
const isImage = ({ mediaType = "" }) => SENDABLE_IMAGES.has(mediaType);

const storedPath = (conversation, turn, number) => `api/conversations/${encodeURIComponent(conversation)}/turns/${encodeURIComponent(turn)}/files/${number}`;
const loadedFile = async (path) => (await request("GET", path)).blob();

// A file of a turn of the open conversation; `load` fetches its content.
function storedFile(turn, number, { name, mediaType, size }) {
  return { name, mediaType, size, load: () => loadedFile(storedPath(current, turn, number)) };
}

// Thumbnails are made when they come near, one after the other: photos are large.
const thumbnails = new WeakMap();
let making = Promise.resolve();
const appearing = new IntersectionObserver((seen) => {
  for (const { target, isIntersecting } of seen) {
    if (!isIntersecting) continue;
    appearing.unobserve(target);
    making = making.then(() => fillThumbnail(target)).catch(() => {});
  }
}, { root: null, rootMargin: "400px 0px" });

function thumbnail(file) {
  const box = element("span", { className: "thumbnail" }, icon(isImage(file) ? "picture" : "sheet"));
  if (!isImage(file)) return box;
  thumbnails.set(box, file);
  appearing.observe(box);
  return box;
}

async function fillThumbnail(box) {
  if (!box.isConnected) return;
  const bitmap = await createImageBitmap(await thumbnails.get(box).load());
  const scale = Math.min(1, THUMBNAIL_PIXELS / Math.min(bitmap.width, bitmap.height));
  const canvas = element("canvas", { width: Math.max(1, bitmap.width * scale), height: Math.max(1, bitmap.height * scale) });
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  box.replaceChildren(canvas);
}

// What opens a file: a thumbnail, with the name and the size for all that is no image.
function fileButton(file, about = sizeWords(file.size)) {
  const name = visible(file.name);
  const button = element("button", { type: "button", className: `file${isImage(file) ? " image" : ""}`, title: `${name} · ${sizeWords(file.size)}` }, thumbnail(file));
  const words = element("span", { className: "file-words" }, element("bdi", { className: "file-name" }, name), element("small", {}, about));
  button.append(words);
  button.addEventListener("click", () => openFile(file).catch((error) => toast(error.message)));
  return button;
}

function filesElement(files) {
  const list = element("ul", { className: "files", "aria-label": "Attached files" }, ...files.map((file) => element("li", {}, fileButton(file))));
  list.files = files;
  return list;
}

// -- one file, large ------------------------------------------------------------------------------------------------

let opened = null;

async function openFile(file) {
  const content = await file.load();
  const name = visible(file.name);
  closeFile();
  opened = { file, content, address: "" };
  const dialog = fileDialog();
  dialog.querySelector("h2").textContent = name;
  dialog.querySelector("small").textContent = sizeWords(file.size);
  if (isImage(file)) {
    opened.address = URL.createObjectURL(new Blob([content], { type: file.mediaType }));
    dialog.querySelector(".file-content").replaceChildren(element("img", { src: opened.address, alt: name }));
  } else {
    const text = file.isOriginal && /\.pdf$/i.test(file.name) ? "" : await content.slice(0, MOST_SHOWN * 4).text();
    const shown = text.slice(0, MOST_SHOWN);
    const words = element("pre", { tabIndex: 0, dir: "auto" }, visible(shown));
    const cut = content.size > MOST_SHOWN * 4 || text.length > MOST_SHOWN ? element("p", {}, "Only its beginning is shown.") : null;
    dialog.querySelector(".file-content").replaceChildren(...[text ? words : element("p", {}, "There is no preview of this file."), cut].filter(Boolean));
  }
  dialog.showModal();
}

function closeFile() {
  if (opened?.address) URL.revokeObjectURL(opened.address);
  opened = null;
}

// Of a PDF, the server keeps the text only.
function savedName({ name, mediaType, isOriginal }) {
  const safe = name.replace(/[^\p{L}\p{N}\p{M} .()+,@=_-]+/gu, "_").replace(/^[ .]+|[ .]+$/g, "") || "file";
  return !isOriginal && mediaType === "text/plain" && /\.pdf$/i.test(safe) ? `${safe}.txt` : safe;
}

function saveFile() {
  // Nothing of it is opened by the browser.
  const address = URL.createObjectURL(new Blob([opened.content], { type: "application/octet-stream" }));
  element("a", { href: address, download: savedName(opened.file) }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

function fileDialog() {
  const known = $("file-dialog");
  if (known) return known;
  const save = element("button", { type: "button" }, icon("tray"), "Download");
  const close = element("button", { type: "button", className: "icon", "aria-label": "Close", title: "Close (Esc)" }, icon("cross"));
  const heading = element("h2", { id: "file-title", dir: "auto" });
  const head = element("div", { className: "row" }, heading, element("small"), element("span", { className: "space" }), save, close);
  const dialog = element("dialog", { id: "file-dialog", "aria-labelledby": "file-title" }, head, element("div", { className: "file-content" }));
  save.addEventListener("click", saveFile);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => {
    closeFile();
    dialog.querySelector(".file-content").replaceChildren();
  });
  document.body.append(dialog);
  return dialog;
}
