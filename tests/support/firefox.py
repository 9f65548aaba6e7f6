"""A real headless Firefox for the web page, driven by WebDriver BiDi. Where none is, its tests are skipped as those of
Chromium are.

Playwright drives its own build of Firefox; with those that people have, it sends commands that they do not know.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.browser_tab import READY, REQUIRED, WATCH
from tests.support.web_site import TOKEN

_NAMES = ("firefox-esr", "firefox")
_START_SECONDS = 120.0
SECONDS = 30.0
"""How long a test waits at most; Firefox has more processes than Chromium, which a busy machine lets wait."""
_PREFERENCES: Final = {
    "app.normandy.enabled": False,
    "app.update.auto": False,
    "browser.aboutwelcome.enabled": False,
    "browser.newtabpage.enabled": False,
    "browser.region.network.url": "",
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.sessionstore.resume_from_crash": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "network.prefetch-next": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.server": "",
}
"""Nothing is fetched from outside, and nothing but the page is shown."""
KEYS: Final = {
    "Shift": "\ue008",
    "Control": "\ue009",
    "Tab": "\ue004",
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "ArrowUp": "\ue013",
    "ArrowDown": "\ue015",
}


def firefox_path() -> str:
    """The browser's path, from the variable FIREFOX or the usual places; empty if there is none."""
    return os.environ.get("FIREFOX") or next(filter(None, map(shutil.which, _NAMES)), "")


def without_firefox() -> str:
    """Why tests in Firefox are skipped; empty if they run."""
    if firefox_path() or os.environ.get(REQUIRED) == "required":
        return ""
    return f"no Firefox is here: install one, or name it in FIREFOX ({REQUIRED}=required makes this a failure)"


needs_firefox = pytest.mark.skipif(bool(without_firefox()), reason=without_firefox())


class Firefox:
    """A running Firefox with its session of WebDriver BiDi."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._replies: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._serial = 0
        self.errors: dict[str, list[str]] = {}
        """By the id of the tab: what was logged as an error."""

    async def listen(self) -> None:
        """Take messages until the browser ends."""
        with suppress(ConnectionClosed):
            async for text in self._connection:
                self._take(json.loads(text))
        for reply in self._replies.values():
            reply.cancel()

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "event":
            entry = message["params"]
            if entry["level"] == "error":
                self.errors.setdefault(entry["source"].get("context", ""), []).append(str(entry["text"]))
            return
        reply = self._replies.pop(message["id"])
        if reply.cancelled():
            return
        if message["type"] == "success":
            reply.set_result(message["result"])
        else:
            reply.set_exception(RuntimeError(f"{message['error']}: {message['message']}"))

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command, and return its result. Raises RuntimeError if the browser refuses it."""
        self._serial += 1
        reply = self._replies[self._serial] = asyncio.get_running_loop().create_future()
        await self._connection.send(json.dumps({"id": self._serial, "method": method, "params": parameters}))
        async with asyncio.timeout(SECONDS):
            return dict(await reply)

    async def new_tab(self, url: str) -> FirefoxTab:
        """Return an empty tab for a page at this address."""
        made = await self.send("browsingContext.create", type="tab")
        return FirefoxTab(self, made["context"], url)


@asynccontextmanager
async def firefox(profile: Path, **preferences: str | bool | int) -> AsyncIterator[Firefox]:
    """A Firefox with the profile in this folder, which may be that of an earlier one, and these preferences."""
    path = firefox_path()
    assert path, f"{REQUIRED} says that there is a Firefox, and there is none"
    lines = (
        f"user_pref({json.dumps(name)}, {json.dumps(value)});\n"
        for name, value in {**_PREFERENCES, **preferences}.items()
    )
    (profile / "user.js").write_text("".join(lines), "utf-8")
    place = profile / "WebDriverBiDiServer.json"
    place.unlink(missing_ok=True)
    options = ["--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0", "about:blank"]
    process = await asyncio.create_subprocess_exec(path, *options, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
    try:
        async with asyncio.timeout(_START_SECONDS):
            while not place.exists() or not (written := place.read_text("utf-8")):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        server = json.loads(written)
        address = f"ws://{server['ws_host']}:{server['ws_port']}/session"
        async with connect(address, max_size=None, ping_interval=None) as connection, asyncio.TaskGroup() as tasks:
            running = Firefox(connection)
            tasks.create_task(running.listen())
            await running.send("session.new", capabilities={})
            await running.send("session.subscribe", events=["log.entryAdded"])
            await running.send("script.addPreloadScript", functionDeclaration=f"() => {{ {WATCH} }}")
            yield running
            # It writes what it has stored before it ends.
            await running.send("browser.close")
            await process.wait()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


class FirefoxTab:
    """A tab of Firefox, and the errors that occurred in it."""

    def __init__(self, browser: Firefox, context: str, url: str) -> None:
        self.browser, self.context, self.url = browser, context, url

    @property
    def errors(self) -> list[str]:
        """What was logged as an error."""
        return self.browser.errors.get(self.context, [])

    async def open(self, path: str = f"/#token={TOKEN}") -> None:
        """Open the page and wait until it is ready."""
        await self._send("browsingContext.navigate", url=self.url + path, wait="complete")
        await self.until(f"document.querySelector({json.dumps(READY)})")

    async def reload(self) -> None:
        """Load the page again."""
        await self._send("browsingContext.reload", wait="complete")

    async def resize(self, width: int, height: int) -> None:
        """Give the page this size."""
        await self._send("browsingContext.setViewport", viewport={"width": width, "height": height})

    async def close(self) -> None:
        """Close the tab."""
        await self._send("browsingContext.close")

    async def evaluate(self, script: str) -> Any:
        """Return the value of a JavaScript expression."""
        said = await self._evaluated(f"(async () => (JSON.stringify(await ({script})) ?? 'null'))()")
        return json.loads(said["value"])

    async def until(self, script: str, seconds: float = SECONDS) -> Any:
        """Wait until a script returns a true value, and return it; of elements only that they are there."""
        said: Any = None
        value = f"(found => found instanceof Node || found)(await ({script}))"
        try:
            async with asyncio.timeout(seconds):
                while not (said := await self.evaluate(value)):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{script} is {said!r}; errors: {self.errors}") from None
        return said

    async def shows(self, *texts: str) -> None:
        """Wait until the page shows all these texts."""
        for text in texts:
            await self.until(f"document.body.innerText.includes({json.dumps(text)})")

    async def visible(self, selector: str) -> None:
        """Wait until this element is visible."""
        await self.until(f"document.querySelector({json.dumps(selector)})?.checkVisibility()")

    async def named(self, role: str, name: str) -> int:
        """How many elements have this role and name for assistive programs."""
        found = await self._send("browsingContext.locateNodes", locator=_accessible(role, name))
        return len(found["nodes"])

    async def click(self, selector: str) -> None:
        """Click at the middle of an element."""
        await self.visible(selector)
        found = f"document.querySelector({json.dumps(selector)})"
        said = await self._evaluated(f"(found => (found.scrollIntoView({{block: 'nearest'}}), found))({found})")
        origin = {"type": "element", "element": {"sharedId": said["sharedId"]}}
        steps = [
            {"type": "pointerMove", "x": 0, "y": 0, "origin": origin},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        await self._act({"type": "pointer", "id": "mouse", "actions": steps})

    async def press(self, *keys: str) -> None:
        """Press keys, as `Escape`, or several at once, as `Control+v`."""
        for key in keys:
            parts = [KEYS.get(part, part) for part in key.split("+")]
            await self._keys([("keyDown", part) for part in parts] + [("keyUp", part) for part in reversed(parts)])

    async def type(self, text: str) -> None:
        """Type a text where the focus is."""
        await self._keys([(does, sign) for sign in text for does in ("keyDown", "keyUp")])

    async def ask(self, text: str) -> None:
        """Type a question and press Enter."""
        await self.click("#prompt")
        await self.type(text)
        await self.press("Enter")

    async def answered(self) -> None:
        """Wait until no answer is running."""
        await self.visible("#send")

    async def harmless(self) -> None:
        """Check that there was no error, and nothing that the page's policy forbids."""
        assert await self.evaluate("window.violations") == []
        assert self.errors == []

    async def picture(self) -> str:
        """Return a picture of the page, a PNG in Base64."""
        return str((await self._send("browsingContext.captureScreenshot"))["data"])

    async def _keys(self, steps: Iterable[tuple[str, str]]) -> None:
        await self._act(
            {"type": "key", "id": "keys", "actions": [{"type": does, "value": sign} for does, sign in steps]}
        )

    async def _act(self, source: dict[str, Any]) -> None:
        await self._send("input.performActions", actions=[source])

    async def _evaluated(self, expression: str) -> dict[str, Any]:
        said = await self.browser.send(
            "script.evaluate", expression=expression, target={"context": self.context}, awaitPromise=True
        )
        assert said["type"] == "success", said["exceptionDetails"]["text"]
        return dict(said["result"])

    async def _send(self, method: str, **parameters: Any) -> dict[str, Any]:
        return await self.browser.send(method, context=self.context, **parameters)


def _accessible(role: str, name: str) -> dict[str, Any]:
    return {"type": "accessibility", "value": {"role": role, "name": name}}
