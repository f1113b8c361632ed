"""Several synthesizers as one, in this process or behind HTTP."""

from collections.abc import AsyncIterator, Iterator

import httpx
import msgspec
import numpy as np
import pytest

from babblefish import settings
from babblefish.audio import join
from babblefish.errors import EngineMissing, SettingsError, StageDown
from babblefish.synthesizer import chooser, wire
from babblefish.synthesizer.base import Synthesizer
from babblefish.synthesizer.remote import RemoteSynthesizer
from tests.micro import CHECKPOINTS
from tests.support.phone import joined
from tests.support.server import serving
from tests.support.stages import Stage, staged

BOTH = "local:kokoro,local:espeak"


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged("synthesizer", synthesizer=BOTH, models_dir=CHECKPOINTS) as running:
        yield running


@pytest.fixture(params=["local", "remote"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Synthesizer]:
    remote = request.param == "remote"
    url = request.getfixturevalue("stage").url if remote else ""
    engine = RemoteSynthesizer(url) if remote else chosen(BOTH)
    await engine.start()
    yield engine
    await engine.stop()


def chosen(reference: str) -> Synthesizer:
    return chooser.build(reference, settings.load(["--models-dir", str(CHECKPOINTS)]))


@pytest.mark.parametrize(
    ("language", "name", "rate"),
    [("en", "kokoro", 24_000), ("fr", "kokoro", 24_000), ("pl", "espeak", 22_050)],
)
async def test_the_first_that_can_speaks(
    engine: Synthesizer, language: str, name: str, rate: int
) -> None:
    assert language in engine.languages
    assert engine.engine(language) == name
    assert join([piece async for piece in engine.speak("no", language)]).sample_rate == rate


async def test_speakers_keep_their_numbers(engine: Synthesizer) -> None:
    for language in ("fr", "de"):
        first, second = [
            join([piece async for piece in engine.speak("table", language, speaker=speaker)])
            for speaker in range(2)
        ]
        assert len(first.samples) != len(second.samples) or not np.allclose(
            first.samples, second.samples
        )


async def test_a_language_that_nobody_speaks_is_an_error(engine: Synthesizer) -> None:
    assert "tlh" not in engine.languages
    with pytest.raises(StageDown):
        async for _ in engine.speak("nuqneH", "tlh"):
            pass


def test_the_order_is_the_preference() -> None:
    assert chosen("local:espeak,local:kokoro").engine("fr") == "espeak"


def test_one_engine_is_itself() -> None:
    assert type(chosen("local:espeak")).__name__ == "Espeak"


def test_one_that_is_not_installed_is_named() -> None:
    with pytest.raises(EngineMissing, match="local:nonesuch"):
        chosen("local:espeak,local:nonesuch")


@pytest.mark.parametrize("reference", ["local:kokoro,http://tts:9001", "local:kokoro,", "kokoro"])
def test_what_names_no_engines_is_refused(reference: str) -> None:
    with pytest.raises(SettingsError, match="SYNTHESIZER"):
        settings.load(["--synthesizer", reference])


def test_the_full_profile_speaks_what_kokoro_lacks_with_espeak() -> None:
    assert settings.load(["--profile", "full"]).synthesizer == BOTH


def test_an_older_stage_has_one_engine_for_all() -> None:
    said = msgspec.json.decode(b'{"name":"espeak","languages":["pl"]}', type=wire.Abilities)
    assert said.engine("pl") == "espeak"


def test_an_older_gateway_has_one_speaker() -> None:
    asked = msgspec.msgpack.encode({"text": "no", "language": "pl", "voice": None})
    assert msgspec.msgpack.decode(asked, type=wire.SpeakRequest).speaker == 0


@pytest.mark.slow
async def test_listeners_learn_which_engine_spoke(session: str) -> None:
    with serving(synthesizer=BOTH, models_dir=CHECKPOINTS) as server:
        async with (
            joined(server.ws, session, "Dan", "en") as dan,
            joined(server.ws, session, "Ana", "es") as ana,
            joined(server.ws, session, "Oriol", "ca") as oriol,
        ):
            await dan.send(type="text", text="Where is the station?")
            assert (await ana.receive("result"))["tts_voice"] == "kokoro"
            assert (await oriol.receive("result"))["tts_voice"] == "espeak"
        spoken = httpx.get(f"{server.http}/languages").json()
        assert spoken["voices"]["es"] == "kokoro"
        assert spoken["voices"]["ca"] == "espeak"
        assert {"speak", "read", "hear", "write"} < spoken.keys()
        assert sorted(spoken["voices"]) == spoken["hear"]
        assert httpx.get(server.http).json()["models"]["kokoro"] is True
