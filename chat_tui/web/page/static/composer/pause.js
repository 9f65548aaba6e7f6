// Pausing the answer of the open conversation: its model is not read any more until one continues.

const pauseButton = element("button", { type: "button", className: "icon", id: "pause-button", hidden: true });
let controlling = false;

// While it connects or its tools run there is nothing to pause.
const isPaused = () => runningIn(current)?.state === "paused";
const canPause = () => Boolean(running) && !running.sending && ["answering", "paused"].includes(runningIn(current)?.state);

function paintPause() {
  const words = isPaused() ? "Resume" : "Pause";
  pauseButton.hidden = !canPause();
  if (pauseButton.dataset.does === words) return;
  pauseButton.dataset.does = words;
  const limit = isPaused() && !runningIn(current).elsewhere ? ". After 10 minutes it is stopped." : "";
  pauseButton.title = `${words} the answer (Ctrl+.)${limit}`;
  pauseButton.setAttribute("aria-label", `${words} the answer`);
  pauseButton.replaceChildren(icon(isPaused() ? "play" : "pause"));
  document.querySelector("main").classList.toggle("paused", isPaused());
}

async function pauseOrResume() {
  if (!canPause() || controlling) return;
  controlling = true;
  const [id, does] = [current, isPaused() ? "resume" : "pause"];
  try {
    await request("POST", `api/conversations/${encodeURIComponent(id)}/${does}`);
    announce(does === "pause" ? "The answer is paused." : "The answer goes on.");
  } catch (error) {
    // It has just ended.
    if (error.status !== 409 || runningIn(id)) toast(error.message);
  } finally {
    controlling = false;
  }
}

function listenToPause() {
  $("stop").before(pauseButton);
  pauseButton.addEventListener("click", pauseOrResume);
  addEventListener("keydown", (event) => {
    if (event.key !== "." || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || !canPause()) return;
    event.preventDefault();
    pauseOrResume();
  });
}
