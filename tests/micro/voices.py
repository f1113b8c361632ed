"""Speech by the espeak-ng of the wheel `espeakng-loader`: the same voices on every machine.

Its breath is random: a sentence said twice differs by a few samples.
Constants are those of `speak_lib.h`.
"""

import ctypes
import shutil
import tempfile
from functools import cache
from threading import Lock
from typing import NamedTuple

import espeakng_loader
import numpy as np
import soxr

from babblefish.audio import SAMPLE_RATE, Samples

_OUTPUT_SYNCHRONOUS = 2
_CHARS_UTF8 = 1
_POSITION_CHARACTER = 1
_RATE = 1
_PITCH = 3

_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class Voice(NamedTuple):
    """Who speaks, and how."""

    dialect: str
    """Of espeak-ng: `gmw/en-US`, `roa/fr-BE`."""
    variant: str = ""
    """Another throat: `m3`, `f2`, `Annie`; empty is the dialect's own."""
    speed: int = 165
    """Words a minute."""
    pitch: int = 50
    """0 to 99."""


USUAL = {"en": Voice("gmw/en-US"), "fr": Voice("roa/fr"), "pl": Voice("zlw/pl")}
"""Each language's voice when nobody asks for another."""


def speak(text: str, voice: Voice) -> Samples:
    """16 kHz."""
    return _espeak().speak(text, voice)


@cache
def _espeak() -> "_Espeak":
    return _Espeak()


class _Espeak:
    """The C library is one global state, hence the lock."""

    def __init__(self) -> None:
        self._library = _own_copy()
        data = espeakng_loader.get_data_path().encode()
        self._sample_rate = self._library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, data, 0)
        self._pieces: list[np.ndarray[tuple[int], np.dtype[np.int16]]] = []
        self._callback = _Callback(self._collect)  # the library keeps the pointer, we the object
        self._library.espeak_SetSynthCallback(self._callback)
        self._lock = Lock()

    def speak(self, text: str, voice: Voice) -> Samples:
        with self._lock:
            self._pieces = []
            self._choose(voice)
            encoded = text.encode() + b"\0"
            done = self._library.espeak_Synth(
                encoded, len(encoded), 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None
            )
            assert done == 0, f"espeak-ng cannot speak: {done}"
            samples = np.concatenate(self._pieces).astype(np.float32) / 32768.0
        return np.asarray(soxr.resample(samples, self._sample_rate, SAMPLE_RATE), np.float32)

    def _choose(self, voice: Voice) -> None:
        name = f"{voice.dialect}+{voice.variant}" if voice.variant else voice.dialect
        assert self._library.espeak_SetVoiceByName(name.encode()) == 0, f"no voice {name}"
        self._library.espeak_SetParameter(_RATE, voice.speed, 0)
        self._library.espeak_SetParameter(_PITCH, voice.pitch, 0)

    def _collect(self, wave: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int) -> int:
        if count > 0:
            self._pieces.append(np.ctypeslib.as_array(wave, (count,)).copy())
        return 0


def _own_copy() -> ctypes.CDLL:
    """A copy has a state of its own: the product's engine in this process keeps its voice."""
    with tempfile.NamedTemporaryFile(suffix=".so") as copy:
        shutil.copyfile(espeakng_loader.get_library_path(), copy.name)
        return ctypes.CDLL(copy.name)
