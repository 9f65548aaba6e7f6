"""Two examples for each command, shown at the end of its help."""

from __future__ import annotations

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[str, str]] = {
    "chat-tui": (
        'chat-tui "What is a monad?"',
        "git diff | chat-tui -s 'You review code' 'What could break?'",
    ),
    "chat-tui ask": (
        'chat-tui ask -m local/smollm2-135m "What is a monad?"',
        'chat-tui ask -c "And an example in Python?"',
    ),
    "chat-tui open": ("chat-tui open last", "chat-tui open monad"),
    "chat-tui chat": ("chat-tui chat", "chat-tui chat -c -m scripted/demo"),
    "chat-tui compare": (
        'chat-tui compare "Explain tail calls"',
        'chat-tui compare --models groq/llama-3.3-70b-versatile,openai/gpt-4o-mini "Explain tail calls"',
    ),
    "chat-tui batch": (
        "chat-tui batch prompts.txt --out answers.jsonl",
        "chat-tui batch prompts.jsonl -t cost-optimized --max-price 0.01 --out answers.jsonl",
    ),
    "chat-tui route": (
        'chat-tui route "Prove that there are infinitely many primes"',
        'chat-tui route --json -t quality-first "Thanks!"',
    ),
    "chat-tui serve": ("chat-tui serve", "CHAT_TUI_TOKEN=… chat-tui serve --host 0.0.0.0 --port 8080"),
    "chat-tui auth": ("chat-tui auth add openai", "chat-tui auth list"),
    "chat-tui auth add": ("chat-tui auth add openai", "pass show groq | chat-tui auth add groq --file"),
    "chat-tui auth remove": ("chat-tui auth remove openai", "chat-tui auth remove groq"),
    "chat-tui auth list": ("chat-tui auth list", "chat-tui auth list --json"),
    "chat-tui models": ("chat-tui models list", "chat-tui models add 192.168.1.20:8000"),
    "chat-tui models list": ("chat-tui models list", "chat-tui models list --json"),
    "chat-tui models add": (
        "chat-tui models add 192.168.1.20:8000",
        "chat-tui models add ~/models/qwen.gguf --name qwen",
    ),
    "chat-tui models get": ("chat-tui models get", "chat-tui models get ORG/REPO:Q4_K_M --name small"),
    "chat-tui models remove": ("chat-tui models remove qwen", "chat-tui models remove small --json"),
    "chat-tui tools": (
        "chat-tui tools add files -- npx -y @modelcontextprotocol/server-filesystem ~/notes",
        "chat-tui tools list",
    ),
    "chat-tui tools list": ("chat-tui tools list", "chat-tui tools list --json"),
    "chat-tui tools add": (
        "chat-tui tools add time -- uvx mcp-server-time",
        "chat-tui tools add wiki --url https://wiki.example/mcp --header 'Authorization: Bearer $WIKI_TOKEN'",
    ),
    "chat-tui tools remove": ("chat-tui tools remove time", "chat-tui tools remove wiki"),
    "chat-tui tools test": ("chat-tui tools test time", "chat-tui tools test time --json"),
    "chat-tui tools login": ("chat-tui tools login wiki", "chat-tui tools login issues"),
    "chat-tui tools import": ("chat-tui tools import ~/.cursor/mcp.json", "chat-tui tools import .mcp.json"),
    "chat-tui doctor": ("chat-tui doctor", "chat-tui doctor --online --json"),
    "chat-tui config": ("chat-tui config edit", "chat-tui config show"),
    "chat-tui config path": ("chat-tui config path", "chat-tui config path | xargs cat"),
    "chat-tui config show": ("chat-tui config show", "chat-tui config show --all --json"),
    "chat-tui config edit": ("chat-tui config edit", "EDITOR=nano chat-tui config edit"),
    "chat-tui config check": ("chat-tui config check", "CHAT_TUI_CONFIG=other.toml chat-tui config check"),
    "chat-tui memory": ("chat-tui memory show", "chat-tui memory edit"),
    "chat-tui memory show": ("chat-tui memory show", "chat-tui memory show | grep -i language"),
    "chat-tui memory edit": ("chat-tui memory edit", "EDITOR=nano chat-tui memory edit"),
    "chat-tui paths": ("chat-tui paths", "chat-tui paths --json"),
    "chat-tui completion": (
        "chat-tui completion bash > ~/.local/share/bash-completion/completions/chat-tui",
        "chat-tui completion fish > ~/.config/fish/completions/chat-tui.fish",
    ),
    "chat-tui settings": ("chat-tui settings", "chat-tui settings | grep temperature"),
    "chat-tui history": ("chat-tui history list", "chat-tui history search 'tail calls'"),
    "chat-tui history list": ("chat-tui history list --limit 10", "chat-tui history list --deleted"),
    "chat-tui history show": ("chat-tui history show last", "chat-tui history show monads --all"),
    "chat-tui history search": (
        "chat-tui history search tail calls",
        "chat-tui history search '\"tail calls\" model:llama after:7d'",
    ),
    "chat-tui history export": (
        "chat-tui history export last --format html --out chat.html",
        "chat-tui history export --all --out backup.jsonl",
    ),
    "chat-tui history import": ("chat-tui history import chatgpt.zip", "chat-tui history import backup.jsonl"),
    "chat-tui history delete": ("chat-tui history delete last", "chat-tui history delete 1a22dd29 --yes"),
    "chat-tui history restore": ("chat-tui history restore last", "chat-tui history restore 1a22dd29"),
    "chat-tui history check": ("chat-tui history check", "chat-tui history check --json"),
    "chat-tui history backup": ("chat-tui history backup", "chat-tui history backup ~/chat-backup.db"),
}
"""Command lines by the command, with its action."""
