// Elements by their id, new elements, and the one place where HTML becomes elements.

const $ = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== ""));
  return made;
}

function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

const policy = window.trustedTypes?.createPolicy("chat-tui", { createHTML: (html) => html, createScriptURL: (url) => url });
const KNOWN_TAGS = new Set(
  ("P H1 H2 H3 H4 H5 H6 BLOCKQUOTE UL OL LI TABLE THEAD TBODY TR TH TD EM STRONG S SUB SUP KBD A BR HR CODE PRE SPAN DIV BUTTON DETAILS SUMMARY").split(" "),
);
// Those of MathML are not in capitals.
for (const name of "math mrow mi mn mo mtext mfrac msqrt mroot msub msup msubsup munder mover munderover mtable mtr mtd mphantom".split(" ")) KNOWN_TAGS.add(name);
const KNOWN_ATTRIBUTES = new Set(["class", "href", "rel", "target", "start", "value", "type", "tabindex", "display", "stretchy"]);

// The server writes safe HTML only; what it should not have written is dropped here once more. The parsed document is
// inert: nothing in it runs or loads.
function fragment(html) {
  const parsed = new DOMParser().parseFromString(policy ? policy.createHTML(html) : html, "text/html");
  for (const found of [...parsed.body.querySelectorAll("*")]) {
    if (!KNOWN_TAGS.has(found.tagName)) found.replaceWith(found.textContent);
    else for (const { name, value } of [...found.attributes]) {
      const leads = name === "href" && !/^(https?:\/\/|mailto:)/i.test(value);
      if (leads || !KNOWN_ATTRIBUTES.has(name)) found.removeAttribute(name);
    }
  }
  const made = document.createDocumentFragment();
  made.append(...parsed.body.childNodes);
  return made;
}

// Long work is done in slices, between which the browser paints and takes keys.
const SLICE_MS = 12;
const pausing = new MessageChannel();
const paused = [];
let sliceBegan = 0;
pausing.port1.onmessage = () => {
  sliceBegan = performance.now();
  for (const goOn of paused.splice(0)) goOn();
};

// Resolves at once while the slice lasts, and otherwise in the next one. No timer: those of a tab in the background wait.
function sliced() {
  if (performance.now() - sliceBegan < SLICE_MS) return null;
  return new Promise((resolve) => {
    if (paused.push(resolve) === 1) pausing.port2.postMessage(0);
  });
}

// Puts a menu of this width above its button, within the window.
function placeAbove(menu, button, width) {
  const place = button.getBoundingClientRect();
  menu.style.bottom = `${innerHeight - place.top + 8}px`;
  menu.style.left = `${Math.max(8, Math.min(place.left, innerWidth - Math.min(width, innerWidth - 16) - 8))}px`;
}

// The same for one that is a sheet at the lower edge of a phone; else it is at least so many pixels high.
function placeSheet(menu, button, width, least) {
  placeAbove(menu, button, width);
  const isSheet = matchMedia("(max-width: 480px)").matches;
  if (isSheet) menu.style.bottom = menu.style.left = "";
  menu.style.maxHeight = isSheet ? "" : `${Math.max(least, button.getBoundingClientRect().top - 20)}px`;
}

async function copied(text, button) {
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    done = copiedByHand(text);
  }
  const before = [...button.childNodes];
  button.replaceChildren(done ? "✓" : "✗");
  announce(done ? "Copied." : "The browser does not allow this page to copy.");
  setTimeout(() => button.replaceChildren(...before), 1200);
}

// Without a secure context (another host over plain HTTP) there is no clipboard to write to.
function copiedByHand(text) {
  const field = element("textarea", { value: text, className: "unseen" });
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}

function announce(text) {
  $("status").textContent = text;
}

// What this browser remembers; one that forbids it remembers nothing.
const memory = {
  name: (key) => `chat-tui ${key}`,
  get(store, key) {
    try { return store().getItem(this.name(key)) ?? ""; } catch { return ""; }
  },
  set(store, key, value) {
    try { store().setItem(this.name(key), value); } catch { /* It is forgotten. */ }
  },
};
const forSession = () => sessionStorage;
const forEver = () => localStorage;
