"""Who meets, in which voice, and what they say into whose phone."""

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
    phone: Person
    """Into whose phone."""

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
CLAIRE = Person("Claire", "fr", Voice("roa/fr", "f2"))


def _says(speaker: Person, english: str, into_phone_of: Person | None = None) -> Sentence:
    phrase = next(phrase for phrase in PHRASES if phrase.en == english)
    return Sentence(speaker, phrase, into_phone_of or speaker)


# Nobody's phone tells a name. Claire borrows Pierre's, then comes with her own.
SCRIPT = (
    _says(PIERRE, "Hello, how are you?"),
    _says(DAN, "I am very well, thank you."),
    _says(MAREK, "Nice to meet you."),
    _says(CLAIRE, "Yes, I can hear you well.", into_phone_of=PIERRE),
    _says(PIERRE, "Shall we begin now?"),
    _says(CLAIRE, "I agree with you."),
)
