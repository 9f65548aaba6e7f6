"""What can be said of an answer, in words: below it, on stderr."""

from __future__ import annotations

from chat_tui.core.chunks import Insights


def breakdown(insights: Insights) -> str:
    """Format insights as lines: length, reading time, sentiment, keywords, and what plug-ins say."""
    lines = [
        f"Length: {insights.characters:,} characters, {insights.words:,} words",
        f"Reading time: about {insights.reading_seconds:,.0f} seconds",
    ]
    if (sentiment := insights.sentiment) is None:
        lines.append("Sentiment: unknown (English only)")
    else:
        counts = f"positive {sentiment.positive}, negative {sentiment.negative}, neutral {sentiment.neutral}"
        lines.append(f"Sentiment: {counts} (polarity {sentiment.polarity:+.2f})")
    if insights.keywords:
        lines.append("Top keywords: " + ", ".join(f"{word} ({count})" for word, count in insights.keywords))
    for name, figures in insights.extras.items():
        lines.append(f"{name}: " + ", ".join(f"{label} {value}" for label, value in figures.items()))
    return "\n" + "\n".join(lines) + "\n"
