"""The child process: runs llama.cpp's server on a private socket for as long as the parent keeps its stdin open.

Run as `python -m chat_tui.local.server_worker`. The first line on stdin is a `ChildConfig` as JSON; the first line on
stdout is `{"ready": true, "port": …}` or `{"error": …}`. What llama.cpp writes goes to stderr.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading

import msgspec

BATCH_TOKENS = 64
"""A cancel takes effect between batches: 64 prompt tokens take under a second, the default of 2,048 takes 40."""
SLOTS = 2
"""Concurrent answers; further requests wait for a free slot."""
TEMPERATURE, TOP_P, REPEAT_PENALTY, REPEAT_TOKENS = 0.4, 0.9, 1.1, 256
"""Close to the values recommended for SmolLM2, with a penalty against the loops of such a small model. A request's own
settings take precedence."""
CACHE_MEGABYTES = 128
"""Cache for the prefixes of conversations that occupy no slot (23 KB per token)."""


class ChildConfig(msgspec.Struct, frozen=True):
    """The configuration that the parent sends."""

    weights: str
    api_key: str
    alias: str
    context_window: int
    """Tokens per slot."""
    threads: int
    socket_path: str = ""
    """Empty to listen on a free loopback port."""
    runtime: str = ""
    """The folder to import llama.cpp from if the environment lacks it."""
    built_in: bool = True
    """Whether to apply the sampling settings of the built-in model."""
    embeddings: bool = False
    """Whether it makes embeddings. Each text is then computed at once, so it must fit into one batch."""


class ChildReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """The child's only report."""

    ready: bool = False
    port: int = 0
    error: str = ""
    platform: bool = False
    """Whether the error is that llama.cpp is not available for this machine."""


def main() -> None:
    """Serve until stdin ends."""
    # The parent handles Ctrl-C; SIGTERM ends the process at once, even while llama.cpp is computing.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Only the report goes to the parent's pipe; anything else written to stdout is redirected to stderr.
    report_to = os.dup(1)
    os.dup2(2, 1)
    config = msgspec.json.decode(sys.stdin.buffer.readline(), type=ChildConfig)
    threading.Thread(target=_end_with_parent, args=(config.socket_path,), daemon=True).start()
    report, server = _serve(config)
    os.write(report_to, msgspec.json.encode(report) + b"\n")
    os.close(report_to)
    if server is None:
        os._exit(1)
    threading.Event().wait()


def _end_with_parent(socket_path: str) -> None:
    """Exit when stdin ends, however the parent ended, and remove the socket."""
    while sys.stdin.buffer.readline(4096):
        pass
    if socket_path:
        with contextlib.suppress(OSError):
            os.unlink(socket_path)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(socket_path))
    os._exit(0)


def _serve(config: ChildConfig) -> tuple[ChildReport, object | None]:
    """Load the model and start the server."""
    if config.runtime and config.runtime not in sys.path:
        sys.path.insert(0, config.runtime)
    try:
        import xllamacpp
    except (ImportError, OSError) as error:
        return ChildReport(error=str(error), platform=True), None
    parameters = xllamacpp.CommonParams()
    parameters.model.path = config.weights
    parameters.model_alias = {config.alias}
    parameters.hostnames = [config.socket_path or "127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [config.api_key]
    parameters.n_parallel = SLOTS
    parameters.n_ctx = config.context_window * SLOTS
    parameters.n_batch = parameters.n_ubatch = BATCH_TOKENS
    if config.embeddings:
        parameters.embedding = True
        parameters.n_batch = parameters.n_ubatch = config.context_window
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = config.threads
    parameters.cache_ram_mib = CACHE_MEGABYTES
    if config.built_in:
        sampling = parameters.sampling
        sampling.temp, sampling.top_p = TEMPERATURE, TOP_P
        sampling.penalty_repeat, sampling.penalty_last_n = REPEAT_PENALTY, REPEAT_TOKENS
    parameters.n_gpu_layers = 0
    parameters.ui = parameters.endpoint_slots = parameters.endpoint_props = parameters.endpoint_metrics = False
    parameters.warmup = parameters.fit_params = False
    parameters.verbosity = 1
    try:
        server = xllamacpp.Server(parameters)
    except (RuntimeError, ValueError, OSError, MemoryError) as error:
        return ChildReport(error=str(error) or type(error).__name__), None
    port = 0 if config.socket_path else int(server.listening_address.rpartition(":")[2])
    return ChildReport(ready=True, port=port), server


if __name__ == "__main__":
    main()
