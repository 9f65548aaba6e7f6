"""Providers that cannot be used are told of once, and the built-in model does not replace them without a word."""

from __future__ import annotations

from chat_tui.bootstrap.unusable_providers import UnusableProviders
from chat_tui.core.errors import ChatTuiError, KeyMissing, KeyRefused, Notice
from chat_tui.core.models import LOCAL_MODEL, Model
from chat_tui.core.request import Request

MISSING = KeyMissing("No API key for groq.", "Set $GROQ_API_KEY.", provider="groq")
BUILT_IN = Model(LOCAL_MODEL, local=True)


def test_each_is_told_once_until_something_else_is_wrong_with_it() -> None:
    told: list[ChatTuiError] = []
    unusable = UnusableProviders(told.append)
    unusable.note("groq", MISSING)
    unusable.note("groq", MISSING)
    assert [error.title for error in told] == ["groq cannot be used: No API key for groq. Set $GROQ_API_KEY."]
    assert all(isinstance(error, Notice) and not error.hint for error in told)
    unusable.note("groq", KeyRefused("groq refused the key.", provider="groq"))
    assert len(told) == 2
    unusable.note("groq", None)
    unusable.note("groq", MISSING)
    assert len(told) == 3


def test_the_route_of_a_chosen_model_has_the_reasons_and_of_a_named_one_not() -> None:
    told: list[ChatTuiError] = []
    unusable = UnusableProviders(told.append)
    other = Model("box/tiny")
    assert unusable.remarks(other, Request(prompt="x")) == ()
    unusable.note("groq", MISSING)
    (remark,) = unusable.remarks(other, Request(prompt="x"))
    assert (remark.event, remark.model, remark.attempt) == ("note", "box/tiny", 0)
    assert remark.reason.startswith("groq cannot be used")
    assert unusable.remarks(other, Request(prompt="x", model="box/tiny")) == ()
    unusable.note("groq", None)
    assert unusable.remarks(other, Request(prompt="x")) == ()


def test_the_built_in_model_says_whom_it_replaces_once_and_in_each_route() -> None:
    told: list[ChatTuiError] = []
    unusable = UnusableProviders(told.append)
    unusable.note("groq", MISSING)
    for _ in range(2):
        remarks = unusable.remarks(BUILT_IN, Request(prompt="x"))
        assert remarks[-1].reason == f"The built-in model ({LOCAL_MODEL}) answers instead of groq."
    assert len(told) == 2
    unusable.note("mistral", MISSING)
    unusable.remarks(BUILT_IN, Request(prompt="x"))
    assert told[-1].title == f"The built-in model ({LOCAL_MODEL}) answers instead of groq, mistral."


REFUSED = KeyRefused("groq refused the key.", provider="groq")


def test_a_question_that_was_refused_is_in_the_routes_of_others_until_one_is_answered() -> None:
    told: list[ChatTuiError] = []
    unusable = UnusableProviders(told.append)
    unusable.note("groq", None)
    unusable.note_question("groq", REFUSED)
    # The question's own error tells the user.
    assert told == []
    (remark,) = unusable.remarks(Model("box/tiny"), Request(prompt="x"))
    assert remark.reason == "groq cannot be used: groq refused the key."
    assert unusable.remarks(Model("groq/llama"), Request(prompt="x")) == ()
    assert [remark.reason for remark in unusable.remarks(BUILT_IN, Request(prompt="x"))][-1].endswith("of groq.")
    unusable.note_question("groq", None)
    assert unusable.remarks(Model("box/tiny"), Request(prompt="x")) == ()


def test_an_answer_to_a_question_does_not_hide_that_the_list_is_refused() -> None:
    told: list[ChatTuiError] = []
    unusable = UnusableProviders(told.append)
    unusable.note("groq", MISSING)
    unusable.note_question("groq", REFUSED)
    unusable.note_question("groq", None)
    (remark,) = unusable.remarks(Model("box/tiny"), Request(prompt="x"))
    assert "No API key" in remark.reason
