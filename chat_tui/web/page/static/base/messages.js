// Formats figures and times as the terminal does.

const known = (value) => typeof value === "number" && Number.isFinite(value) && value >= 0;

function seconds(value) {
  if (!known(value)) return "";
  if (value < 0.995) return `${value.toFixed(2)} s`;
  if (value < 59.95) return `${value.toFixed(1)} s`;
  const whole = Math.round(value);
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor(whole / 60) % 60).padStart(2, "0")} m`;
}

function count(value) {
  if (value < 10_000) return value.toLocaleString("en");
  return value < 999_950 ? `${(value / 1000).toFixed(1)}k` : `${(value / 1e6).toFixed(1)}M`;
}

function dollars(value) {
  if (!value) return "$0";
  if (value < 0.0001) return "<$0.0001";
  return `$${value.toFixed(value < 0.09995 ? 4 : value < 0.9995 ? 3 : 2)}`;
}

const about = (estimated) => (estimated ? "≈" : "");

const PHASES = {
  idle: "ready", uploading: "uploading files", queued: "queued", fetching: "downloading the model", loading: "loading the model",
  streaming: "answering", paused: "paused", complete: "done", length: "token limit reached", cancelled: "stopped", broken: "connection lost",
  empty: "no text", calling: "running a tool", asking: "asks about a tool",
};

function phaseWords(figures) {
  if (figures.phase === "retrying") {
    const tries = figures.of ? `retrying ${figures.attempt}/${figures.of}` : "retrying";
    return figures.delaySeconds ? `${tries} in ${Math.ceil(figures.delaySeconds)} s` : `${tries} now`;
  }
  const words = PHASES[figures.phase] ?? figures.phase;
  const step = figures.steps ? (figures.step >= figures.steps ? ", summing up" : `, part ${figures.step} of ${figures.steps - 1}`) : "";
  return words + step;
}

const firstToken = (value) => (value > 0 && value < 0.005 ? "<0.01 s" : seconds(value));

function figureWords(figures) {
  const told = [];
  if (known(figures.ttftSeconds)) told.push(`first token ${firstToken(figures.ttftSeconds)}`);
  if (known(figures.rate)) {
    told.push(`${about(figures.rateEstimated)}${figures.rate < 9.95 ? figures.rate.toFixed(1) : Math.round(figures.rate).toLocaleString("en")} tok/s`);
  }
  if (known(figures.completionTokens)) {
    told.push(`${about(figures.completionEstimated)}${count(figures.completionTokens)} ${figures.completionTokens === 1 ? "token" : "tokens"}`);
  }
  if (known(figures.cost)) told.push(`${about(figures.costEstimated && figures.cost)}${dollars(figures.cost)}`);
  else if (known(figures.price)) told.push(`${about(figures.price)}${dollars(figures.price)}`);
  if (known(figures.durationSeconds) && figures.durationSeconds) told.push(seconds(figures.durationSeconds));
  if (figures.servedModel) told.push(`answered by ${figures.servedModel}`);
  return told;
}

const STATES = {
  cancelled: "stopped", length: "token limit reached", broken: "connection lost", failed: "failed",
  refused: "refused", empty: "no text", streaming: "still being written",
};

// Where nothing else says why there is no text.
const NO_ANSWER = {
  empty: "The answer is empty. The model sent no text: ask again, or choose another model.",
  refused: "The model or its provider refused to answer. Edit the question, or choose another model.",
};

function noticeWords(data) {
  const why = data.reason ? `: ${data.reason}` : ".";
  switch (data.event) {
    case "retry": return `Retrying ${data.model}${data.attempt ? ` (${data.attempt} of ${data.of})` : ""}${why}`;
    case "failover": return `Trying ${data.model} instead${why}`;
    case "seam": return `Connection lost; ${data.model} continues the answer${why}`;
    case "budget": return `Some models exceed your price limit${why}`;
    case "trimmed": {
      if (data.leftOut) return `${data.leftOut} earlier ${data.leftOut === 1 ? "exchange was" : "exchanges were"} not sent.`;
      return data.reason ?? "";
    }
    case "note": case "phase": return data.reason ?? "";
    default: return "";
  }
}

const midnight = (days, from = new Date()) => new Date(from.getFullYear(), from.getMonth(), from.getDate() - days);

function dayWords(when, now = new Date()) {
  if (when >= midnight(0, now)) return "Today";
  if (when >= midnight(1, now)) return "Yesterday";
  if (when >= midnight((now.getDay() + 6) % 7, now)) return "This week";
  if (when >= new Date(now.getFullYear(), now.getMonth(), 1)) return "This month";
  const month = when.toLocaleDateString("en", { month: "long" });
  return when.getFullYear() === now.getFullYear() ? month : `${month} ${when.getFullYear()}`;
}

// Below the heading "Yesterday" a row tells the hour.
function momentWords(when, { group = "", now = new Date() } = {}) {
  if (when >= midnight(0, now) || group === "Yesterday") return when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  if (when >= midnight(1, now)) return "yesterday";
  const year = when.getFullYear() === now.getFullYear() ? undefined : "numeric";
  return when.toLocaleDateString("en-GB", { day: "numeric", month: "short", year });
}

// The title of a conversation until the list is loaded.
function titleOf(text, most = 60) {
  const line = text.trim().split(/\s+/).join(" ");
  if (line.length <= most) return line;
  const cut = line.slice(0, most - 1);
  return `${(cut.lastIndexOf(" ") > most / 2 ? cut.slice(0, cut.lastIndexOf(" ")) : cut).trimEnd()}…`;
}

// A file name that is valid on every system.
const fileName = (words) => words.replace(/[^\p{L}\p{N}\p{M} ._-]+|\s+/gu, " ").replace(/ +/g, " ").replace(/^[ .]+|[ .]+$/g, "").slice(0, 80).trim() || "conversation";

const shortName = (model) => model.slice(model.indexOf("/") + 1);
