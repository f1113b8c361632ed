"""Who meets, in which voice, and what they say."""

from typing import NamedTuple

from tests.micro.phrases import PHRASES, Phrase
from tests.micro.voices import Voice, speak

from babblefish.audio import Samples


class Person(NamedTuple):
    """Somebody with a phone."""

    name: str
    language: str
    voice: Voice


class Sentence(NamedTuple):
    """What somebody says, and what it is in every language."""

    speaker: Person
    phrase: Phrase

    @property
    def said(self) -> str:
        """In the speaker's language."""
        return self.in_language_of(self.speaker)

    @property
    def speech(self) -> Samples:
        """In the speaker's voice, 16 kHz."""
        return speak(self.said, self.speaker.voice)

    def in_language_of(self, listener: Person) -> str:
        """What the listener is to read."""
        text: str = getattr(self.phrase, listener.language)
        return text


PIERRE = Person("Pierre", "fr", Voice("roa/fr"))
DAN = Person("Dan", "en", Voice("gmw/en-US", "m3"))
MAREK = Person("Marek", "pl", Voice("zlw/pl", "m7"))
CAST = (PIERRE, DAN, MAREK)


def _phrase(english: str) -> Phrase:
    return next(phrase for phrase in PHRASES if phrase.en == english)


SCRIPT = (
    Sentence(PIERRE, _phrase("Hello, how are you?")),
    Sentence(DAN, _phrase("I am very well, thank you.")),
    Sentence(MAREK, _phrase("Nice to meet you.")),
    Sentence(PIERRE, _phrase("Shall we begin now?")),
)
