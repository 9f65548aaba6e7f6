"""The OpenAI-compatible API, used by Simon Willison's `llm` as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from tests.doubles.model_scripts import Script
from tests.doubles.model_server import ModelServer
from tests.support.web_site import TOKEN, box, site


async def llm(folder: Path, url: str, *arguments: str) -> str:
    """Run `llm` against this server; its stdout."""
    models = [{"model_id": "ours", "model_name": "auto", "api_base": f"{url}/v1", "api_key_name": "ours"}]
    (folder / "extra-openai-models.yaml").write_text(json.dumps(models))
    (folder / "keys.json").write_text(json.dumps({"ours": TOKEN}))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "llm", *arguments),
        env={**os.environ, "LLM_USER_PATH": str(folder), "LLM_LOAD_PLUGINS": ""},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_llm_asks_and_goes_on_in_its_own_conversation(server: ModelServer, tmp_path: Path) -> None:
    async with site(box(server.base_url, "t20")) as web:
        streamed = await llm(tmp_path, web.url, "-m", "ours", "-s", "Be brief.", "One?")
        whole = await llm(tmp_path, web.url, "-c", "--no-stream", "Two?")
    assert streamed.rstrip("\n") == whole.rstrip("\n") == "".join(Script(tokens=20).pieces()).rstrip("\n")
    first, second = (
        [(message["role"], message["content"]) for message in exchange.body["messages"]]
        for exchange in server.exchanges
    )
    assert first == [("system", "Be brief."), ("user", "One?")]
    assert [role for role, _ in second] == ["system", "user", "assistant", "user"]
    assert second[-1] == ("user", "Two?")
