"""`chat-tui batch` over 10,000 prompts against a server that fails 5 % of the time, killed once on its way.

`python -m tests.benchmarks.batching` prints rate, peak memory and retries, and ends with 1 where a result is missing,
out of order or not whole. `--slow-first 30` holds the first prompt back for so many seconds, in which all others wait
for their turn; `--no-kill` leaves the run alone.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.subjects import ServerProcess, environment, fresh_home

TOKENS = 20
CONCURRENCY = 8


@dataclass(frozen=True)
class Run:
    """What one run of the program took."""

    code: int
    seconds: float
    megabytes: float
    """At its peak."""
    cpu_seconds: float
    told: str


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def run(home: Path, url: str, prompts: Path, out: Path, kill_after_lines: int | None = None) -> Run:
    """Run it to its end, or kill it when the file has so many results."""
    begun = time.perf_counter()
    files = [str(prompts), "--out", str(out)]
    command = [sys.executable, "-m", "chat_tui", "batch", *files, "--concurrency", str(CONCURRENCY)]
    with (home / "told.txt").open("w+") as told:
        process = subprocess.Popen(command, env=environment(home, url), stdout=subprocess.DEVNULL, stderr=told)
        while kill_after_lines is not None and process.poll() is None:
            if out.exists() and out.read_bytes().count(b"\n") >= kill_after_lines:
                process.kill()
                break
            time.sleep(0.1)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        told.seek(0)
        said = told.read()
    took = time.perf_counter() - begun
    return Run(process.returncode, took, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime, said)


def config(home: Path, url: str) -> None:
    """A config with one provider that takes as many streams as are asked for."""
    (home / "config.toml").write_text(
        f'model = "bench/sample"\n[performance]\nmax_concurrent_streams = {CONCURRENCY}\n'
        f'[[providers]]\nname = "bench"\nbase_url = "{url}"\nmodels = ["sample"]\n'
    )


def wrong(out: Path, count: int) -> list[str]:
    """What is not as it must be."""
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    found = [] if len(rows) == count else [f"{len(rows):,} results, not {count:,}"]
    found += [f"place {place} holds {row['index']}" for place, row in enumerate(rows) if row["index"] != place]
    found += [f"{row['index']} is {row['state']}: {row['error']}" for row in rows if row["state"] != "complete"]
    found += [f"{row['index']} answers another" for row in rows if f"number {row['index']} " not in row["prompt"]]
    return found + [f"{path.name} is left" for path in out.parent.glob(f"{out.name}.*")]


def asked(server: ServerProcess) -> int:
    """Requests that the server has seen."""
    with urllib.request.urlopen(server.url.removesuffix("/v1") + "/log", timeout=30) as response:
        return len(json.load(response)["exchanges"])


def measure(count: int, slow_first: float, *, kill: bool) -> int:
    """Write prompts, run, check; gives the exit code."""
    with fresh_home() as home:
        server = ServerProcess("--fails", "0.05")
        try:
            config(home, server.url)
            prompts, few, out = home / "prompts.txt", home / "few.txt", home / "results.jsonl"
            head = f"number 0 [t{TOKENS}-first{slow_first * 1000:.0f}]\n" if slow_first else ""
            lines = [f"number {n} [t{TOKENS}]\n" for n in range(bool(head), count)]
            prompts.write_text(head + "".join(lines))
            few.write_text("".join(lines[:100]))
            small = run(home, server.url, few, home / "few.jsonl")
            say(f"100 prompts: {small.seconds:.1f} s, at most {small.megabytes:.0f} MB")
            before, done = asked(server), 0
            if kill:
                killed = run(home, server.url, prompts, out, kill_after_lines=count // 2)
                done = out.read_bytes().count(b"\n")
                say(f"killed after {killed.seconds:.1f} s with {done:,} results, at most {killed.megabytes:.0f} MB")
            whole = run(home, server.url, prompts, out)
            requests = asked(server) - before
            found = wrong(out, count)
        finally:
            server.close()
    say(whole.told.strip())
    say(
        f"{count - done:,} prompts: {whole.seconds:.1f} s, {(count - done) / whole.seconds:.0f} a second, CPU "
        f"{whole.cpu_seconds / (count - done) * 1000:.1f} ms each, at most {whole.megabytes:.0f} MB; "
        f"{requests - count:,} of {requests:,} requests were second tries or lost with the kill"
    )
    say("\n".join(found[:10] or ["all are complete and in order"]))
    return 1 if found or whole.code else 0


def main() -> int:
    """Read the command line and measure."""
    options = argparse.ArgumentParser(prog="python -m tests.benchmarks.batching", description=__doc__)
    options.add_argument("--prompts", type=int, default=10_000)
    options.add_argument("--slow-first", type=float, default=0, metavar="SECONDS")
    options.add_argument("--no-kill", action="store_true")
    given = options.parse_args()
    return measure(given.prompts, given.slow_first, kill=not given.no_kill)


if __name__ == "__main__":
    sys.exit(main())
