// One stream of events for all tabs of a browser, which has six connections to a server. Runs in a SharedWorker, behind stream.js.

// By the port of each tab: what it follows, as entries of the stream.
const tabs = new Map();
let headers = {};

const stream = new EventStream({ headers: () => headers, take: takeEvent, tell: (state) => sendToAll({ state }) });

function sendToAll(message) {
  for (const port of tabs.keys()) port.postMessage(message);
}

function takeEvent(event, entry) {
  if (event.type === "answer") {
    const { port, serial, number } = entry;
    if (tabs.get(port)?.includes(entry)) port.postMessage({ event, serial, number });
  } else {
    sendToAll({ event });
  }
}

function followAll() {
  if (tabs.size) stream.follow([...tabs.values()].flat());
  else stream.close();
}

function leave(port) {
  if (tabs.delete(port)) followAll();
}

self.onconnect = ({ ports: [port] }) => {
  port.onmessage = ({ data }) => {
    if (data.does === "leave") leave(port);
    if (data.does === "retry") stream.retryNow();
    if (data.does !== "follow") return;
    // A tab holds its lock as long as it lives.
    if (!tabs.has(port)) navigator.locks.request(data.lock, () => leave(port));
    headers = data.headers;
    tabs.set(port, data.conversations.map((conversation, number) => ({ conversation, at: "", port, serial: data.serial, number })));
    followAll();
  };
};
