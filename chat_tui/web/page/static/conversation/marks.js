// The words of a search are marked in the conversation that was opened from it, until one writes or presses Esc. Ranges are painted, and no
// element is changed, so that an answer goes on growing meanwhile.

const MARKS = "found";
const MARKED = ".said, .text, .thinking div";
const BLOCKS = "p, li, td, th, pre, h1, h2, h3, h4, h5, h6, blockquote, summary";
const MARK_MS = 150;
let markedWords = [];
let marking = null;
// The ranges in each part of a turn, as long as its text stays.
let markedParts = new WeakMap();

// Case and accents do not matter, as in the search. Each folded character knows where its own begins and ends, unless that is its own place.
function foldedText(text) {
  if (/^[\0-\x7f]*$/.test(text)) return { folded: text.toLowerCase(), begins: null, ends: null };
  let folded = "";
  const [begins, ends] = [[], []];
  let at = 0;
  for (const sign of text) {
    const plain = sign.toLowerCase().normalize("NFKD").replace(/[\u0300-\u036f]/g, "").normalize("NFC");
    for (let count = 0; count < plain.length; count++) {
      begins.push(at);
      ends.push(at + sign.length);
    }
    // An accent that follows its letter belongs to it.
    if (!plain && ends.length) ends[ends.length - 1] = at + sign.length;
    folded += plain;
    at += sign.length;
  }
  return { folded, begins, ends };
}

const markPattern = (words) => new RegExp(words.map((word) => foldedText(word).folded.trim().split(/\s+/)
  .map((part) => part.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("\\s+")).sort((one, other) => other.length - one.length).join("|"), "gu");

// Words are found across elements, such as a bold part, but not across blocks.
function* textRuns(part) {
  const walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
  let [nodes, block] = [[], null];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const inside = node.parentElement.closest(BLOCKS) ?? part;
    if (inside !== block && nodes.length) {
      yield nodes;
      nodes = [];
    }
    block = inside;
    nodes.push(node);
  }
  if (nodes.length) yield nodes;
}

function rangesIn(nodes, pattern) {
  const text = nodes.map((node) => node.data).join("");
  const { folded, begins, ends } = foldedText(text);
  // Places come in their order: each node is passed once.
  let [number, before] = [0, 0];
  const place = (at, isEnd) => {
    while (number < nodes.length - 1 && at - before >= nodes[number].length + (isEnd ? 1 : 0)) before += nodes[number++].length;
    return [nodes[number], at - before];
  };
  return [...folded.matchAll(pattern)].filter((match) => match[0]).map((match) => {
    const last = match.index + match[0].length - 1;
    const range = new Range();
    range.setStart(...place(begins ? begins[match.index] : match.index, false));
    range.setEnd(...place(ends ? ends[last] : last + 1, true));
    return range;
  });
}

async function paintMarks() {
  const words = markedWords;
  if (!words.length) return;
  const pattern = markPattern(words);
  const all = [];
  for (const part of $("log").querySelectorAll(MARKED)) {
    const text = part.textContent;
    let known = markedParts.get(part);
    if (known?.text !== text || known.ranges.some((range) => range.collapsed)) {
      known = { text, ranges: [] };
      for (const nodes of textRuns(part)) {
        known.ranges.push(...rangesIn(nodes, pattern));
        await sliced();
      }
      if (words !== markedWords) return;
      markedParts.set(part, known);
    }
    for (const range of known.ranges) all.push(range);
  }
  CSS.highlights.set(MARKS, new Highlight(...all));
}

const marksWatch = new MutationObserver(() => { marking ??= setTimeout(markAgain, MARK_MS); });

function markAgain() {
  marking = null;
  paintMarks();
}

// Brings the first of the words in this turn into view.
async function markWords(words, turn) {
  forgetMarks();
  if (!words.length || !("highlights" in CSS)) return;
  markedWords = words;
  marksWatch.observe($("log"), { childList: true, subtree: true, characterData: true });
  await paintMarks();
  if (words !== markedWords || !turn) return;
  for (const part of turn.querySelectorAll(MARKED)) {
    const first = markedParts.get(part)?.ranges[0];
    if (!first) continue;
    const [place, window] = [first.getBoundingClientRect(), $("scroll").getBoundingClientRect()];
    if (place.bottom > window.bottom || place.top < window.top) $("scroll").scrollTop += place.top - window.top - window.height / 3;
    return;
  }
}

// Whether there were any.
function forgetMarks() {
  const were = markedWords.length > 0;
  marksWatch.disconnect();
  markedWords = [];
  markedParts = new WeakMap();
  window.CSS?.highlights?.delete(MARKS);
  return were;
}

const foundWordsOf = ({ snippet = "", marks = [] }) => {
  const signs = [...snippet];
  return [...new Set(marks.map(([first, last]) => signs.slice(first, last).join("")))];
};
