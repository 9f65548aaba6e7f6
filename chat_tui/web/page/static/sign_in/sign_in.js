// Signing in and out. The token is exchanged for a cookie, which no script can read, and a proof, which this page keeps in
// its storage: a cookie goes to all ports of this host, and the storage only to pages of this address.

const PROOF = `proof ${new URL(".", location.href).pathname}`;

// Used instead of a sign-in where the browser stores no cookies, until the tab is closed.
let token = "";

const proof = () => memory.get(forEver, PROOF);
const isSignedIn = () => token !== "" || proof() !== "";

// The token in the address, which is removed from it.
function takeToken() {
  const given = /^#token=(.+)$/.exec(location.hash);
  if (given) history.replaceState(null, "", location.pathname);
  return given ? decoded(given[1]) : "";
}

function decoded(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

async function signIn(given) {
  token = given;
  memory.set(forSession, "token", given);
  if (!navigator.cookieEnabled) return;
  const said = await (await request("POST", "api/sign-in")).json();
  memory.set(forEver, PROOF, said.proof);
  if (proof() === said.proof) forgetToken();
}

function forgetToken() {
  token = "";
  memory.set(forSession, "token", "");
}

async function signOut(path) {
  await request("DELETE", path);
  forgetSignIn("You are signed out.");
}

// A wrong token does not end an earlier sign-in.
function forgetSignIn(words) {
  if (!token) memory.set(forEver, PROOF, "");
  forgetToken();
  lock(words);
}

// Signs in with the token in the address, or continues the earlier sign-in.
async function enter(given = takeToken() || memory.get(forSession, "token")) {
  try {
    if (given) await signIn(given);
  } catch (error) {
    if (!proof()) return lock(error.message);
    forgetToken();
    toast(error.message);
  }
  if (isSignedIn()) await unlock();
  else lock();
}

function lock(words = "") {
  stopEvents();
  $("app").hidden = true;
  $("locked").hidden = false;
  $("refused").hidden = !words;
  $("refused").textContent = words;
  $("token").focus();
}

function listenToSignIn() {
  $("unlock").addEventListener("submit", (event) => {
    event.preventDefault();
    const given = $("token").value.trim();
    const inAddress = /#token=(.+)$/.exec(given);
    $("token").value = "";
    enter(inAddress ? decoded(inAddress[1]) : given).catch((error) => toast(error.message));
  });
  $("sign-out").addEventListener("click", () => {
    $("sign-out-dialog").returnValue = "";
    $("sign-out-dialog").showModal();
  });
  $("sign-out-cancel").addEventListener("click", () => $("sign-out-dialog").close("cancel"));
  $("sign-out-dialog").addEventListener("close", () => {
    const path = { here: "api/sign-in", everywhere: "api/sign-ins" }[$("sign-out-dialog").returnValue];
    if (path) signOut(path).catch((error) => toast(error.message));
  });
  addEventListener("hashchange", () => {
    if (location.hash.startsWith("#token=")) enter().catch((error) => toast(error.message));
  });
  // Another tab has signed in or out.
  addEventListener("storage", (event) => {
    if (event.key !== memory.name(PROOF)) return;
    if (!isSignedIn()) {
      if (!$("app").hidden) lock("You are signed out.");
    } else if ($("app").hidden) unlock().catch((error) => toast(error.message));
  });
}
