"""Speech with espeak-ng (https://github.com/espeak-ng/espeak-ng), in process.

The library is one global state, so one thread owns it; a sentence takes a few milliseconds.
Constants and structures are those of `speak_lib.h`.
"""

import asyncio
import contextlib
import ctypes
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import NamedTuple

import espeakng_loader
import numpy as np

from babblefish.audio import Audio
from babblefish.errors import EngineMissing, StageDown
from babblefish.languages import UnknownLanguage, normalise
from babblefish.settings import Settings
from babblefish.synthesizer.sentences import sentences

_OUTPUT_SYNCHRONOUS = 2
_CHARS_UTF8 = 1
_POSITION_CHARACTER = 1
_ERROR_OK = 0
_PARAMETER_PITCH = 3

# espeak-ng lists dialects of one language in no useful order.
_USUAL_DIALECT = {"en": "en-us", "fr": "fr-fr", "pt": "pt", "es": "es"}

# Of the voice variants that espeak-ng brings, those that are easily told apart.
_VARIANTS = ("", "+f2", "+m8", "+f4", "+m4", "+f3")

# In per cent of what espeak-ng can, which is twice the usual.
_PITCHES = (50, 80, 20, 65, 35)


class Timbre(NamedTuple):
    """What makes one speaker's voice sound unlike another's."""

    variant: str = ""
    pitch: int = _PITCHES[0]


def timbre(speaker: int) -> Timbre:
    """Another one for each of the first thirty speakers, then again."""
    round_, variant = divmod(speaker, len(_VARIANTS))
    return Timbre(_VARIANTS[variant], _PITCHES[round_ % len(_PITCHES)])


class _Voice(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    ]


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


def build(settings: Settings) -> "Espeak":  # noqa: ARG001 every engine is built from them
    """Not yet started."""
    return Espeak()


class Espeak:
    """A `Synthesizer` for more than a hundred languages."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="espeak")
        self._library = _Library()

    @property
    def languages(self) -> frozenset[str]:
        """What the installed library has voices for."""
        return frozenset(self._library.voices)

    def engine(self, language: str) -> str:  # noqa: ARG002 it is this one for all
        """See `Synthesizer`."""
        return "espeak"

    async def speak(
        self, text: str, language: str, voice: str | None = None, speaker: int = 0
    ) -> AsyncIterator[Audio]:
        """22 050 Hz; `voice` is an espeak-ng identifier such as `gmw/en-US` or `gmw/en-US+f2`."""
        chosen = voice or self._library.voices[language]
        mine = Timbre() if voice else timbre(speaker)
        loop = asyncio.get_running_loop()
        for sentence in sentences(text):
            yield await loop.run_in_executor(
                self._thread, self._library.speak, sentence, chosen, mine
            )

    async def start(self) -> None:
        """Nothing to load: the voices were listed when the engine was built."""

    async def stop(self) -> None:
        """Ends the thread."""
        self._thread.shutdown(cancel_futures=True)


class _Library:
    """The C library; `speak` from one thread only."""

    def __init__(self) -> None:
        self._espeak = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self.sample_rate = self._espeak.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, data, 0)
        if self.sample_rate <= 0:
            raise EngineMissing(
                "espeak-ng does not start.", "Install the package espeakng-loader again."
            )
        self._pieces: list[np.ndarray[tuple[int], np.dtype[np.int16]]] = []
        self._callback = _Callback(self._collect)  # the library keeps the pointer, we the object
        self._espeak.espeak_SetSynthCallback(self._callback)

    @cached_property
    def voices(self) -> dict[str, str]:
        """Language → the identifier of its usual voice."""
        voices: dict[str, str] = {}
        for tag, identifier in self._installed():
            with contextlib.suppress(UnknownLanguage):
                language = normalise(tag)
                if language not in voices or tag == _USUAL_DIALECT.get(language):
                    voices[language] = identifier
        return voices

    def speak(self, sentence: str, voice: str, timbre: Timbre) -> Audio:
        """The sentence as one piece; raises `StageDown`."""
        self._pieces = []
        if self._espeak.espeak_SetVoiceByName(f"{voice}{timbre.variant}".encode()) != _ERROR_OK:
            raise StageDown(f"espeak-ng has no voice {voice!r}.", "Choose another language.")
        self._espeak.espeak_SetParameter(_PARAMETER_PITCH, timbre.pitch, 0)
        text = sentence.encode() + b"\0"
        done = self._espeak.espeak_Synth(
            text, len(text), 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None
        )
        if done != _ERROR_OK:
            raise StageDown("espeak-ng could not speak.", "Try another sentence.")
        samples = np.concatenate(self._pieces) if self._pieces else np.zeros(0, np.int16)
        return Audio(samples.astype(np.float32) / 32768.0, self.sample_rate)

    def _collect(self, wave: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int) -> int:
        if count > 0:
            self._pieces.append(np.ctypeslib.as_array(wave, (count,)).copy())
        return 0

    def _installed(self) -> Iterator[tuple[str, str]]:
        """Language tag and identifier of each voice; MBROLA's need files that nobody has."""
        self._espeak.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        listed = self._espeak.espeak_ListVoices(None)
        index = 0
        while listed[index]:
            voice = listed[index].contents
            if not voice.identifier.startswith(b"mb/"):
                # The first byte of the tag is a priority.
                yield voice.languages[1:].decode(), voice.identifier.decode()
            index += 1
