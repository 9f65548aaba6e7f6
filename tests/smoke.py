"""The smoke test: does an installed chat-tui start and answer with the versions of its dependencies that are there?

Run as `python -m tests.smoke [CHECK …]` with the Python of an environment that holds the package; nothing of the `test`
extra is needed. Each check exercises one or more dependencies through the program itself, against a server on loopback.
Writes one line a check; exit code 1 when one of them failed.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.support.pty_terminal import PtyTerminal

PROGRAM = Path(sys.executable).with_name("chat-tui")
MODEL = "openai/gpt-4o"
"""A model whose price is known, answered by the server on loopback."""
ANSWER = "Good **day** to you."
SECONDS = 60.0
"""For each step: a loaded machine compiles every module at the first start."""
CONFIG = """
model = "openai/gpt-4o"

# A server elsewhere, as far as the program knows: what a server on this machine answers has no price.
[[providers]]
name = "openai"
base_url = "http://models.invalid/v1"
proxy = "http://127.0.0.1:{port}"
api_key_env = "SMOKE_KEY"
"""


class ModelPage(BaseHTTPRequestHandler):
    """As much of an OpenAI-compatible server, and of a hub of models, as the checks need."""

    protocol_version = "HTTP/1.1"
    questions: list[str] = []
    """The bodies that were posted, oldest first."""
    model_file = b"GGUF" + b"\3\0\0\0" + bytes(16)

    def log_message(self, *_: Any) -> None: ...

    def do_HEAD(self) -> None:
        self._file()

    def do_GET(self) -> None:
        if self.path.startswith("/api/models/org/tiny"):
            row = {"rfilename": "tiny-Q4_0.gguf", "size": len(self.model_file)}
            self._send("application/json", json.dumps({"id": "org/tiny", "sha": "c" * 40, "siblings": [row]}).encode())
        elif self.path.endswith(".gguf"):
            self._file()
        else:
            self._send("application/json", b'{"object": "list", "data": [{"id": "gpt-4o", "object": "model"}]}')

    def do_POST(self) -> None:
        self.questions.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        deltas = [{"choices": [{"index": 0, "delta": {"content": word}}]} for word in re.findall(r"\S+\s*", ANSWER)]
        usage = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage}
        lines = [f"data: {json.dumps(event)}\n\n" for event in [*deltas, end]]
        self._send("text/event-stream", "".join([*lines, "data: [DONE]\n\n"]).encode())

    def _file(self) -> None:
        self._send("application/octet-stream", self.model_file, [("ETag", '"tiny"'), ("X-Repo-Commit", "c" * 40)])

    def _send(self, content_type: str, body: bytes, more: list[tuple[str, str]] | None = None) -> None:
        self.send_response(200)
        for name, value in [("Content-Type", content_type), ("Content-Length", str(len(body))), *(more or [])]:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class Bench:
    """A home for the program, and the server that answers it."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port
        config = home / "config.toml"
        config.write_text(CONFIG.format(port=port))
        keyring = home / "config" / "python_keyring" / "keyringrc.cfg"
        keyring.parent.mkdir(parents=True)
        keyring.write_text("[backend]\ndefault-keyring=keyring.backends.null.Keyring\n")
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            **{f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CONFIG", "DATA", "CACHE", "STATE")},
            "CHAT_TUI_CONFIG": str(config),
            "SMOKE_KEY": "sk-smoke",
            "HF_ENDPOINT": f"http://127.0.0.1:{port}",
            # Nothing is to be fetched.
            "PIP_NO_INDEX": "1",
        }

    def run(self, *arguments: str, stdin: str = "", code: int = 0) -> str:
        """What the program writes to stdout, or to stderr where it is to fail; AssertionError for another exit code."""
        done = subprocess.run(
            [PROGRAM, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=self.environment,
            cwd=self.home,
            timeout=SECONDS,
        )
        assert done.returncode == code, f"exit code {done.returncode}: {done.stderr or done.stdout}"
        return done.stderr if code else done.stdout


def check_ask(bench: Bench) -> None:
    """httpx, anyio, msgspec, platformdirs."""
    assert ANSWER in bench.run("ask", "Hello")


def check_prices(bench: Bench) -> None:
    """The first question has them looked up, the next one knows them."""
    bench.run("ask", "--json", "Hello")
    end = json.loads(bench.run("ask", "--json", "Hello again").splitlines()[-1])
    assert end["cost"], f"the cost is {end['cost']}"


def check_insights(bench: Bench) -> None:
    """The insights into an answer."""
    metadata = [json.loads(line) for line in bench.run("ask", "--json", "--insights", "Hello").splitlines()]
    assert any("sentiment" in json.dumps(chunk) for chunk in metadata), metadata


def check_pdf(bench: Bench) -> None:
    """pypdf."""
    file = bench.home / "a.pdf"
    file.write_bytes(pdf("On lakes"))
    bench.run("ask", "--attach", str(file), "What is it about?")
    assert "On lakes" in ModelPage.questions[-1], ModelPage.questions[-1]


def check_keyring(bench: Bench) -> None:
    """keyring, with a backend that keeps nothing; without it one line says what adds it, and the file takes the key."""
    add = "auth", "add", "mistral", "--no-check"
    if find_spec("keyring") is not None:
        bench.run(*add, "--keyring", stdin="sk-none\n")
        return
    assert "keyring>=24" in bench.run(*add, "--keyring", stdin="sk-none\n", code=1)
    assert "keyring>=24" in bench.run(*add, stdin="sk-none\n")
    assert "mistral" in bench.run("auth", "list")


def check_size(bench: Bench) -> None:
    """What an environment of its own holds without extras: few packages, and not large ones."""
    from importlib.metadata import distributions

    sizes: dict[str, int] = {}
    for each in distributions():
        if each.name not in {"pip", "setuptools", "wheel", "uv"}:
            files = [Path(str(each.locate_file(path))) for path in each.files or ()]
            sizes[each.name] = sum(file.stat().st_blocks * 512 for file in files if file.exists())
    total = sum(sizes.values()) / 1e6
    sys.stdout.write(f"        {len(sizes)} packages, {total:.0f} MB\n")
    assert len(sizes) <= 30, sorted(sizes)
    assert total <= 60, sorted(sizes.items(), key=lambda pair: -pair[1])[:10]


def check_batch(bench: Bench) -> None:
    """Many prompts from a file."""
    file = bench.home / "prompts.txt"
    file.write_text("One\nTwo\n")
    assert bench.run("batch", str(file)).count(ANSWER) == 2


def check_line(bench: Bench) -> None:
    """Line mode, with prompt_toolkit or, without it, with plain lines and a word about what adds it."""
    with PtyTerminal([str(PROGRAM), "chat", "--model", MODEL], env=bench.environment, folder=bench.home) as terminal:
        if find_spec("prompt_toolkit") is None:
            terminal.wait_for("prompt_toolkit>=", SECONDS)
        terminal.wait_for("You:", SECONDS)
        terminal.send("Hello\r")
        terminal.wait_for("to you.", SECONDS)
        terminal.send("/quit\r")
        assert terminal.wait_exit(SECONDS) == 0


def check_schema(bench: Bench) -> None:
    """jsonschema; without it one line says what adds it."""
    told = bench.run("ask", "--schema", "name", "Who?", code=1 if find_spec("jsonschema") else 2)
    assert ("not JSON" if find_spec("jsonschema") else "jsonschema>=") in told, told


def check_pull(bench: Bench) -> None:
    """httpx: a model from a hub."""
    pulled = json.loads(bench.run("models", "pull", "org/tiny", "--json"))["pulled"]
    assert Path(pulled["path"]).read_bytes() == ModelPage.model_file


def check_add_server(bench: Bench) -> None:
    """tomlkit: a server is added to the config, whose comments stay."""
    bench.run("models", "add", f"127.0.0.1:{bench.port}", "--name", "box")
    assert "# A server elsewhere" in (bench.home / "config.toml").read_text()
    assert ANSWER in bench.run("ask", "--model", "box/gpt-4o", "Hello")


def check_certificates(bench: Bench) -> None:
    """truststore."""
    code = (
        "from chat_tui.core.models import Provider\n"
        "from chat_tui.providers.http.trust import tls_verification\n"
        "tls_verification(Provider('x'))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=bench.environment, timeout=SECONDS)


def check_built_in_model(bench: Bench) -> None:
    """What runs the built-in model is no dependency: where it cannot be fetched, one sentence says so."""
    assert "not fetched" in bench.run("models", "list")
    told = bench.run("ask", "--model", "local/smollm2-135m", "Hello", code=1)
    # That is what pip finds, which need not be installed.
    assert "llama.cpp" in told, told
    assert "does not have it" in told, told
    assert "Traceback" not in told, told


def check_serve(bench: Bench) -> None:
    """starlette, uvicorn, websockets, prometheus-client: the page, both APIs and the metrics."""
    server = subprocess.Popen(
        [PROGRAM, "serve", "--port", "0"], stdout=subprocess.PIPE, env=bench.environment, cwd=bench.home, text=True
    )
    assert server.stdout is not None
    try:
        line = server.stdout.readline()
        found = re.search(r"(http://[\d.:]+)/?\S*?token=([\w-]+)", line)
        assert found is not None, f"no address in {line!r}"
        url, token = found.groups()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        assert "<html" in fetched(f"{url}/", headers)
        assert "chat_tui" in fetched(f"{url}/metrics", headers)
        body = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
        said = json.loads(fetched(f"{url}/v1/chat/completions", headers, body))
        assert said["choices"][0]["message"]["content"] == ANSWER, said
        assert "day" in fetched(f"{url}/stream", headers, {"prompt": "Hello"})
        assert "day" in asyncio.run(spoken(f"ws{url[4:]}/ws", token))
    finally:
        server.terminate()
        server.wait(SECONDS)
        server.stdout.close()


async def spoken(url: str, token: str) -> str:
    """What the socket answers."""
    from websockets.asyncio.client import connect

    said = ""
    async with asyncio.timeout(SECONDS), connect(url, additional_headers={"Authorization": f"Bearer {token}"}) as line:
        await line.send(json.dumps({"type": "generate", "requestId": "a", "prompt": "Hello"}))
        while (message := json.loads(await line.recv()))["type"] not in {"complete", "error"}:
            said += message.get("token", "")
    return said


def fetched(url: str, headers: dict[str, str], body: object = None) -> str:
    """The body of a reply; posts where there is a body to send."""
    data = None if body is None else json.dumps(body).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, data, headers), timeout=SECONDS) as reply:
        return str(reply.read().decode())


def check_screen(bench: Bench) -> None:
    """textual, rich, markdown-it-py, pygments: the screen starts, answers, opens its lists and ends."""
    with PtyTerminal([str(PROGRAM), "--model", MODEL], env=bench.environment, folder=bench.home) as terminal:
        terminal.wait_for("\x1b[?2004h", SECONDS)
        terminal.wait_quiet(1.0)
        start = terminal.written
        terminal.send("Hello there")
        terminal.wait_for("there", SECONDS, start)
        terminal.send("\r")
        terminal.wait_for("day", SECONDS, start)
        terminal.wait_quiet(1.0)
        for keys, shown in (("\x0f", "gpt-4o"), ("\x1bOP", "Ctrl"), ("\x1b[A", "Hello")):
            start = terminal.written
            terminal.send(keys)
            terminal.wait_for(shown, SECONDS, start)
            terminal.wait_quiet(0.5)
            terminal.send("\x1b")
            terminal.wait_quiet(0.5)
        terminal.send("\x11")
        assert terminal.wait_exit(SECONDS) == 0
        assert b"has crashed" not in terminal.raw()


CHECKS: tuple[Callable[[Bench], None], ...] = (
    check_ask,
    check_screen,
    check_serve,
    check_prices,
    check_insights,
    check_pdf,
    check_keyring,
    check_size,
    check_batch,
    check_line,
    check_schema,
    check_pull,
    check_add_server,
    check_certificates,
    check_built_in_model,
)


def pdf(text: str) -> bytes:
    """A file of one page."""
    stream = f"BT /F1 24 Tf 72 700 Td ({text}) Tj ET"
    page = "/MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >>"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R {page} >>",
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    written, offsets = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(written))
        written += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    end = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(written)}\n%%EOF\n"
    return f"{written}xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{end}".encode()


@contextmanager
def bench() -> Iterator[Bench]:
    """A bench, taken down at the end."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), ModelPage)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield Bench(Path(folder), server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> int:
    """Run the checks; those that are named, or all."""
    failed = 0
    wanted = sys.argv[1:]
    with bench() as stand:
        for check in CHECKS:
            name = check.__name__.removeprefix("check_")
            if wanted and name not in wanted:
                continue
            started = time.monotonic()
            try:
                check(stand)
            except (AssertionError, OSError, TimeoutError, subprocess.SubprocessError, KeyError, ValueError) as error:
                failed += 1
                sys.stdout.write(f"FAILED  {name}: {type(error).__name__}: {error}\n")
            else:
                sys.stdout.write(f"ok      {name} ({time.monotonic() - started:.1f} s)\n")
            sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
