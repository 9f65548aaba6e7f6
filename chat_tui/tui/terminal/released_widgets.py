"""Frees widgets when they are removed, instead of at the next full collection, which may be many minutes away.

Textual takes a removed widget out of its tree, but leaves it in cycles of references that only a collection ends: its
styles name it, its timers call it, its caches are rings of links, its parts call methods of it, and the task of a
worker has the worker in its context. `release_cycles` has an app break them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from types import MethodType
from typing import TYPE_CHECKING, Any, Never
from weakref import WeakSet

from textual.app import App
from textual.cache import LRUCache
from textual.css.styles import RenderStyles
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode, NoScreen
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget
from textual.worker import Worker, WorkerState
from textual.worker_manager import WorkerManager

if TYPE_CHECKING:
    _Nodes = WeakSet[DOMNode]
else:
    _Nodes = WeakSet


def release_cycles(app: App[Any]) -> None:
    """Have a new app, in which nothing runs yet, free what it removes."""
    app._registry, app._workers = _Registry(), _Workers(app)
    app.stylesheet = _ComponentStyles(variables=app.stylesheet._variables)


class _Registry(_Nodes):
    """The widgets of an app. Textual takes out each one when its message loop has ended."""

    def discard(self, item: DOMNode) -> None:
        super().discard(item)
        _release_styles(item.styles)
        _unlink(item._query_one_cache)
        for name, value in vars(item).items():
            if isinstance(value, Timer):
                value._callback = None
            elif isinstance(value, MethodType) and isinstance(value.__self__, DOMNode):
                # A part that asks its owner for what it shows.
                vars(item)[name] = _show_nothing
        if isinstance(item, Widget):
            _release_widget(item)
        if isinstance(item, Screen):
            item._layout_widgets.clear()
            item._callbacks.clear()


class _Workers(WorkerManager):
    """Keeps of a worker that has finished its state and its result."""

    def _remove_worker(self, worker: Worker[Any]) -> None:
        super()._remove_worker(worker)
        worker._task = None
        if worker.state is WorkerState.CANCELLED and worker.error is not None:
            # Its frames hold the worker and what it was working on.
            worker.error.__traceback__ = None


class _ComponentStyles(Stylesheet):
    """Frees the styles of a widget's parts when it replaces them."""

    def _process_component_classes(self, node: DOMNode) -> None:
        replaced = [*node._component_styles.values()]
        super()._process_component_classes(node)
        for styles in replaced:
            _release_styles(styles)


def _show_nothing(*_: object) -> Sequence[Never]:
    return ()


def _release_widget(widget: Widget) -> None:
    for styles in widget._component_styles.values():
        _release_styles(styles)
    _unlink(widget._box_model_cache)
    widget._layout_cache.clear()
    with suppress(NoScreen):
        widget.screen.text_selection_started_signal.unsubscribe(widget)


def _release_styles(styles: RenderStyles) -> None:
    styles.base.node = styles.inline.node = None


def _unlink(cache: LRUCache[Any, Any]) -> None:
    for link in cache._cache.values():
        link.clear()
    cache.clear()
