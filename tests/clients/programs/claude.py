"""claude (Claude Code): an agent that speaks Anthropic's API."""

import os
import subprocess
import tempfile

environment = {
    **os.environ,
    "ANTHROPIC_BASE_URL": os.environ["CHAT_TUI_URL"],
    "ANTHROPIC_API_KEY": os.environ["CHAT_TUI_TOKEN"],
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
}
with tempfile.TemporaryDirectory() as folder:
    command = ["claude", "--print", "--model", "claude-sonnet-4-5", "say hi"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=150)
    assert "The tool says" in done.stdout, done.stdout + done.stderr
