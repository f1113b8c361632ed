"""Rule-based text translation with Apertium (https://www.apertium.org), by pivot where needed.

A pair is a pipeline of small programs that keep running and answer in a millisecond: with `-z`
each flushes at a NUL byte (https://wiki.apertium.org/wiki/Null_flush).
"""

import asyncio
import contextlib
import itertools
import os
import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from babblefish.errors import StageDown
from babblefish.languages import UnknownLanguage, normalise
from babblefish.telemetry import log
from babblefish.translator.pivot import Pair, Pivots

_DEADLINE_S = 5.0
_STOP_DEADLINE_S = 2.0
_MAX_ANSWER = 1 << 20

# https://wiki.apertium.org/wiki/Apertium_stream_format
_RESERVED = re.compile(r"[\\^$/<>@{}\[\]]")
_ESCAPED = re.compile(r"\\(.)")
_END_OF_TEXT = "[][\n]"

# How a dead pipeline shows; a closed pipe is a `RuntimeError` to uvloop.
_BROKEN = (OSError, EOFError, RuntimeError, TimeoutError, asyncio.LimitOverrunError)

_log = log(__name__)


class Apertium:
    """A `TextTranslator` over the pairs whose modes lie in `modes`."""

    def __init__(self, modes: Path) -> None:
        self._pipelines = {pair: _Pipeline(mode) for pair, mode in _installed(modes)}
        self._pivots = Pivots(self._pipelines)
        self._preparing: set[asyncio.Task[None]] = set()

    @property
    def languages(self) -> frozenset[str]:
        """Languages that an installed pair translates from."""
        return self._pivots.sources

    def reachable(self, source: str) -> frozenset[str]:
        """Directly or by pivot."""
        return self._pivots.reachable(source)

    def prepare(self, source: str, targets: Iterable[str]) -> None:
        """Starts the pipelines on the way, so that the first sentence need not wait for them."""
        for target in self.reachable(source).intersection(targets):
            for pipeline in self._way(source, target):
                task = asyncio.create_task(pipeline.warm())
                self._preparing.add(task)
                task.add_done_callback(self._preparing.discard)

    async def translate(self, text: str, source: str, target: str) -> str:
        """`text` through every pair on the way; raises `StageDown`."""
        for pipeline in self._way(source, target):
            text = await pipeline.translate(text)
        return text

    async def stop(self) -> None:
        """Ends every pipeline."""
        for task in self._preparing:
            task.cancel()
        await asyncio.gather(*(pipeline.stop() for pipeline in self._pipelines.values()))

    def _way(self, source: str, target: str) -> Iterator["_Pipeline"]:
        path = self._pivots.path(source, target)
        return (self._pipelines[step] for step in itertools.pairwise(path))


def _installed(modes: Path) -> Iterator[tuple[Pair, Path]]:
    """Plain pairs (`eng-spa.mode`), no variants (`eng-cat_valencia.mode`, `eco-es-fr.mode`)."""
    for mode in sorted(modes.glob("*.mode")):
        codes = mode.stem.split("-")
        if len(codes) == 2 and "_" not in mode.stem:
            with contextlib.suppress(UnknownLanguage):
                yield (normalise(codes[0]), normalise(codes[1])), mode


class _Pipeline:
    """The programs of one pair, started when wanted and again when one of them dies."""

    def __init__(self, mode: Path) -> None:
        self._mode = mode
        self._programs: list[asyncio.subprocess.Process] = []
        self._turn = asyncio.Lock()
        self._texts: set[asyncio.Task[str]] = set()

    async def warm(self) -> None:
        """Starts it and lets it load its dictionaries."""
        with contextlib.suppress(StageDown):
            await self.translate(".")

    async def translate(self, text: str) -> str:
        """One text at a time; raises `StageDown`.

        A caller who gives up does not stop the text: an answer that nobody took would be
        mistaken for the next one's.
        """
        task = asyncio.create_task(self._translate(text))
        self._texts.add(task)
        task.add_done_callback(self._texts.discard)
        return await asyncio.shield(task)

    async def stop(self) -> None:
        """Ends the programs, after the texts in hand."""
        await asyncio.gather(*self._texts, return_exceptions=True)
        await self._end()

    async def _translate(self, text: str) -> str:
        """A dead or stuck pipeline is replaced, once."""
        async with self._turn:
            try:
                return await self._ask(text)
            except StageDown:
                _log.warning("pipeline_restarted", pair=self._mode.stem)
                return await self._ask(text)

    async def _ask(self, text: str) -> str:
        try:
            async with asyncio.timeout(_DEADLINE_S):
                if not self._programs:
                    await self._start()
                return _unescape(await self._exchange(_escape(text)))
        except _BROKEN as error:
            await self._end()
            raise StageDown(
                f"Apertium's {self._mode.stem} does not answer.",
                f"Try `echo hello | apertium {self._mode.stem}`.",
            ) from error

    async def _start(self) -> None:
        """Starts the mode's programs, each one's output the next one's input."""
        commands = [_command(part) for part in self._mode.read_text().strip().split("|")]
        source: int = asyncio.subprocess.PIPE
        for command in commands[:-1]:
            following, sink = os.pipe()
            try:
                await self._spawn(command, source, sink)
            finally:
                _close(source, sink)
            source = following
        try:
            await self._spawn(commands[-1], source, asyncio.subprocess.PIPE)
        finally:
            _close(source)

    async def _spawn(self, command: list[str], source: int, sink: int) -> None:
        self._programs.append(
            await asyncio.create_subprocess_exec(
                *command, stdin=source, stdout=sink, limit=_MAX_ANSWER
            )
        )

    async def _exchange(self, escaped: str) -> str:
        stdin, stdout = self._programs[0].stdin, self._programs[-1].stdout
        if stdin is None or stdout is None:
            raise EOFError
        stdin.write(escaped.encode() + b"\0")
        await stdin.drain()
        answer = (await stdout.readuntil(b"\0"))[:-1].decode()
        if not answer.endswith(_END_OF_TEXT):
            raise EOFError  # a program died, and those after it flushed what they had
        return answer.removesuffix(_END_OF_TEXT)

    async def _end(self) -> None:
        programs, self._programs = self._programs, []
        for program in programs:
            if program.stdin:
                program.stdin.close()
        for program in programs:
            await _wait_or_kill(program)


async def _wait_or_kill(program: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(_STOP_DEADLINE_S):
            await program.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            program.kill()
        await program.wait()


def _close(*ends: int) -> None:
    for end in ends:
        if end != asyncio.subprocess.PIPE:
            os.close(end)


def _command(part: str) -> list[str]:
    """A part of a mode file; `$1` asks the generator not to mark unknown words, `$2` is unused."""
    program, *arguments = shlex.split(part)
    return [program, "-z", *("-n" if word == "$1" else word for word in arguments if word != "$2")]


def _escape(text: str) -> str:
    """One line for the pipeline: a NUL would end it, a line break would confuse the tagger."""
    line = " ".join(text.replace("\0", " ").split())
    return _RESERVED.sub(r"\\\g<0>", line) + _END_OF_TEXT


def _unescape(answer: str) -> str:
    return " ".join(_ESCAPED.sub(r"\1", answer).split())
