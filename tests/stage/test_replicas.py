"""Several replicas of a stage: the least busy works, and one that dies costs nothing."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack

import numpy as np
import pytest

from babblefish.errors import StageDown
from babblefish.stage import deadline
from babblefish.synthesizer.remote import RemoteSynthesizer
from babblefish.translator.remote import RemoteTranslator
from tests.micro import CHECKPOINTS
from tests.micro.phrases import PHRASES, Phrase
from tests.micro.voices import USUAL, speak
from tests.support import speech
from tests.support.stages import Stage, staged

SAID = speech.utterance(speech.go_forward())
TRANSCRIPT = "Go forward ten meters"
LONG = "One two three. Four five six. " * 100


@pytest.fixture
def stages() -> Iterator[list[Stage]]:
    """Two replicas that tests may hurt."""
    with ExitStack() as stack:
        yield [stack.enter_context(staged("translator", threads=1)) for _ in range(2)]


@pytest.fixture
async def translator(stages: list[Stage]) -> AsyncIterator[RemoteTranslator]:
    engine = RemoteTranslator(",".join(stage.url for stage in stages))
    await engine.start()
    await both_up(engine)
    yield engine
    await engine.stop()


async def until(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not so():
            await asyncio.sleep(0.01)


async def both_up(engine: RemoteTranslator | RemoteSynthesizer) -> None:
    await until(lambda: len(engine.replicas.up) == 2)


def busy(stages: list[Stage]) -> list[int]:
    return [stage.get("/about").json()["depth"] for stage in stages]


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_replica_that_dies_or_hangs_in_mid_utterance_costs_nothing(
    translator: RemoteTranslator, stages: list[Stage], how: signal.Signals
) -> None:
    stream = translator.open("en", "dan")
    first, second = np.array_split(SAID, 2)
    await stream.feed(first)
    await stream.partial()
    (working,) = [stage for stage, depth in zip(stages, busy(stages), strict=True) if depth]
    working.process.send_signal(how)
    await stream.feed(second)
    started = time.monotonic()
    async with deadline.within(10):
        assert (await stream.finish(["es"])).transcript == TRANSCRIPT
    assert time.monotonic() - started < 5
    await stream.close()
    working.process.send_signal(signal.SIGCONT)


@pytest.mark.slow
@pytest.mark.timeout(240)  # torch is imported twice
async def test_a_seamless_replica_that_dies_while_people_speak_costs_nothing() -> None:
    chosen = {"translator": "local:seamless", "models_dir": CHECKPOINTS, "threads": 1}
    with ExitStack() as stack:
        stages = [stack.enter_context(staged("translator", True, **chosen)) for _ in range(2)]
        translator = RemoteTranslator(",".join(stage.url for stage in stages))
        await translator.start()
        await both_up(translator)
        speakers = [_Speaker(translator, phrase) for phrase in PHRASES[:4]]
        for speaker in speakers:
            await speaker.says_half()
        assert busy(stages) == [2, 2]
        stages[0].process.kill()
        async with deadline.within(30):
            told = await asyncio.gather(*(speaker.says_the_rest() for speaker in speakers))
        assert told == [
            {"fr": phrase.fr, "en": phrase.en, "pl": phrase.pl} for phrase in PHRASES[:4]
        ]
        await translator.stop()


class _Speaker:
    """Says a phrase in French, in two parts."""

    def __init__(self, translator: RemoteTranslator, phrase: Phrase) -> None:
        self._stream = translator.open("fr", phrase.en)
        self._halves = np.array_split(speak(phrase.fr, USUAL["fr"]), 2)

    async def says_half(self) -> None:
        await self._stream.feed(self._halves[0])
        await self._stream.partial()

    async def says_the_rest(self) -> dict[str, str]:
        await self._stream.feed(self._halves[1])
        translation = await self._stream.finish(["en", "pl"])
        await self._stream.close()
        return {"fr": translation.transcript, **translation.texts}


@pytest.mark.slow
async def test_utterances_go_to_the_least_busy(
    translator: RemoteTranslator, stages: list[Stage]
) -> None:
    async with AsyncExitStack() as stack:
        for number in range(6):
            stream = translator.open("en", f"speaker {number}")
            stack.push_async_callback(stream.close)
            await stream.feed(SAID)
            await stream.partial()
        assert await asyncio.to_thread(busy, stages) == [3, 3]
    await until(lambda: busy(stages) == [0, 0])


@pytest.mark.slow
async def test_one_voice_stays_with_the_replica_that_knows_it(
    translator: RemoteTranslator, stages: list[Stage]
) -> None:
    where = []
    for _ in range(4):
        stream = translator.open("en", "dan")
        await stream.feed(SAID)
        await stream.partial()
        where.append(await asyncio.to_thread(busy, stages))
        await stream.close()
        await until(lambda: busy(stages) == [0, 0])
    assert len({tuple(depths) for depths in where}) == 1


@pytest.mark.slow
async def test_a_full_replica_is_not_the_end() -> None:
    with ExitStack() as stack:
        small = [
            stack.enter_context(staged("translator", threads=1, stage_queue=1)) for _ in range(2)
        ]
        callers = [RemoteTranslator(",".join(stage.url for stage in small)) for _ in range(2)]
        streams = []
        for caller in callers:  # neither knows what the other gave whom
            await caller.start()
            await both_up(caller)
            streams.append(caller.open("en", "dan"))
        for stream in streams:
            await stream.feed(SAID)
        for stream in streams:
            assert (await stream.finish(["es"])).transcript == TRANSCRIPT
        for stream, caller in zip(streams, callers, strict=True):
            await stream.close()
            await caller.stop()


@pytest.mark.slow
async def test_an_utterance_waits_for_the_only_replica_to_come_back() -> None:
    with staged("translator", threads=1) as stage:
        translator = RemoteTranslator(stage.url)
        await translator.start()
        stream = translator.open("en", "dan")
        await stream.feed(SAID)
        await stream.partial()
        stage.process.kill()
        stage.process.wait(5)
        async with deadline.within(10):
            finishing = asyncio.create_task(stream.finish(["es"]))
            await until(lambda: not translator.replicas.up)
            with staged("translator", threads=1, port=stage.port, warm=False):
                assert (await finishing).transcript == TRANSCRIPT
                await stream.close()
                await translator.stop()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local:espeak", "local:kokoro"])
async def test_speech_goes_on_elsewhere_where_it_stopped(engine: str) -> None:
    with ExitStack() as stack:
        chosen = {"synthesizer": engine, "models_dir": CHECKPOINTS}
        stages = [stack.enter_context(staged("synthesizer", True, **chosen)) for _ in range(2)]
        synthesizer = RemoteSynthesizer(",".join(stage.url for stage in stages))
        await synthesizer.start()
        await both_up(synthesizer)
        whole = [piece.seconds async for piece in synthesizer.speak(LONG, "en", speaker=1)]
        spoken = []
        async for piece in synthesizer.speak(LONG, "en", speaker=1):
            spoken.append(piece.seconds)
            if len(spoken) == 1:
                (working,) = [stage for stage in stages if stage.get("/about").json()["depth"]]
                working.process.kill()
        assert len(spoken) == len(whole) == 200
        assert spoken == pytest.approx(whole, abs=0.02)
        await synthesizer.stop()


async def test_where_nobody_answers_the_speaker_learns_it_at_once() -> None:
    synthesizer = RemoteSynthesizer("http://127.0.0.1:1")
    synthesizer.replicas.watch()
    assert synthesizer.languages == frozenset()
    started = time.monotonic()
    with pytest.raises(StageDown, match="No synthesizer answers"):
        async for _ in synthesizer.speak("hello", "en"):
            pass
    assert time.monotonic() - started < 1
    await synthesizer.stop()


@pytest.mark.slow
async def test_another_stages_address_is_no_replica() -> None:
    with staged("synthesizer") as stage:
        translator = RemoteTranslator(stage.url)
        translator.replicas.watch()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(translator.replicas.described(), 1)
        assert not translator.replicas.up
        await translator.stop()
