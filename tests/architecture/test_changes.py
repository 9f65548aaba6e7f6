"""How many files a small change opens. `docs/architecture.md` names them ("Where does it go?")."""

from __future__ import annotations

import ast

from tests.architecture.test_layers import modules


def places_of(*words: str) -> set[str]:
    """The modules with one of these words as a name, an attribute or a string of its own."""
    return {
        module
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in words)
        or (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id in words)
        or (isinstance(node, ast.Constant) and node.value in words)
    }


def test_the_delay_between_retries_is_in_three_files_besides_the_ranges_of_settings() -> None:
    ranges = {"chat_tui.config.load"}
    batches = {"chat_tui.engine.batch.runner"}
    assert places_of("retry_delay_seconds") - ranges - batches == {
        "chat_tui.config.schema",
        "chat_tui.routing.policy",
        "chat_tui.routing.execution.retry",
    }


def test_a_slash_command_is_a_row_of_a_table_and_a_handler() -> None:
    handlers, rows, line_handlers = _calls("command"), _calls("SlashCommand"), _calls("line_command")
    actions: dict[str, list[str]] = _calls("command_action")
    for module, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "slash" and isinstance(node.value, ast.Constant):
                actions.setdefault(str(node.value.value).partition(",")[0], []).append(module)
    assert len(handlers) > 30
    assert handlers.keys() == actions.keys() >= rows.keys() >= line_handlers.keys()
    places = {
        "chat_tui.config.commands.": rows,
        "chat_tui.tui.actions.": actions,
        "chat_tui.tui.chat.commands.": handlers,
        "chat_tui.cli.line.": line_handlers,
    }
    for place, found in places.items():
        assert all(len(modules) == 1 and modules[0].startswith(place) for modules in found.values())


def _calls(function: str) -> dict[str, list[str]]:
    """The modules that call a function, by the first argument of the call."""
    found: dict[str, list[str]] = {}
    for module, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function:
                [name] = [argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant)]
                found.setdefault(str(name), []).append(module)
    return found
