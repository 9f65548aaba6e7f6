"""The files of a question: uploads that are named by their ids."""

from __future__ import annotations

from collections.abc import Sequence

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.request import Request as Settings
from chat_tui.core.settings.conversation_settings import NewConversation
from chat_tui.core.text.excerpts import shorten
from chat_tui.engine.engine import Engine
from chat_tui.web.errors import ApiError, to_api_error
from chat_tui.web.presence.uploads import UploadedFile, uploaded_file
from chat_tui.web.state import AppState


async def load_files(state: AppState, ids: Sequence[str]) -> Sequence[Attachment]:
    """Return the uploaded files with their content. Raises `ApiError` if one does not wait any more."""
    return _present(await state.uploads.load(ids))


async def describe_files(state: AppState, ids: Sequence[str]) -> Sequence[UploadedFile]:
    """Return what is known of the uploaded files, without their content. Raises `ApiError` as `load_files` does."""
    return [uploaded_file(file) for file in _present(await state.uploads.beginnings(ids))]


def _present(files: Sequence[Attachment | None]) -> Sequence[Attachment]:
    found = [file for file in files if file is not None]
    if len(found) < len(files):
        raise ApiError(410, "An attached file is not kept any more. Attach it again.", param="attachments")
    return found


async def check_images(
    engine: Engine,
    conversation: str | NewConversation,
    text: str,
    settings: Settings,
    files: Sequence[Attachment],
    edited: str = "",
) -> None:
    """Raise `ApiError` if there are images and the model that would be asked takes none; `edited` as in
    `CostEstimator.estimate`."""
    names = [file.name for file in files if file.is_image]
    if not names:
        return
    context = await engine.estimates.estimate(conversation, text, settings, attachments=files, edited=edited)
    if context.refuses_images:
        hint = f"Choose a model that accepts images, or remove {shorten(names[0], 60)}."
        raise to_api_error(context.image_refusal(hint))
