"""A gateway and its stages on the micro checkpoints, each in a process of its own."""

import contextlib
from collections.abc import Iterator

from tests.micro import CHECKPOINTS
from tests.support.server import Server, serving
from tests.support.stages import Stage, staged


@contextlib.contextmanager
def everything(port: int = 0, **settings: object) -> Iterator[Server]:
    """All of it, the gateway with these settings."""
    with (
        _stage("translator") as translator,
        _stage("synthesizer") as synthesizer,
        _stage("speaker") as speaker,
        serving(
            port,
            translator=translator.url,
            synthesizer=synthesizer.url,
            speaker=speaker.url,
            adhoc_sessions=True,
            **settings,
        ) as gateway,
    ):
        yield gateway


def _stage(name: str) -> contextlib.AbstractContextManager[Stage]:
    return staged(name, profile="full", models_dir=CHECKPOINTS, threads=1)
