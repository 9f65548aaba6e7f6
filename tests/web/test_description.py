"""The description of the web interface covers all of it, and the app keeps what it promises."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from starlette.routing import Route

from chat_tui.web.app import routes
from chat_tui.web.openapi import OPERATIONS

OPERATION_TESTS = Path(__file__).with_name("described_operations.py")


def test_the_app_does_what_it_says_of_itself() -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "schemathesis.pytest.plugin",
        "-q",
        "-n",
        "0",
        str(OPERATION_TESTS),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"^(\d+) passed in ", done.stdout, re.MULTILINE)
    assert passed, done.stdout
    # All but the stream of events, which has no end.
    assert int(passed[1]) == len(OPERATIONS) - 1


def test_every_route_is_described() -> None:
    there = {(method, route.path) for route in routes() if isinstance(route, Route) for method in route.methods or ()}
    told = {(operation.method, operation.path) for operation in OPERATIONS}
    assert told == {(method, path) for method, path in there if method != "HEAD"}
