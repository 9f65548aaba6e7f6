"""What faces use: conversations, models, estimates, and the running answers.

The engine owns every running answer: one goes on when a face stops following it. An error of the store is reported
once, and the conversation goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from chat_tui.config.schema import Config
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Conversation, Turn, new_id, now, put_turn
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.request import Request
from chat_tui.core.settings.conversation_settings import NewConversation
from chat_tui.core.settings.preset import Preset, decode_preset
from chat_tui.core.tools import ToolChoice, ToolUse
from chat_tui.core.usage.spending import EarlierSpending, Spending
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.answers.budget import Budget, paid_since_question
from chat_tui.engine.answers.comparison import Comparison, check_models, request_for
from chat_tui.engine.answers.path_places import place_of, where_to_go_on
from chat_tui.engine.answers.price_limit import PriceLimit
from chat_tui.engine.answers.runner import AnswerRunner, PreparedAnswer, Preview
from chat_tui.engine.answers.summarizer import Summarizer
from chat_tui.engine.answers.titles import TitleGenerator
from chat_tui.engine.answers.tool_round import ToolOffer
from chat_tui.engine.cleaning import clean_in_pieces
from chat_tui.engine.conversations.conversations import Conversations
from chat_tui.engine.conversations.costs import ConversationCosts
from chat_tui.engine.conversations.drafts import Drafts
from chat_tui.engine.conversations.error_reports import ErrorReports
from chat_tui.engine.conversations.memory import Memory
from chat_tui.engine.conversations.places import Places
from chat_tui.engine.conversations.stores import ConversationStores
from chat_tui.engine.embeddings import EmbeddingRunner
from chat_tui.engine.estimates import CostEstimator
from chat_tui.engine.models import ModelRegistry
from chat_tui.engine.no_pages import NoPages
from chat_tui.engine.protocols import LocalWeights, ModelBackend, PageSource, SourceSetup, ToolBackend
from chat_tui.engine.request_builder import RequestBuilder
from chat_tui.engine.tools.answer_controls import AnswerControls
from chat_tui.engine.tools.loop import ToolLoop, use_of
from chat_tui.engine.tools.no_tools import NoTools
from chat_tui.engine.tools.result_branch import ResultBranch
from chat_tui.history.store import Store
from chat_tui.routing.ranking.prompt_features import features_of, with_features
from chat_tui.routing.router import Router

if TYPE_CHECKING:
    from chat_tui.history.transfer.importer import ImportReport


class Engine:
    """Asks questions, runs answers and stores them. Made by `open_engine`; used within one event loop."""

    def __init__(
        self,
        config: Config,
        router: Router,
        history: Store,
        *,
        weights: LocalWeights,
        backend: ModelBackend,
        setup: SourceSetup,
        open_private: Callable[[], Awaitable[Store]],
        tell: Callable[[ChatTuiError], None],
        spent_elsewhere: EarlierSpending | None = None,
        tools: ToolBackend | None = None,
        pages: PageSource | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.config, self.weights, self.setup, self.pages = config, weights, setup, pages or NoPages()
        self._history, self._router, self._backend = history, router, backend
        self.errors = ErrorReports(tell)
        """Errors of the store."""
        stores = ConversationStores(history, open_private)
        self.conversations = Conversations(
            stores, self.errors, is_busy=lambda id: id in self._answers or id in self.tools
        )
        """Conversations and their turns."""
        self.drafts = Drafts(stores, self.errors)
        """Unsent text, and the last prompts."""
        self.places = Places(history, self.errors)
        """What faces remember between sessions."""
        self.costs = ConversationCosts(stores, self.errors)
        """What stored answers have cost."""
        self.memory = memory or Memory()
        self._requests = RequestBuilder(config, self.conversations, self.memory)
        self.models = ModelRegistry(config, router, self.places, weights, backend)
        limit = config.tool_use.max_calls
        self.tools = ToolLoop(
            tools or NoTools(), self.conversations, ask_again=self._ask_again, tell=tell, calls_limit=limit
        )
        """Tools that models may call."""
        self.estimates = CostEstimator(config, router, self.conversations, backend, self._requests, self.tools)
        self._answers = AnswerRunner(
            router,
            self.conversations,
            self.places,
            adaptive=config.adaptive,
            tell=tell,
            on_saved=self._note_saved,
            on_calls=self.tools.begin,
            on_begun=lambda: self.controls.watch(),
        )
        self.controls = AnswerControls(self._answers, self.tools, self.places, is_private=self.conversations.is_private)
        """Stops, pauses and resumes answers, in whichever process they run."""
        self._budget = Budget(config, self.costs, self._answers, spent_elsewhere)
        self.embeddings = EmbeddingRunner(router, backend, self._budget, self._answers)
        self.summaries = Summarizer(router, self.conversations, self._answers, self.ask_apart, self.estimates.context)
        """Summarises earlier messages."""
        self.titles = TitleGenerator(config, router, self.conversations)
        self._asking = asyncio.Lock()
        """One question is stored at a time, so that none is asked behind another's back, nor paid for twice."""

    async def prepare(self) -> None:
        """Load what a question to any server needs, and begin to erase what was deleted long ago. Cheap."""
        await self._backend.prepare()
        self.conversations.deletion.begin_to_erase_expired()

    # -- verdicts -------------------------------------------------------------------------------------------------

    def judge(self, answer: Turn, good: bool | None) -> None:
        """Record a person's verdict on an answer of an open conversation; None takes it back."""
        verdict = self.conversations.cache.turn(answer).verdict
        if not answer.model or verdict == good:
            return
        self._answers.start_task(self.conversations.judge(answer, good))
        kind = features_of(Request(prompt=self.conversations.cache.question_of(answer))).kind
        self.models.note_verdict(answer.model, kind, good, before=verdict)
        self._answers.start_task(self.models.save_learned())

    # -- answers --------------------------------------------------------------------------------------------------

    def running(self, conversation_id: str | None = None) -> Sequence[Answer]:
        """The answers that run, of one conversation or of all."""
        return self._answers.running(conversation_id)

    async def _note_saved(self, answer: Answer) -> None:
        if answer.offer is not None and answer.round is None:
            self.tools.release(answer.offer)
        await self.models.save_learned()
        self.titles.begin(answer)

    async def ask(
        self,
        conversation: str | NewConversation | None,
        text: str,
        settings: Request | None = None,
        *,
        attachments: Sequence[Attachment] = (),
        preview: Preview | None = None,
    ) -> Answer:
        """Store a question of a conversation, by its id, or of one that begins, and begin its answer.

        `settings` gives model, strategy and limits; what it leaves unset comes from the conversation's preset, then
        the config. A `preview` that is whole and was made for just this is the answer; any other is cancelled.
        Raises `HistoryError`.
        """
        text, begins = await _clean(text), not isinstance(conversation, str)
        await self.tools.prepare(conversation, settings)
        async with self._alone(begins=begins):
            before = await self._requests.conversation(conversation, text)
            question = Turn("user", text, id=new_id(), created=now(), attachments=tuple(attachments))
            taken = preview is not None and preview.fits(await self._requests.build_next(before, question, settings))
            if preview is not None and not taken:
                await preview.cancel()
            if begins:
                await self.conversations.turns.begin(before)
            asked = await self._store_question(before, len(before.path), question)
            if preview is not None and taken:
                self._answers.adopt(asked, len(asked.path), preview.answer)
                return preview.answer
            return self._answers.begin(await self._prepare_answer(asked, len(asked.path), settings))

    def _alone(self, *, begins: bool) -> AbstractAsyncContextManager[None]:
        """The lock for asking; a new conversation needs it only where a daily budget is shared."""
        return nullcontext() if begins and self.config.daily_budget is None else self._asking

    async def preview(
        self,
        conversation: str | NewConversation | None,
        text: str,
        settings: Request | None = None,
        *,
        paid: Collection[str] = (),
    ) -> Preview | None:
        """Begin the answer that `ask` would give, and store nothing.

        None when the model must be downloaded first, when it costs something and is not in `paid`, and for an adaptive
        answer. Raises `HistoryError`.
        """
        text = await _clean(text)
        before = await self._requests.conversation(conversation, text)
        question = Turn("user", text, id=new_id(), created=now())
        request = await self._requests.build_next(before, question, settings)
        if request.adaptive:
            return None
        if request.model:
            self._backend.admit(request.model)
        # The first choice only: it never goes on to a model that nobody has agreed to.
        limit = await self._budget.affordable(request.max_price)
        request_now = with_features(request.replace(fallback=False, max_price=limit))
        plan = self._router.plan(request_now)
        first = next(iter(plan.models), None)
        if first is None or first.to_be_fetched or not (first.free or first.name in paid):
            return None
        return Preview(self._answers.preview(question, request_now, plan), request)

    async def ask_apart(
        self,
        beginning: NewConversation | None,
        text: str,
        settings: Request,
        *,
        attachments: Sequence[Attachment] = (),
    ) -> Answer:
        """Begin the answer to a question that would begin a conversation, and store nothing of it but what it costs;
        its `saved` is set when that has been noted."""
        text = await _clean(text)
        before = await self._requests.conversation(beginning, text)
        question = Turn("user", text, id=new_id(), created=now(), attachments=tuple(attachments))
        return await self._answer_apart(replace(before, path=(*before.path, question)), settings)

    async def _answer_apart(self, conversation: Conversation, settings: Request) -> Answer:
        """Begin the answer to the last turn of a conversation that is not stored."""
        prepared = await self._prepare_answer(conversation, len(conversation.path), settings)
        return self._answers.begin_apart(prepared)

    async def answer_turns(
        self, beginning: NewConversation, settings: Request, *, is_stored: bool, after: str = ""
    ) -> Answer:
        """Begin the answer to the last of these turns, whatever its role. Their text is taken as it is.

        If `settings.part` is set, the answer continues it and comes without it. Without `is_stored`, only what it costs
        is kept; `after` is the id of the conversation that stored turns are added to. Raises `HistoryError`.
        """
        text = next((turn.text for turn in beginning.earlier if turn.role == "user"), "")
        whole = await self._requests.conversation(beginning, text)
        if not is_stored:
            return await self._answer_apart(whole, settings.replace(alternatives=False))
        async with self._alone(begins=not after):
            asked = await self._store_turns(whole, after)
            cut = Turn("assistant", settings.part) if settings.part else None
            return self._answers.begin(await self._prepare_answer(asked, len(asked.path), settings, cut))

    async def _store_turns(self, whole: Conversation, after: str) -> Conversation:
        """Store the turns of a new conversation, at the end of this one if there is an id; it gets their prompt."""
        turns = whole.path
        if after:
            await self.conversations.set_system_prompt(after, whole.system_prompt)
            asked = await self.conversations.conversation(after)
        else:
            asked, turns = replace(whole, path=turns[:-1]), turns[-1:]
            await self.conversations.turns.begin(asked)
        for turn in turns:
            asked = await self._store_question(asked, len(asked.path), turn)
        return asked

    async def compare(
        self,
        conversation: str | NewConversation | None,
        text: str,
        models: Sequence[str] = (),
        settings: Request | None = None,
        *,
        attachments: Sequence[Attachment] = (),
        edited: str = "",
    ) -> Comparison:
        """Ask several models the same at once, without tools; without `models`, the best two of the strategy.

        `edited` is the id of a question of the current path: as with `edit`, this one stands beside it and has its
        files, too. Raises `CommandError` where there are too few or too many models, or no such question,
        `HistoryError`.
        """
        text, settings = await _clean(text), (settings or Request()).replace(tool_use=ToolUse())
        await self.tools.prepare(conversation, settings)
        async with self._asking:
            before = await self._requests.conversation(conversation, text)
            place = place_of(before, edited, "user") if edited else len(before.path)
            files = (*await self._files_at(before, place), *attachments)
            question = Turn("user", text, id=new_id(), created=now(), attachments=files)
            names = check_models(models) if models else await self.estimates.best_for(before, question, settings)
            if not isinstance(conversation, str):
                await self.conversations.turns.begin(before)
            asked = grown = await self._store_question(before, place, question)
            answers: list[Answer] = []
            limit = await self._price_limit(settings.max_price, answers=len(names))
            for one in (request_for(name, settings, limit.dollars) for name in names):
                prepared = await self._prepare_answer(grown, len(asked.path), one, limit=limit)
                answers.append(self._answers.begin(prepared))
                grown = self.conversations.cache.current(asked)
        uses_tools = bool(use_of(before, Request()).servers)
        comparison = Comparison(
            asked.path[-1], names, answers, self.conversations, self.judge, without_tools=uses_tools
        )
        self._answers.start_task(comparison.settle())
        return comparison

    async def edit(
        self,
        conversation_id: str,
        turn_id: str,
        text: str,
        settings: Request | None = None,
        attachments: Sequence[Attachment] = (),
    ) -> Answer:
        """Ask a question of the current path in other words, with its files and these: a turn beside it, and its
        answer.

        Raises `CommandError` where there is no such question.
        """
        text = await _clean(text)
        await self.tools.prepare(conversation_id, settings)
        async with self._asking:
            before = await self.conversations.conversation(conversation_id)
            place = place_of(before, turn_id, "user")
            files = (*await self._files_at(before, place), *attachments)
            question = Turn("user", text, id=new_id(), created=now(), attachments=files)
            asked = await self._store_question(before, place, question)
            return self._answers.begin(await self._prepare_answer(asked, len(asked.path), settings))

    async def _files_at(self, conversation: Conversation, place: int) -> Sequence[Attachment]:
        """The files of the question at this place of the path, with their content; none at its end."""
        turns = await self.conversations.with_contents(conversation, conversation.path[place : place + 1])
        return [file for turn in turns for file in turn.attachments]

    async def regenerate(self, conversation_id: str, turn_id: str, settings: Request | None = None) -> Answer:
        """Ask for an answer of the current path anew: a turn beside it. Raises `CommandError` where it is none."""
        await self.tools.prepare(conversation_id, settings)
        async with self._asking:
            conversation = await self.conversations.conversation(conversation_id)
            place = place_of(conversation, turn_id, "assistant")
            return self._answers.begin(await self._prepare_answer(conversation, place, settings))

    async def go_on(self, conversation_id: str, settings: Request | None = None) -> Answer:
        """Let the last answer go on from where it was cut: a new turn beside it, which begins with its text.

        Where nothing of it had come it is asked anew; where results of tool calls are the last, the model is asked with
        these, and no call runs again. Raises `CommandError` where there is no such answer.
        """
        await self.tools.prepare(conversation_id, settings)
        async with self._asking:
            conversation = await self.conversations.conversation(conversation_id)
            place, cut, calls = where_to_go_on(conversation)
            prepared = await self._prepare_answer(conversation, place, settings, cut, calls_made=calls)
            return self._answers.begin(prepared)

    async def steer(
        self, answer: Answer, text: str, settings: Request | None = None, attachments: Sequence[Attachment] = ()
    ) -> Answer:
        """Stop an answer where it is, add these words, and begin an answer that goes on from there.

        The part stays a turn of its own, `cancelled`. An answer that has ended meanwhile is just asked on. Raises
        `HistoryError`.
        """
        await answer.cancel(steered=True)
        await answer.saved.wait()
        return await self.ask(answer.conversation_id, text, settings, attachments=attachments)

    async def _store_question(self, before: Conversation, place: int, question: Turn) -> Conversation:
        """The conversation with this question at this place of its path, stored."""
        question = replace(question, parent=before.path[place - 1].id if place else None)
        await self.conversations.turns.add_question(put_turn(before, place, question))
        # An answer before it, or the system prompt, may have changed meanwhile.
        return put_turn(self.conversations.cache.current(before), place, question)

    async def _prepare_answer(
        self,
        conversation: Conversation,
        place: int,
        settings: Request | None,
        cut: Turn | None = None,
        *,
        limit: PriceLimit | None = None,
        calls_made: int = 0,
    ) -> PreparedAnswer:
        """The request for the answer at this place of the path, within the budget.

        `cut` is the partial answer that it continues; `limit` is what the budget allows, if that is known; `calls_made`
        are the tool calls to the same question so far.
        """
        settings = settings or Request()
        in_parts = _in_parts(conversation)
        # In parts it begins anew: a part of it is no beginning of the first request's answer.
        cut = None if in_parts else cut
        request = await self._requests.build(conversation, conversation.path[:place], settings)
        limit = limit or await self._price_limit(settings.max_price)
        part = "" if in_parts else cut.text if cut else settings.part
        request = request.replace(part=part, max_price=limit.dollars)
        if request.model:
            self._backend.admit(request.model)
        offer = None if in_parts else await self.tools.offer(use_of(conversation, settings), settings, calls_made)
        if offer is not None:
            request = request.replace(tools=tuple(tool.tool for tool in offer.tools), adaptive=False)
        return PreparedAnswer(conversation, place, request, cut, in_parts, limit, offer)

    async def _ask_again(self, branch: ResultBranch, offer: ToolOffer, model: str, may_call: bool) -> Answer:
        """Begin the answer that has the results of tool calls. The same model goes on; others only where it fails."""
        async with self._asking:
            conversation = await branch.conversation()
            settings = offer.settings.replace(model=model)
            limit = await self._price_limit(settings.max_price, paid=paid_since_question(conversation.path))
            prepared = await self._prepare_answer(
                conversation, len(conversation.path), settings, limit=limit, calls_made=offer.calls_made
            )
            choice = prepared.request.tool_choice if may_call else ToolChoice("none")
            prepared = replace(prepared, request=prepared.request.replace(tool_choice=choice), goes_on=True)
            return self._answers.begin(prepared) if offer.apart is None else self._answers.begin_apart(prepared)

    async def _price_limit(self, asked: float | None, *, answers: int = 1, paid: float = 0.0) -> PriceLimit:
        """What each of the next answers may cost; with a limit, models of unknown price are not asked."""
        limit = await self._budget.limit(asked, answers=answers, paid=paid)
        if limit.dollars is not None:
            await self._backend.look_up_prices()
        return limit

    async def spending(self, conversation_id: str | None) -> Spending:
        """What was spent in a conversation and today, and what may be; what runs counts with about what it costs."""
        return await self._budget.spending(conversation_id)

    async def import_file(self, file: Path, tell: Callable[[float, int], None]) -> ImportReport:
        """Import a file's conversations. `tell` gets now and then which part is done, and how many turns came in.

        Raises `HistoryError`.
        """
        from chat_tui.history.transfer import importer

        return await importer.import_file(self._history, file, lambda so_far: tell(so_far.part, so_far.turns))

    async def delete(self, conversation_id: str) -> None:
        """Cancel what runs in a conversation and delete it; `conversations.deletion` can restore it.

        Raises `HistoryError`.
        """
        await self.tools.stop(conversation_id)
        for answer in self.running(conversation_id):
            await answer.cancel()
            await answer.saved.wait()
        await self.conversations.deletion.delete(conversation_id)

    async def close(self) -> None:
        """Cancel what runs, keep the parts, save, and let go of everything."""
        await self.titles.close()
        await self.tools.close()
        async with AsyncExitStack() as closing:
            # The last one first, and all of them, whatever fails.
            for part in (self.conversations, self._backend, self.controls, self._answers):
                closing.push_async_callback(part.close)


async def _clean(text: str) -> str:
    """The text of a question without control characters, and without empty lines around it."""
    return (await clean_in_pieces(text)).strip("\n")


def _in_parts(conversation: Conversation) -> bool:
    """Whether answers work through a document in parts."""
    return (decode_preset(conversation.preset) or Preset()).document
