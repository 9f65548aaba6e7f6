// Requests to the server. The token is sent only to this server. Paths are relative to the page, which a reverse proxy may
// serve under a prefix.

const BROKEN = "Connection lost. What arrived is kept. Is chat-tui serve still running?";

class Refusal extends Error {
  constructor(status, words, said = {}) {
    super(words);
    this.status = status;
    this.said = said;
  }
}

let token = "";

function takeToken() {
  const given = /^#token=(.+)$/.exec(location.hash);
  if (given) {
    memory.set(forSession, "token", decoded(given[1]));
    history.replaceState(null, "", location.pathname);
  }
  token = memory.get(forSession, "token");
  return token !== "";
}

function decoded(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

function forgetToken() {
  token = "";
  memory.set(forSession, "token", "");
}

async function request(method, path, body, signal) {
  const headers = { Authorization: `Bearer ${token}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store", credentials: "omit",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, BROKEN);
  }
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  if (response.status === 401) lock("This token is not valid. The server makes a new one at each start.");
  throw new Refusal(response.status, typeof said.error === "string" ? said.error : `The server replied with status ${response.status}.`, said);
}

const asked = async (path) => (await request("GET", path)).json();

// Yields the events of a stream. Ends without an `end` event only if the connection was lost.
async function* events(response) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let waiting = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      waiting += decoder.decode(value, { stream: true });
      const whole = waiting.split("\n\n");
      waiting = whole.pop();
      for (const event of whole) if (event.startsWith("data: ")) yield JSON.parse(event.slice(6));
    }
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, BROKEN);
  }
}
