"""Recognises errors that say that a model, or its server, cannot use tools at all.

Sources of the words: OpenAI, Ollama, OpenRouter, Groq, Mistral, Gemini, DeepInfra, Novita, DeepSeek, llama.cpp, vLLM,
Amazon Bedrock.
"""

from __future__ import annotations

import re

from chat_tui.core.text.lazy_pattern import lazy_pattern

LONGEST = 4000
"""The characters of an error that are searched."""
_TOOLS = r"(?:\btools?(?:[ _-]?(?:use|usage|calls?|calling))?|\bfunction[ _-]?call(?:s|ing)?|\bfunctions)\b"
_NOT = (
    r"(?:not|n't|no longer|\bun)[ -]?(?:yet |currently |be |fully )?"
    r"(?:support|enabl|available|allow|accept|implement)\w*"
)
_REFUSAL = lazy_pattern(
    rf"{_TOOLS}[^.!?\n]{{0,60}}?{_NOT}|{_NOT} (?:[^.!?,;\n]{{0,40}}? )??\W?{_TOOLS}"
    rf"|\bno (?:\w{{1,20}} ){{1,4}}supports? {_TOOLS}",
    re.IGNORECASE,
)
_UNKNOWN_FIELD = lazy_pattern(
    r"tools param requires|unsupported tool_call_parser"
    r"|(?:unknown|unrecogni[sz]ed|unsupported|unexpected)[^.!?\n]{0,60}\W(?:tools|functions)\b"
    r"|\b(?:tools|functions)\b\W{1,3}(?:extra inputs|is not permitted)",
    re.IGNORECASE,
)
_ABOUT_MORE = lazy_pattern(
    r"choice|parallel|strict|forced?\b|\brole|messages?\b|stream|schema|response|built-?in|hosted|\bweb|mime|argument"
    r"|result|multiple|thinking",
    re.IGNORECASE,
)
"""Words that show that only a certain use of tools is refused."""


def refuses_tools(text: str) -> bool:
    """Return whether an error says that tools cannot be used."""
    text = text[:LONGEST]
    if _UNKNOWN_FIELD.search(text):
        return True
    for found in _REFUSAL.finditer(text):
        if not _ABOUT_MORE.search(text, max(0, found.start() - 30), found.end() + 15):
            return True
    return False
