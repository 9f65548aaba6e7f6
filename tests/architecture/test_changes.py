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


def test_a_slash_command_is_a_row_of_the_table_of_actions_and_a_handler() -> None:
    handlers: dict[str, list[str]] = {}
    for module, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "command":
                [name] = [argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant)]
                handlers.setdefault(str(name), []).append(module)
    rows: dict[str, list[str]] = {}
    for module, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "slash" and isinstance(node.value, ast.Constant):
                rows.setdefault(str(node.value.value).partition(",")[0], []).append(module)
    assert len(handlers) > 30
    assert handlers.keys() == rows.keys()
    assert all(len(found) == 1 for found in (*handlers.values(), *rows.values()))
    assert all(module.startswith("chat_tui.tui.actions.") for [module] in rows.values())
    assert all(module.startswith("chat_tui.tui.chat.commands.") for [module] in handlers.values())
