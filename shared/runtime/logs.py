"""Logs in JSON lines for operators: an event name, ids and numbers; no request bodies, nothing about a patient."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

from shared.runtime.tracing import correlation_id

# Where rich is installed, as with schemathesis, structlog loads it for coloured tracebacks, which nobody prints here:
# a twelfth of the time in which a process starts. An entry of None lets an import fail as if it were not installed.
_is_rich_loaded = "rich" in sys.modules
if not _is_rich_loaded:
    sys.modules["rich"] = None  # type: ignore[assignment]
import structlog  # noqa: E402

if not _is_rich_loaded:
    del sys.modules["rich"]


def configure(service: str, process: str, level: str) -> None:
    """Configure this process to log JSON lines to standard error, with its service, process and correlation id."""
    steps: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_process(service, process),
    ]
    structlog.configure(
        processors=[*steps, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=steps,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.dict_tracebacks,
                _without_values,
                structlog.processors.JSONRenderer(_as_json),
            ],
        )
    )
    _leave_out_what_no_line_shows()
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def _leave_out_what_no_line_shows() -> None:
    # to find these out is a fifth of what a line costs ("Optimization" in Python's manual of logging)
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


@cache
def _encoder(default: Callable[[Any], Any]) -> json.JSONEncoder:
    return json.JSONEncoder(ensure_ascii=False, default=default)


def _as_json(event: Any, *, default: Callable[[Any], Any]) -> str:
    return _encoder(default).encode(event)  # `json.dumps` would make an encoder for each line


def logger(name: str) -> Any:
    """Returns a structured logger: `log.info("relay.started", batch=100)`."""
    return structlog.stdlib.get_logger(name)


def _add_process(service: str, process: str) -> Any:
    def add(_logger: Any, _method: str, event: Any) -> Any:
        event["service"], event["process"] = service, process
        current = correlation_id()
        if current:
            event.setdefault("correlation_id", current)
        return event

    return add


# exceptions whose text is about our code; that of any other may quote a patient's data ("Key (email)=(…) exists")
ERRORS_ABOUT_CODE = {"AttributeError", "ImportError", "ModuleNotFoundError", "NameError", "RuntimeError", "TypeError"}


def _without_values(_logger: Any, _method: str, event: Any) -> Any:
    for problem in event.get("exception") or ():
        _remove_values(problem)
    return event


def _remove_values(problem: dict[str, Any]) -> None:
    if problem.get("exc_type") not in ERRORS_ABOUT_CODE:
        problem.pop("exc_value", None)
    problem.pop("exc_notes", None)
    problem.pop("syntax_error", None)
    for frame in problem.get("frames", ()):
        frame.pop("locals", None)
    for inner in problem.get("exceptions", ()):
        for each in inner if isinstance(inner, list) else [inner]:
            _remove_values(each)
