// The stream of events of this tab: that of all tabs of the browser, or its own where tabs cannot share one.

const WORKER = "worker.js?/*version*/";
// A tab of its own connection that nobody sees gives it back.
const HIDDEN_MS = 30_000;

const canShare = () => typeof SharedWorker === "function" && Boolean(navigator.locks);
const openStream = (options) => (canShare() ? new SharedStream(options) : new OwnStream(options));

class OwnStream {
  constructor(options) {
    this.stream = new EventStream(options);
    let hiding;
    addEventListener("visibilitychange", () => {
      clearTimeout(hiding);
      if (document.hidden) hiding = setTimeout(() => this.stream.close(), HIDDEN_MS);
      else if (this.entries && !this.stream.line) this.stream.open();
    });
    addEventListener("online", () => this.stream.retryNow());
  }

  follow(entries) {
    this.entries = entries;
    this.stream.follow(entries);
  }

  close() {
    this.entries = null;
    this.stream.close();
  }
}

class SharedStream {
  constructor(options) {
    this.options = options;
    this.serial = 0;
    this.lock = `chat-tui tab ${crypto.randomUUID()}`;
    this.locked = new Promise((resolve) => {
      navigator.locks.request(this.lock, () => {
        resolve();
        return new Promise(() => {});
      });
    });
    this.worker = new SharedWorker(policy?.createScriptURL(WORKER) ?? WORKER);
    this.worker.port.onmessage = ({ data }) => this.hear(data);
    this.worker.onerror = () => this.goAlone();
    addEventListener("online", () => this.send({ does: "retry" }));
  }

  hear({ state, event, serial, number }) {
    if (state) this.options.tell(state);
    else if (serial === undefined) this.options.take(event);
    else if (serial === this.serial) this.options.take(event, this.entries[number]);
  }

  // The browser could not start the worker.
  goAlone() {
    this.own ??= new OwnStream(this.options);
    if (this.entries) this.own.follow(this.entries);
  }

  async send(message) {
    await this.locked;
    this.worker.port.postMessage(message);
  }

  follow(entries) {
    this.entries = entries;
    if (this.own) {
      this.own.follow(entries);
      return;
    }
    const conversations = entries.map(({ conversation }) => conversation);
    this.send({ does: "follow", lock: this.lock, conversations, serial: ++this.serial, headers: this.options.headers() });
  }

  close() {
    this.entries = null;
    this.own?.close();
    this.send({ does: "leave" });
  }
}
