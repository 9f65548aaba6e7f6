"""The app keeps what its own description promises, whatever is asked of it.

`tests/web/test_description.py` runs these in a process of their own, with schemathesis as a plug-in of pytest:
`pytest -p schemathesis.pytest.plugin tests/web/described_operations.py`. Loading it, and the making of its cases, would
cost each process of each run of tests seconds.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.generation.meta import TestPhase

from chat_tui.config.schema import Web
from chat_tui.web.openapi import OPERATIONS, description
from tests.doubles.model_scripts import Script
from tests.doubles.model_server import ModelServer
from tests.support.web_site import TOKEN, box, site

QUIET = Web(access_log=False, unauthenticated_per_minute=1_000_000)
"""The limits of clients without the token are tested elsewhere (`tests/web/test_strangers.py`)."""
EXAMPLES = 4
"""Of each operation, besides those that cover each rule of its schemas: up to 300 right and wrong ones."""
IS_SEARCHING = os.environ.get("HYPOTHESIS_PROFILE") == "search"
"""Each rule is broken by each kind of wrong value, and each case is sent without a token, too: 800 of an operation."""
load_all_checks()
ENDLESS = "/api/events"
"""Its stream has no end that a test could wait for."""
schema: Any = schemathesis.openapi.from_dict(description(OPERATIONS)).exclude(path=ENDLESS)


@contextmanager
def site_in_a_thread() -> Iterator[str]:
    """The web face over a quick model, its address."""
    told: list[str] = []
    ready, done = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def hold() -> None:
        loops.append(asyncio.get_running_loop())
        async with ModelServer(Script(tokens=3)) as server, site(box(server.base_url, "sample", web=QUIET)) as web:
            told.append(web.url)
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: asyncio.run(hold()))
    thread.start()
    try:
        assert ready.wait(20)
        yield told[0]
    finally:
        loops[0].call_soon_threadsafe(done.set)
        thread.join(20)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with site_in_a_thread() as url:
        yield url


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """One connection for all requests."""
    with requests.Session() as kept:
        # Else each request reads all variables for the proxies in them.
        kept.trust_env = False
        yield kept


_cases_of_rules: dict[object, str] = {}


def is_first_of_its_rule(case: Any) -> bool:
    """Whether no other case covers the rule of the schema that this one covers. A case that is tried again is."""
    if case.meta.phase.name != TestPhase.COVERAGE:
        return True
    data = case.meta.phase.data
    rule = (case.operation.label, data.scenario, data.description, data.location, data.parameter)
    words = repr((case.path_parameters, case.query, case.headers, case.media_type, case.body))
    return _cases_of_rules.setdefault(rule, words) == words


_closed_operations: set[str] = set()
"""Those that were seen to refuse a request without a token, which does not depend on what else is in it."""


@schema.parametrize()  # type: ignore[untyped-decorator]  # schemathesis is loaded dynamically
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
def test_the_app_does_what_it_says_of_itself(case: Any, address: str, session: requests.Session) -> None:
    if not IS_SEARCHING and not is_first_of_its_rule(case):
        return
    checks = CHECKS.get_all()
    if not IS_SEARCHING and case.operation.label in _closed_operations:
        checks = [check for check in checks if check.__name__ != "ignored_auth"]
    if case.operation.body:
        # A schema cannot say which strategies there are, or that the last message must be a user's.
        checks = [check for check in checks if check.__name__ != "positive_data_acceptance"]
    headers = {"Authorization": f"Bearer {TOKEN}"}
    response = case.call_and_validate(base_url=address, session=session, headers=headers, checks=checks, timeout=20)
    if response.status_code < HTTPStatus.MULTIPLE_CHOICES:
        # The check tries a request that was answered again without a token.
        _closed_operations.add(case.operation.label)
