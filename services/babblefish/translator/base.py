"""What a translator is, and what the two halves of a cascade are."""

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from msgspec import Struct

from babblefish.audio import Samples


class Translation(Struct, frozen=True):
    """What was said, in every language that was asked for.

    An empty transcript means that nobody said anything. `texts` has the target languages that
    the engine can reach from `source_language`; `stages` the milliseconds of each part;
    `confidence` is the engine's in its transcript, from 0 to 1: what was typed is certain.
    """

    source_language: str
    transcript: str
    texts: Mapping[str, str]
    stages: Mapping[str, int] = {}
    confidence: float = 1.0


class SpeechStream(Protocol):
    """One utterance, translated while it is being spoken."""

    async def feed(self, samples: Samples) -> None:
        """More of it: float32 `[n]` at 16 kHz."""

    async def partial(self) -> str:
        """The transcript so far; it may still change."""

    async def finish(self, targets: Collection[str]) -> Translation:
        """The translation of everything fed so far.

        The speaker may go on: then `feed` continues the utterance and `finish` is called again.
        Raises `StageError` if the engine cannot.
        """

    async def close(self) -> None:
        """Lets go of what the stream holds; call it once, also after an error."""


class Translator(Protocol):
    """Speech to text in other languages; the engine behind the `translator` stage."""

    @property
    def speech_languages(self) -> frozenset[str]:
        """Languages it understands when spoken."""

    @property
    def text_languages(self) -> frozenset[str]:
        """Languages it understands when written."""

    def reachable(self, source: str) -> frozenset[str]:
        """Languages it translates `source` into, `source` not among them."""

    def prepare(self, languages: Collection[str]) -> None:
        """A conversation in these begins: get ready, without waiting."""

    def open(self, source: str, speaker: str) -> SpeechStream:
        """A new utterance in `source` by `speaker`."""

    async def translate_text(
        self, text: str, source: str, targets: Collection[str]
    ) -> dict[str, str]:
        """`text` in every target it can reach; raises `StageError`."""

    async def start(self) -> None:
        """Loads what takes time."""

    async def stop(self) -> None:
        """Ends processes and threads."""


class Transcript(Struct, frozen=True):
    """What a recogniser understood; empty if nothing was said."""

    text: str
    confidence: float


class RecognitionStream(Protocol):
    """As `SpeechStream`, in the language that is spoken."""

    async def feed(self, samples: Samples) -> None:
        """More of the utterance."""

    async def partial(self) -> str:
        """The words so far."""

    async def finish(self) -> Transcript:
        """The words of everything fed so far."""

    async def close(self) -> None:
        """Lets go of what the stream holds."""


class Recognizer(Protocol):
    """Speech to text in the same language."""

    @property
    def languages(self) -> frozenset[str]:
        """Languages it understands."""

    def open(self, language: str, speaker: str) -> RecognitionStream:
        """A new utterance of `speaker`."""

    async def start(self) -> None:
        """Loads what takes time."""

    async def stop(self) -> None:
        """Ends processes and threads."""


class TextTranslator(Protocol):
    """Text to text."""

    @property
    def languages(self) -> frozenset[str]:
        """Languages it translates from."""

    def reachable(self, source: str) -> frozenset[str]:
        """Languages it translates `source` into."""

    def prepare(self, source: str, targets: Iterable[str]) -> None:
        """`source` will soon be wanted in `targets`: get ready, without waiting."""

    async def translate(self, text: str, source: str, target: str) -> str:
        """`text` in `target`; raises `StageError`."""

    async def stop(self) -> None:
        """Ends processes and threads."""
