// Requests to the server. The sign-in or the token is sent only to this server. Paths are relative to the page, which a reverse proxy may
// serve under a prefix.

const BROKEN = "Connection lost. What arrived is kept. Is chat-tui serve still running?";
const WRONG_TOKEN = "This token is not valid. If the server was started again, it may have a new one.";
const SIGNED_OUT = "You are not signed in any more. If the server was started again, it may have a new token.";

class Refusal extends Error {
  constructor(status, words, said = {}) {
    super(words);
    this.status = status;
    this.said = said;
  }
}

function signInHeaders() {
  const sent = proof();
  return { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...(sent ? { "X-Chat-Tui-Proof": sent } : {}) };
}

async function request(method, path, body, signal) {
  const sent = proof();
  const headers = signInHeaders();
  // A file is sent as it is.
  const isFile = body instanceof Blob;
  if (isFile) headers["Content-Type"] = "application/octet-stream";
  else if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method, headers, signal, body: isFile || body === undefined ? body : JSON.stringify(body), cache: "no-store", credentials: "same-origin",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, BROKEN);
  }
  if (response.ok) return response;
  // Another tab has signed in meanwhile.
  if (response.status === 401 && !token && proof() && proof() !== sent) return request(method, path, body, signal);
  const said = await response.json().catch(() => ({}));
  const words = typeof said.error === "string" ? said.error : `The server replied with status ${response.status}.`;
  if (response.status !== 401) throw new Refusal(response.status, words, said);
  const why = token ? WRONG_TOKEN : SIGNED_OUT;
  // One who has signed out knows why.
  if (isSignedIn()) forgetSignIn(why);
  throw new Refusal(401, why, said);
}

const asked = async (path) => (await request("GET", path)).json();

// The events of a reply, as they come.
async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const whole = (waiting + value).split("\n\n");
    waiting = whole.pop();
    for (const text of whole) if (text.startsWith("data: ")) yield JSON.parse(text.slice(6));
  }
}
