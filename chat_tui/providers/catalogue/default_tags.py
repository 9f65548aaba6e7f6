"""Which size Ollama's library means by a name without a size: `deepseek-r1:latest` has 8 billion weights, not 671."""

from __future__ import annotations

_BILLIONS = {
    **dict.fromkeys(("llama3.2", "orca-mini", "starcoder2", "falcon3"), "3b"),
    **dict.fromkeys(("gemma3", "phi3", "phi3.5"), "4b"),
    **dict.fromkeys(("llama2", "mistral", "qwen", "qwen2", "qwen2.5", "qwen2.5-coder", "qwen2.5vl"), "7b"),
    **dict.fromkeys(("codellama", "codegemma", "llava", "vicuna", "zephyr", "openchat", "neural-chat"), "7b"),
    **dict.fromkeys(("llama3", "llama3.1", "qwen3", "qwen3-vl", "deepseek-r1", "granite3.3", "aya", "dolphin3"), "8b"),
    **dict.fromkeys(("gemma2",), "9b"),
    **dict.fromkeys(("mistral-nemo",), "12b"),
    **dict.fromkeys(("phi4", "phi4-reasoning"), "14b"),
    **dict.fromkeys(("deepseek-coder-v2", "deepseek-v2"), "16b"),
    **dict.fromkeys(("gpt-oss",), "20b"),
    **dict.fromkeys(("codestral",), "22b"),
    **dict.fromkeys(("mistral-small", "mistral-small3.1", "mistral-small3.2", "magistral", "devstral"), "24b"),
    **dict.fromkeys(("qwen3-coder",), "30b"),
    **dict.fromkeys(("qwq",), "32b"),
    **dict.fromkeys(("llama3.3",), "70b"),
    "mixtral": "8x7b",
    "tinyllama": "1.1b",
    "deepseek-coder": "1.3b",
    "moondream": "1.8b",
    "smollm": "1.7b",
    "smollm2": "1.7b",
    "gemma": "7b",
    "phi": "2.7b",
    "yi": "6b",
}
"""By the name in the library; names whose size does not differ from the model that is rated need no row."""


def with_default_size(model_id: str) -> str:
    """Return the id of a model on this machine with its size, if the library's name without one is known."""
    name, _, tag = model_id.partition(":")
    size = _BILLIONS.get(name.lower()) if tag in ("", "latest") else None
    return f"{name}:{size}" if size else model_id
