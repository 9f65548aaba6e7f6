"""Runs the tool calls of answers: asks for consent, runs them one after the other, and asks the model again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from chat_tui.core.chunks import State
from chat_tui.core.conversation import Conversation
from chat_tui.core.errors import ChatTuiError, HistoryError, InternalError, ToolFailed
from chat_tui.core.request import Request
from chat_tui.core.settings.conversation_settings import NewConversation, decode_settings
from chat_tui.core.text.control_characters import clean
from chat_tui.core.tools import (
    INTERRUPTED,
    VALUES_LIMIT,
    GivenConsent,
    OfferedTool,
    ToolCall,
    ToolOutput,
    ToolUse,
    decode_arguments,
    is_elaborate,
)
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.answers.tool_round import RefuseCall, RunCall, StopCalls, ToolOffer, ToolRound
from chat_tui.engine.cleaning import clean_in_pieces
from chat_tui.engine.conversations.conversations import Conversations
from chat_tui.engine.protocols import ToolBackend
from chat_tui.engine.tools.consent import (
    consent_to,
    decide,
    select_tools,
    was_changed,
    with_consent,
    without_consents,
)
from chat_tui.engine.tools.result_branch import ResultBranch

CALLS_LIMIT = 10
"""Calls that one question may run, unless the config says otherwise."""
RESULT_CHARACTERS = 200_000
"""The longest text of a result, in case a backend sends more."""


AskAgain = Callable[[ResultBranch, ToolOffer, str, bool], Awaitable[Answer]]
"""Begins the answer that follows (these results, what the last answer was offered, its model, whether more calls are
allowed). Raises `ChatTuiError`."""


class ToolLoop:
    """Offers the tools of conversations, and runs what models call."""

    def __init__(
        self,
        backend: ToolBackend,
        conversations: Conversations,
        *,
        ask_again: AskAgain,
        tell: Callable[[ChatTuiError], None],
        calls_limit: int = CALLS_LIMIT,
    ) -> None:
        self.backend = backend
        """The tool servers."""
        self._conversations, self._ask_again, self._tell = conversations, ask_again, tell
        self._limit = calls_limit
        self._answers: dict[str, list[Answer]] = {}
        """Answers whose calls have not ended, by the conversation's id."""
        self._tasks: set[asyncio.Task[None]] = set()

    def __contains__(self, conversation_id: str) -> bool:
        """Whether calls of this conversation run or wait."""
        return conversation_id in self._answers

    def rounds(self, conversation_id: str) -> Sequence[ToolRound]:
        """Return the rounds of a conversation that have not ended."""
        return tuple(answer.round for answer in self.answers(conversation_id) if answer.round is not None)

    def answers(self, conversation_id: str) -> Sequence[Answer]:
        """Return the answers of a conversation whose calls have not ended."""
        return tuple(self._answers.get(conversation_id, ()))

    def calling(self) -> Sequence[Answer]:
        """Return the answers of all conversations whose calls have not ended."""
        return [answer for answers in self._answers.values() for answer in answers]

    def conversations(self, *, asking: bool = False) -> Collection[str]:
        """Return the ids of the conversations whose calls have not ended; `asking`: of those that wait for a person."""
        if not asking:
            return frozenset(self._answers)
        return frozenset(id for id in self._answers if any(round.asked is not None for round in self.rounds(id)))

    # -- offering -------------------------------------------------------------------------------------------------

    async def prepare(self, conversation: str | NewConversation | None, settings: Request | None) -> None:
        """Make ready for a question: stop the calls that run in the conversation, and start the tool servers that are
        on.

        That may take seconds, so it is done outside of the lock for asking. A server that cannot start says so in its
        status. Raises `HistoryError`.
        """
        if isinstance(conversation, str):
            await self.stop(conversation)
            own = decode_settings((await self._conversations.conversation(conversation)).settings).tools
        else:
            own = conversation.settings.tools if conversation is not None else None
        use = (settings.tool_use if settings is not None else None) or own
        if use is not None and use.servers:
            await self.backend.start(use.servers)

    def known_tools(self, use: ToolUse) -> Sequence[OfferedTool]:
        """Return the tools that an answer would be offered, as far as they are known without starting a server."""
        if not use.servers:
            return ()
        return select_tools(use, [tool for status in self.backend.statuses() for tool in status.tools])

    async def offer(self, use: ToolUse, settings: Request, calls_made: int = 0) -> ToolOffer | None:
        """Return the tools that an answer may use; None if there are none."""
        if not use.servers:
            return None
        tools = tuple(select_tools(use, await self.backend.start(use.servers)))
        return ToolOffer(tools, use, settings, calls_made) if tools else None

    # -- running --------------------------------------------------------------------------------------------------

    def begin(self, answer: Answer) -> None:
        """Begin to run the calls of an answer that has just ended."""
        assert answer.round is not None
        self._answers.setdefault(answer.conversation_id, []).append(answer)
        task = asyncio.ensure_future(self._run(answer, answer.round))
        self._tasks.add(task)
        task.add_done_callback(self._note_end)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._tell(InternalError(f"Internal error in chat-tui: {error!r}.", "Please report it."))

    def release(self, offer: ToolOffer) -> None:
        """Let servers end that no running answer or call may use any more."""
        used = {
            tool.server
            for answers in self._answers.values()
            for each in answers
            if each.offer
            for tool in each.offer.tools
        }
        if idle := {tool.server for tool in offer.tools} - used:
            task = asyncio.ensure_future(self.backend.release(idle))
            self._tasks.add(task)
            task.add_done_callback(self._note_end)

    async def stop(self, conversation_id: str) -> None:
        """Stop the calls of a conversation, and wait until they have ended."""
        rounds = self.rounds(conversation_id)
        for one in rounds:
            one.stop()
        for one in rounds:
            async for _ in one.follow():
                pass

    async def close(self) -> None:
        """Stop all calls and all servers."""
        for conversation_id in list(self._answers):
            await self.stop(conversation_id)
        if self._tasks:
            await asyncio.wait(list(self._tasks))
        await self.backend.close()

    async def _run(self, answer: Answer, round: ToolRound) -> None:
        offer = answer.offer
        assert offer is not None
        branch = ResultBranch(self._conversations, answer)
        following: Answer | None = None
        notice = ""
        try:
            await answer.saved.wait()
            made = offer.calls_made
            for place in range(len(round.statuses)):
                await self._settle_call(branch, round, place, offer, is_over=made >= self._limit)
                made += 1
            if not round.was_stopped():
                may_call = made < self._limit
                notice = "" if may_call else f"The limit of {self._limit} tool calls for one question is reached."
                if offer.calls_made >= self._limit:
                    # The model was told to answer. Asked once more, it might call for ever.
                    notice += " The model calls tools instead of answering, so it is not asked again."
                else:
                    offer = msgspec.structs.replace(offer, calls_made=made)
                    following = await self._ask_again(branch, offer, answer.turn.model, may_call)
                if following is not None and round.was_stopped():
                    # A person was faster.
                    await following.cancel()
        except ChatTuiError as error:
            self._tell(error)
        finally:
            self._answers[answer.conversation_id].remove(answer)
            if not self._answers[answer.conversation_id]:
                del self._answers[answer.conversation_id]
            answer.next = following
            round.end(notice)
            if following is None:
                self.release(offer)

    async def _settle_call(
        self, branch: ResultBranch, round: ToolRound, place: int, offer: ToolOffer, *, is_over: bool
    ) -> None:
        """Decide about one call and run it."""
        status = round.statuses[place]
        call, tool = status.call, status.tool
        # In a thread: a megabyte takes a few milliseconds.
        arguments, fault = await asyncio.to_thread(_decode, call.arguments)
        status = round.change(place, arguments=arguments)
        if refusal := _why_not(call, tool, offer, is_over=is_over) or fault:
            await self._store_outcome(branch, round, place, "failed", refusal)
            return
        assert tool is not None
        assert arguments is not None
        tool = self._newest(tool)
        use = await self._current_use(branch.conversation_id, offer)
        round.change(place, tool=tool, was_changed=was_changed(use, tool, arguments))
        verdict = decide(use, tool, arguments)
        if verdict == "refuse":
            told = f"The tool {call.name} is not allowed here."
            await self._store_outcome(branch, round, place, "refused", told)
            return
        decision = await round.ask(place) if verdict == "ask" else StopCalls() if round.was_stopped() else RunCall()
        if isinstance(decision, StopCalls):
            round.stop()
            await self._store_outcome(branch, round, place, "cancelled", "This call was not run.")
            return
        if isinstance(decision, RefuseCall):
            reason = clean(decision.reason).strip()
            told = f"The user refused this call{f': {reason}' if reason else '.'}"
            await self._store_outcome(branch, round, place, "refused", told)
            return
        if decision.always:
            asked = arguments if decision.arguments is None else decision.arguments
            await self._remember_consent(branch.conversation_id, consent_to(tool, asked))
        await self._run_call(branch, round, place, decision.arguments)

    def _newest(self, tool: OfferedTool) -> OfferedTool:
        """Return the tool as its server describes it now; it may have changed since the model was offered it."""
        listed = (each for status in self.backend.statuses() if status.name == tool.server for each in status.tools)
        now = next((each for each in listed if each.own_name == tool.own_name), tool)
        return msgspec.structs.replace(now, tool=msgspec.structs.replace(now.tool, name=tool.tool.name))

    async def _run_call(
        self, branch: ResultBranch, round: ToolRound, place: int, changed: Mapping[str, Any] | None
    ) -> None:
        status = round.statuses[place]
        tool, arguments = status.tool, status.arguments if changed is None else changed
        assert tool is not None
        assert arguments is not None
        edited = "" if changed is None else msgspec.json.encode(changed).decode()
        turn = await branch.begin(status.call, tool, edited)
        round.change(place, state="running", arguments=arguments, result=turn)
        running = asyncio.ensure_future(self.backend.call(tool, arguments))
        round.watch(running)
        try:
            output = await running
            state: State = "failed" if output.is_error else "complete"
        except ToolFailed as error:
            state, output = "failed", ToolOutput(str(error), is_error=True)
        except asyncio.CancelledError:
            if not round.was_stopped():
                # The program ends: what the call has done is not known.
                await branch.end(turn, "broken", ToolOutput(INTERRUPTED))
                raise
            state, output = "cancelled", ToolOutput("The user stopped this call. It may have had an effect.")
        finally:
            round.watch(None)
        turn = await branch.end(turn, state, await _bounded(output))
        round.change(place, state="ended", result=turn)

    # -- storing --------------------------------------------------------------------------------------------------

    @staticmethod
    async def _store_outcome(branch: ResultBranch, round: ToolRound, place: int, state: State, text: str) -> None:
        """Store the result of a call that was not run."""
        status = round.statuses[place]
        turn = await branch.begin(status.call, status.tool)
        turn = await branch.end(turn, state, ToolOutput(clean(text)))
        round.change(place, state="ended", result=turn)

    # -- consent --------------------------------------------------------------------------------------------------

    async def _current_use(self, conversation_id: str, offer: ToolOffer) -> ToolUse:
        """Return the offer's use with the consents that are valid now: they may have changed meanwhile."""
        if not offer.use.asks:
            return offer.use
        settings = decode_settings((await self._conversations.conversation(conversation_id)).settings)
        return msgspec.structs.replace(offer.use, consents=settings.tools.consents if settings.tools else ())

    async def take_back(self, conversation_id: str, consents: Collection[GivenConsent]) -> None:
        """Ask about the calls again that these consents have allowed. Raises `HistoryError`."""
        await self._change_use(conversation_id, lambda use: without_consents(use, consents))

    async def _remember_consent(self, conversation_id: str, given: GivenConsent) -> None:
        try:
            await self._change_use(conversation_id, lambda use: with_consent(use, given))
        except HistoryError as error:
            self._tell(error)

    async def _change_use(self, conversation_id: str, change: Callable[[ToolUse], ToolUse]) -> None:
        settings = decode_settings((await self._conversations.conversation(conversation_id)).settings)
        use = change(settings.tools or ToolUse())
        await self._conversations.set_settings(conversation_id, msgspec.structs.replace(settings, tools=use))


def _decode(text: str) -> tuple[Mapping[str, Any] | None, str]:
    """Return the arguments of a call, and for the model why they cannot be used; empty if they can."""
    arguments = decode_arguments(text)
    if arguments is not None:
        return arguments, ""
    if is_elaborate(text):
        return None, f"The arguments have more than {VALUES_LIMIT:,} values, or very long numbers."
    return None, "The arguments are not a JSON object."


def _why_not(call: ToolCall, tool: OfferedTool | None, offer: ToolOffer, *, is_over: bool) -> str:
    """Return why a call cannot be run, whatever its arguments, for the model; empty if it can."""
    if is_over:
        return "The limit of tool calls for this question is reached. Answer with what you know."
    if tool is None:
        names = ", ".join(each.tool.name for each in offer.tools[:50])
        return f"There is no tool `{call.name}`. There are: {names}."
    return ""


async def _bounded(output: ToolOutput) -> ToolOutput:
    """Return an output as it is kept: its text cleaned, and cut if it is too long."""
    text = await clean_in_pieces(output.text[:RESULT_CHARACTERS])
    if (left_out := len(output.text) - RESULT_CHARACTERS) > 0:
        text = f"{text}\n[{left_out:,} more characters were left out.]"
    return msgspec.structs.replace(output, text=text)


def use_of(conversation: Conversation, settings: Request) -> ToolUse:
    """Return which tools a question uses: those that the face names, else those of the conversation."""
    if settings.tool_use is not None:
        return settings.tool_use
    return decode_settings(conversation.settings).tools or ToolUse()
