"""opencode: an agent that answers with its own tools."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

with tempfile.TemporaryDirectory() as folder:
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": os.environ["CHAT_TUI_URL"] + "/v1", "apiKey": os.environ["CHAT_TUI_TOKEN"]},
        "models": {"gpt-4o": {"name": "GPT"}},
    }
    Path(folder, "opencode.json").write_text(json.dumps({"provider": {"ours": provider}, "model": "ours/gpt-4o"}))
    command = ["opencode", "run", "--model", "ours/gpt-4o", "say hi"]
    environment = {**os.environ, "OPENCODE_CONFIG": str(Path(folder, "opencode.json"))}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=150)
    assert "The tool says" in done.stdout, done.stdout + done.stderr
