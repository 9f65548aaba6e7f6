// Reads a growing answer out to screen readers: each sentence when it is finished, and once. Code and tables are named.

const READ_MS = 600;
// Afterwards a line is not met again by reading on at the end of the page.
const READ_OUT_MS = 5000;
// An answer that has run for longer when the page first hears of it is read from where it is.
const LATE_MS = 3000;
const SILENT = "button, svg, .figures, .fold > :not(summary)";
const BREAKS = new Set(["P", "LI", "TR", "DIV", "BR", "BLOCKQUOTE", "SUMMARY", "H1", "H2", "H3", "H4", "H5", "H6"]);

const segmenter = typeof Intl.Segmenter === "function" ? new Intl.Segmenter(undefined, { granularity: "sentence" }) : null;

// Of mathematics, what the signs alone do not say.
const MATH_WORDS = {
  mfrac: ([over, under]) => `${over} over ${under}`,
  msup: ([base, power]) => `${base} to the power of ${power}`,
  msub: ([base, index]) => `${base} sub ${index}`,
  msubsup: ([base, index, power]) => `${base} sub ${index} to the power of ${power}`,
  munder: ([base, from]) => `${base} below ${from}`,
  munderover: ([base, from, to]) => `${base} from ${from} to ${to}`,
  msqrt: (parts) => `square root of ${parts.join(" ")}`,
  mroot: ([base, degree]) => `root ${degree} of ${base}`,
};

function mathWords(node) {
  if (!node.children.length) return node.textContent;
  const parts = [...node.children].map(mathWords);
  return (MATH_WORDS[node.tagName] ?? ((words) => words.join(" ")))(parts);
}

function withAnd(words) {
  return words.length > 1 ? `${words.slice(0, -1).join(", ")} and ${words.at(-1)}` : words.join("");
}

// What is read out of this node; a line for each thing that is read in one breath.
function wordsOf(node) {
  if (node.nodeType === Node.TEXT_NODE) return node.data.replace(/\s+/g, " ");
  if (node.nodeType !== Node.ELEMENT_NODE || node.matches(SILENT)) return "";
  // What is added to a code block or a table that has been named.
  if (node.matches("tbody, .full + .table") || (node.closest("pre") && !node.classList.contains("code"))) return "";
  if (node.classList.contains("code")) return `\nCode block, ${node.querySelector(".code-head span").textContent}.\n`;
  if (node.classList.contains("table")) return `\nTable, with the columns ${withAnd([...node.querySelectorAll("th")].map((cell) => cell.textContent))}.\n`;
  if (node.tagName === "math") return mathWords(node);
  const words = [...node.childNodes].map(wordsOf).join("");
  return BREAKS.has(node.tagName) ? `\n${words}\n` : words;
}

const isNamed = (nodes) => ["code", "table"].includes(nodes?.at(-1)?.className);

// Counted in letters and digits: marks may become bold or a link when they are closed, and letters stay.
function afterLetters(text, letters) {
  const sign = /[\p{L}\p{N}]/gu;
  for (let left = letters; left > 0; left--) if (!sign.test(text)) return text.length;
  return sign.lastIndex;
}

const lettersIn = (text) => text.match(/[\p{L}\p{N}]/gu)?.length ?? 0;

// How much of the text is finished sentences; the last one may go on, and its element ends with it.
function finishedLength(grown) {
  const text = grown.trimEnd();
  const ends = text.lastIndexOf("\n") + 1;
  const last = text.slice(ends);
  if (!segmenter || !last.trim()) return ends;
  let begin = 0;
  for (const { index } of segmenter.segment(last)) begin = index;
  return ends + begin;
}

// Where the reading of an answer is: `letters` of this block have been read.
class Reading {
  constructor() {
    this.block = 0;
    this.letters = 0;
  }

  // The sentences that have been finished since; with `ended` all that is left.
  next(blocks, ended) {
    const sentences = [];
    for (; this.block < blocks.length; this.block++, this.letters = 0) {
      const isLast = this.block === blocks.length - 1;
      const text = (blocks[this.block] ?? []).map(wordsOf).join("");
      const begin = afterLetters(text, this.letters);
      const rest = text.slice(begin);
      const isWhole = ended || !isLast || isNamed(blocks[this.block]);
      const taken = isWhole ? rest : rest.slice(0, finishedLength(rest));
      this.letters += lettersIn(taken);
      sentences.push(...taken.split("\n").map((line) => line.replace(/^[\s.,;:!?…)\]"'”’»*_`]+/u, "").trim()).filter(Boolean));
      if (isLast && !ended) break;
    }
    return sentences;
  }
}

function readOut(sentences) {
  if (!sentences.length) return;
  const line = element("p", { dir: "auto" }, sentences.join(" "));
  $("reader").append(line);
  setTimeout(() => line.remove(), READ_OUT_MS);
}
