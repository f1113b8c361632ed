"""SeamlessM4T as a translator, in this process and behind HTTP, with small weights."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import pytest_asyncio
from msgspec import structs
from prometheus_client import REGISTRY

from babblefish.audio import FRAME_SAMPLES, Samples
from babblefish.errors import EngineMissing, SettingsError, StageDown, StageFailed
from babblefish.settings import load
from babblefish.translator import seamless
from babblefish.translator.base import Translation, Translator
from babblefish.translator.gate import Hypothesis
from babblefish.translator.remote import RemoteTranslator
from babblefish.translator.seamless import Seamless
from tests.micro import CHECKPOINTS
from tests.micro.phrases import PHRASES
from tests.micro.voices import USUAL, speak
from tests.support import noise
from tests.support.stages import Stage, staged
from tests.support.weights import of_text_encoder, without

SETTINGS = {"translator": "local:seamless", "models_dir": str(CHECKPOINTS), "threads": "1"}
LANGUAGES = {"en", "fr", "pl"}
PHRASE = PHRASES[0]

slow = pytest.mark.slow
shared_loop = pytest.mark.asyncio(loop_scope="module")


def engine(**settings: str) -> Seamless:
    chosen = {**SETTINGS, **settings}
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in chosen.items()]
    return seamless.build(load(flags))


def lacking(folder: Path, lost: Callable[[str], bool]) -> Seamless:
    """The engine of a checkpoint without some tensors."""
    without(lost, CHECKPOINTS / seamless.MODEL, folder / seamless.MODEL)
    return engine(models_dir=str(folder))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def local() -> AsyncIterator[Seamless]:
    running = engine(batch_window_ms="100")
    await running.start()
    yield running
    await running.stop()


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    # A process that was killed imports torch anew: on a busy machine that takes a while.
    with staged("translator", True, **SETTINGS, utterance_deadline_s="60") as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def remote(stage: Stage) -> AsyncIterator[Translator]:
    running = RemoteTranslator(stage.url)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture(params=["local", "remote"])
def translator(request: pytest.FixtureRequest) -> Translator:
    chosen: Translator = request.getfixturevalue(request.param)
    return chosen


def said(text: str, language: str) -> Samples:
    return speak(text, USUAL[language])


async def heard(translator: Translator, samples: Samples, source: str) -> Translation:
    stream = translator.open(source, "somebody")
    try:
        for at in range(0, len(samples), FRAME_SAMPLES):
            await stream.feed(samples[at : at + FRAME_SAMPLES])
        return await stream.finish(sorted(LANGUAGES | {"xx"}))
    finally:
        await stream.close()


def count(metric: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"babblefish_translator_{metric}", labels) or 0.0


async def until(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not so():
            await asyncio.sleep(0.001)


@slow
@shared_loop
async def test_it_says_what_it_can(translator: Translator) -> None:
    assert translator.speech_languages == LANGUAGES
    assert translator.text_languages == LANGUAGES
    assert translator.reachable("en") == {"fr", "pl"}
    assert translator.reachable("xx") == frozenset()


@slow
@shared_loop
@pytest.mark.parametrize("source", sorted(LANGUAGES))
async def test_speech_becomes_its_transcript_and_every_other_language(
    translator: Translator, source: str
) -> None:
    everything = {"en": PHRASE.en, "fr": PHRASE.fr, "pl": PHRASE.pl}
    translation = await heard(translator, said(everything[source], source), source)
    assert translation.source_language == source
    assert translation.transcript == everything.pop(source)
    assert translation.texts == everything
    assert translation.stages.keys() == {"voice", "translate"}
    assert 0.37 < translation.confidence <= 1


@slow
@shared_loop
async def test_text_is_translated(translator: Translator) -> None:
    texts = await translator.translate_text(PHRASE.fr, "fr", ["en", "pl", "fr", "xx"])
    assert texts == {"en": PHRASE.en, "pl": PHRASE.pl}
    assert await translator.translate_text(" ", "fr", ["en"]) == {}
    assert await translator.translate_text("hola", "xx", ["en"]) == {}


@slow
@shared_loop
@pytest.mark.parametrize("kind", sorted(noise.KINDS))
async def test_noise_says_nothing(
    local: Seamless, remote: Translator, kind: str, rng: np.random.Generator
) -> None:
    """Although this model would fill it with a phrase: it is not even asked."""
    before = count("refusals_total", reason="voice"), count("batch_utterances_count")
    sound = noise.KINDS[kind](2, rng)
    for translator in (local, remote):
        translation = await heard(translator, sound, "en")
        assert (translation.transcript, translation.texts) == ("", {})
    assert count("refusals_total", reason="voice") == before[0] + 1
    assert count("batch_utterances_count") == before[1]


@slow
@shared_loop
async def test_what_the_model_doubts_is_not_told(
    local: Seamless, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = count("refusals_total", reason="score")
    monkeypatch.setattr(local, "gate", structs.replace(local.gate, min_token_score=1.01))
    translation = await heard(local, said(PHRASE.en, "en"), "en")
    assert (translation.transcript, translation.texts) == ("", {})
    assert count("refusals_total", reason="score") == before + 1


@slow
@shared_loop
async def test_a_translation_that_is_none_costs_its_own_language_only(local: Seamless) -> None:
    before = count("refusals_total", reason="repetition")
    loop = Hypothesis("Merci. " * 9, 0.9)
    kept = local.kept(PHRASE.en, {"fr": loop, "pl": Hypothesis(PHRASE.pl, 0.9)})
    assert kept == {"pl": PHRASE.pl}
    assert count("refusals_total", reason="repetition") == before + 1


@slow
@shared_loop
async def test_no_sound_says_nothing(translator: Translator) -> None:
    assert (await heard(translator, np.zeros(0, np.float32), "en")).transcript == ""
    assert (await heard(translator, said(PHRASE.en, "en"), "xx")).transcript == ""


@slow
@shared_loop
async def test_the_speaker_may_go_on_after_finish(translator: Translator) -> None:
    stream = translator.open("fr", "pierre")
    for part in np.array_split(said(PHRASE.fr, "fr"), 3):
        await stream.feed(part)
        assert await stream.partial() == ""
        translation = await stream.finish(["en"])
    await stream.close()
    assert (translation.transcript, translation.texts) == (PHRASE.fr, {"en": PHRASE.en})


@slow
@shared_loop
async def test_voices_at_the_same_time_share_a_pass_and_do_not_mix(local: Seamless) -> None:
    before = count("batch_utterances_count"), count("batch_utterances_sum")
    told = await asyncio.gather(
        *(heard(local, said(phrase.pl, "pl"), "pl") for phrase in PHRASES[:6])
    )
    assert [translation.transcript for translation in told] == [p.pl for p in PHRASES[:6]]
    assert [translation.texts["en"] for translation in told] == [p.en for p in PHRASES[:6]]
    assert count("batch_utterances_sum") - before[1] == 6
    assert count("batch_utterances_count") - before[0] < 6


@slow
@shared_loop
async def test_what_the_model_cannot_take_costs_nobody_else_their_sentence(
    local: Seamless,
) -> None:
    (pid,) = local.pids
    asked: list[tuple[str | bytes, str]] = [(PHRASE.en, "en"), (b"odd", "en"), (PHRASE.fr, "fr")]
    one, odd, other = (
        asyncio.create_task(local.ask(said, source, ["pl"])) for said, source in asked
    )
    with pytest.raises(StageFailed):
        await odd
    assert [hypothesis.text for hypothesis in (*await one, *await other)] == [PHRASE.pl] * 2
    assert local.pids == [pid]


@slow
@shared_loop
async def test_a_process_killed_in_mid_batch_costs_no_utterance(local: Seamless) -> None:
    (pid,) = local.pids
    victim = psutil.Process(pid)
    victim.suspend()
    before = count("batch_utterances_count")
    waiting = asyncio.create_task(heard(local, said(PHRASE.en, "en"), "en"))
    await until(lambda: count("batch_utterances_count") > before)
    victim.kill()
    assert (await waiting).texts == {"fr": PHRASE.fr, "pl": PHRASE.pl}
    assert local.pids != [pid]


@slow
@shared_loop
async def test_a_process_that_hangs_is_replaced(
    local: Seamless, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seamless, "_HUNG_S", 5)
    (pid,) = local.pids
    psutil.Process(pid).suspend()
    assert (await heard(local, said(PHRASE.en, "en"), "en")).transcript == PHRASE.en
    assert local.pids != [pid]


@slow
@shared_loop
async def test_a_stage_whose_engine_is_killed_goes_on(stage: Stage, remote: Translator) -> None:
    (child,) = stage.children
    child.kill()
    translation = await heard(remote, said(PHRASE.en, "en"), "en")
    assert translation.texts == {"fr": PHRASE.fr, "pl": PHRASE.pl}


@slow
async def test_weights_that_lack_a_tensor_are_an_error(tmp_path: Path) -> None:
    running = lacking(tmp_path, "text_decoder.layer_norm.weight".__eq__)
    with pytest.raises(StageDown):
        await running.start()
    await running.stop()


async def test_weights_without_a_text_encoder_are_asked_to_read_nothing(tmp_path: Path) -> None:
    """The engine has not even started: its model would raise."""
    engine = lacking(tmp_path, of_text_encoder)
    assert engine.speech_languages == LANGUAGES
    assert engine.text_languages == frozenset()
    assert engine.reachable("en") == {"fr", "pl"}
    assert await engine.translate_text(PHRASE.en, "en", ["fr"]) == {}
    await engine.stop()


def test_a_model_that_is_not_here_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineMissing, match=r"seamless-m4t-v2-large.*CC-BY-NC-4.0"):
        engine(models_dir=str(tmp_path))


@pytest.mark.parametrize(
    "wrong", [{"precision": "float16"}, {"precision": "int8", "device": "cuda"}]
)
def test_a_precision_that_the_device_lacks_is_an_error(wrong: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="PRECISION"):
        engine(**wrong)
