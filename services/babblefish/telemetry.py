"""What the process tells about itself: logs, and the time an utterance spent where."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

Log = structlog.stdlib.BoundLogger


def log(name: str) -> Log:
    """A logger; event names are constants, what comes from outside goes into fields only."""
    return structlog.stdlib.get_logger(name)


def configure_logging(level: str) -> None:
    """Lines for a person on a terminal, JSON for everything else; once per process."""
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer()
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer()
    )
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
            foreign_pre_chain=shared,
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # They log the address or the headers of every call: tokens may be in it.
    for chatty in ("uvicorn", "httpx", "websockets"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


class Stopwatch:
    """Milliseconds an utterance spent in each stage."""

    def __init__(self) -> None:
        self.laps: dict[str, int] = {}

    @contextmanager
    def lap(self, stage: str) -> Iterator[None]:
        """Times the block as `stage`."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.laps[stage] = milliseconds_since(started)


def milliseconds_since(started: float) -> int:
    """Whole milliseconds since `started`, a `time.monotonic()`."""
    return round(1000 * (time.monotonic() - started))
