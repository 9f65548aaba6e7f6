"""Style sheets that are parsed once for all apps of the tests: a quarter of the time that an app takes to start."""

from __future__ import annotations

from functools import wraps

from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.css.types import CSSLocation


def share_parsed_styles() -> None:
    """Let Textual's style sheets share the rules that they have parsed, which an app does not change."""
    parse = Stylesheet._parse_rules
    parsed: dict[object, list[RuleSet]] = {}

    @wraps(parse)
    def parse_once(
        self: Stylesheet,
        css: str,
        read_from: CSSLocation,
        is_default_rules: bool = False,
        tie_breaker: int = 0,
        scope: str = "",
    ) -> list[RuleSet]:
        variables = tuple(self._variables.items())
        key = css, read_from, is_default_rules, tie_breaker, scope, variables
        if (rules := parsed.get(key)) is None:
            rules = parsed[key] = parse(self, css, read_from, is_default_rules, tie_breaker, scope)
        return rules

    Stylesheet._parse_rules = parse_once  # type: ignore[method-assign]
