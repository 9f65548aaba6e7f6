"""codex: an agent that speaks the Responses API."""

import os
import subprocess
import tempfile

settings = [
    'model_provider="ours"',
    'model_providers.ours.name="ours"',
    f'model_providers.ours.base_url="{os.environ["CHAT_TUI_URL"]}/v1"',
    'model_providers.ours.env_key="CHAT_TUI_TOKEN"',
    'model_providers.ours.wire_api="responses"',
]
with tempfile.TemporaryDirectory() as folder:
    options = [part for setting in settings for part in ("-c", setting)]
    command = ["codex", "exec", "--skip-git-repo-check", "--model", "gpt-4o", *options, "say hi"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=150)
    assert "The tool says" in done.stdout, done.stdout + done.stderr
