// The stream of events, which is opened again whenever what it follows changes or the line is lost. It goes on where it has ended.

const RETRY_MS = [300, 1000, 2000, 4000, 8000];
// The server sends something every 15 seconds.
const SILENT_MS = 45_000;
const LOOK_MS = 5000;

class EventStream {
  // `entries`: what is followed, as { conversation, at }. `take` gets each event with its entry; `tell` whether the line is "open", "lost" or
  // "refused".
  constructor({ headers, take, tell }) {
    Object.assign(this, { headers, take, tell });
    this.entries = [];
    this.failures = 0;
    this.line = null;
    this.heard = 0;
    setInterval(() => this.look(), LOOK_MS);
  }

  follow(entries) {
    this.entries = entries;
    this.open();
  }

  close() {
    clearTimeout(this.waiting);
    this.waiting = 0;
    this.line?.abort();
    this.line = null;
  }

  async open() {
    clearTimeout(this.waiting);
    const [line, before, entries] = [new AbortController(), this.line, this.entries];
    // What the line before still brings is not taken any more: this one begins there.
    this.line = line;
    this.heard = Date.now();
    const follow = entries.map(({ conversation, at }) => (at ? `${conversation}~${at}` : conversation)).join(",");
    let status = 0;
    try {
      const response = await fetch(`api/events?${new URLSearchParams({ follow })}`, {
        headers: this.headers(), signal: line.signal, cache: "no-store", credentials: "same-origin",
      });
      status = response.status;
      // The server never sees a browser without a page.
      before?.abort();
      if (response.ok && this.line === line) await this.read(response, line, entries);
    } catch { /* The line was lost, or is not needed any more. */ }
    before?.abort();
    if (this.line !== line) return;
    this.line = null;
    this.tell(status === 401 ? "refused" : "lost");
    if (status === 401) return;
    const wait = RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)];
    this.waiting = setTimeout(() => this.open(), wait * (0.75 + Math.random() / 2));
  }

  async read(response, line, entries) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let waiting = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done || this.line !== line) return;
      this.heard = Date.now();
      const whole = (waiting + value).split("\n\n");
      waiting = whole.pop();
      for (const text of whole) {
        if (!text.startsWith("data: ") || this.line !== line) continue;
        const event = JSON.parse(text.slice(6));
        if (event.type === "ready") {
          this.failures = 0;
          this.tell("open");
        }
        const entry = entries[event.follow];
        if (entry) entry.at = event.at;
        this.take(event, entry);
      }
    }
  }

  // A line that was cut without a word, as by a sleep.
  look() {
    if (this.line && Date.now() - this.heard > SILENT_MS) this.open();
  }

  retryNow() {
    if (!this.line && this.waiting) this.open();
  }
}
