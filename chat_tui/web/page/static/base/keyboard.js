// A keyboard that covers the page rather than making it smaller, as that of iOS: the page ends above it.

// Less is a bar of the browser.
const KEYBOARD_PX = 120;

function fitKeyboard() {
  const { height, scale } = visualViewport;
  const covers = Math.abs(scale - 1) < 0.01 && innerHeight - height > KEYBOARD_PX;
  $("app").style.height = covers ? `${height}px` : "";
  // The browser has moved the page up to show the field.
  if (covers) scrollTo(0, 0);
}

window.visualViewport?.addEventListener("resize", fitKeyboard);
