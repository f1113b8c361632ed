"""Kokoro's network: phonemes into samples, a few pieces at a time.

One onnxruntime session of all cores is what kokoro-onnx makes, and everybody runs it at once: then
threads wait for cores and for each other, and past a few of them a piece is hardly made sooner. So
here a session has four threads at most and makes two pieces at a time. What one of them cannot
share among threads, the other fills: so threads do not spin while they wait for each other.
"""

import asyncio
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple

import kokoro_onnx
import numpy as np
import onnxruntime

from babblefish.audio import Samples
from babblefish.errors import EngineMissing, StageDown
from babblefish.synthesizer import kokoro_graph
from babblefish.synthesizer.voices import SHAPE, Style
from babblefish.telemetry import log

_MOST_THREADS = 4
_AT_ONCE = 2
"""Pieces that a session makes."""

_INPUTS = [{"tokens", "style", "speed"}, {"input_ids", "style", "speed"}]

_log = log(__name__)


class Layout(NamedTuple):
    """How cores are used."""

    sessions: int
    threads: int
    """Of each session."""


def layout(cores: int) -> Layout:
    """Sessions for all cores."""
    return Layout(max(1, cores // _MOST_THREADS), min(_MOST_THREADS, cores))


def own_cpus(cores: int) -> list[int]:
    """The CPUs that nobody else runs on, as far as a container can tell; none if it cannot.

    The kubelet's static CPU manager gives exclusive cores as an affinity mask: one that is smaller
    than the machine, and not cut down further by a quota or a setting.
    """
    mask = sorted(os.sched_getaffinity(0))
    return mask if len(mask) == cores < (os.cpu_count() or 0) else []


class _Session(NamedTuple):
    kokoro: kokoro_onnx.Kokoro
    cpus: list[int]


class Sessions:
    """The network in `model`, on so many `cores`."""

    def __init__(self, model: Path, voices: Path, cores: int) -> None:
        self._model = model
        self._voices = voices
        self._cpus = own_cpus(cores)
        self._layout = layout(cores)
        self._free: SimpleQueue[_Session] = SimpleQueue()
        self._callers = ThreadPoolExecutor(
            _AT_ONCE * self._layout.sessions, thread_name_prefix="kokoro"
        )

    async def load(self) -> None:
        """Reads the weights and makes first sounds; raises `EngineMissing`."""
        await asyncio.get_running_loop().run_in_executor(self._callers, self._load)
        style = np.zeros(SHAPE, np.float32)
        await asyncio.gather(*(self.speak("həlˈoʊ", style) for _ in range(self._layout.sessions)))

    async def speak(self, phonemes: str, style: Style) -> Samples:
        """24 000 Hz, without the silence at its ends; raises `StageDown`.

        Whoever asked first is first; who no longer waits is skipped; what has begun is finished.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._callers, self._speak, phonemes, style)

    def stop(self) -> None:
        """Waits for what has begun, and begins nothing more."""
        self._callers.shutdown(cancel_futures=True)

    def _speak(self, phonemes: str, style: Style) -> Samples:
        session = self._idle()
        if session.cpus:
            os.sched_setaffinity(0, session.cpus)
        try:
            samples, _ = session.kokoro.create(phonemes, style, is_phonemes=True)
        except Exception as error:  # noqa: BLE001 its message may hold what was said
            _log.error("kokoro_failed", error=type(error).__name__)
            raise StageDown("Kokoro could not speak.", "Try another sentence.") from None
        finally:
            self._free.put(session)
        return np.asarray(samples, np.float32)

    def _idle(self) -> _Session:
        """There is a place for every thread of ours."""
        try:
            return self._free.get_nowait()
        except Empty:
            raise StageDown("Kokoro is still loading.", "Say it again in a moment.") from None

    def _load(self) -> None:
        onnxruntime.disable_telemetry_events()  # nobody is told what runs here
        logging.getLogger("kokoro_onnx").setLevel(logging.WARNING)  # it logs what is said
        try:
            with kokoro_graph.opened(self._model) as network:
                for number in range(self._layout.sessions):
                    session = self._session(network, number)
                    for _ in range(_AT_ONCE):
                        self._free.put(session)
        except EngineMissing:
            raise
        except Exception as error:  # onnx's and onnxruntime's have no common ancestor
            raise self._broken("cannot be read") from error

    def _session(self, network: str, number: int) -> _Session:
        threads = self._layout.threads
        cpus = self._cpus[number * threads : (number + 1) * threads]
        return _Session(self._kokoro(network, cpus), cpus)

    def _kokoro(self, network: str, cpus: list[int]) -> kokoro_onnx.Kokoro:
        session = onnxruntime.InferenceSession(
            network, self._options(cpus), providers=["CPUExecutionProvider"]
        )
        if {each.name for each in session.get_inputs()} not in _INPUTS:
            raise self._broken("is another model")
        kokoro: kokoro_onnx.Kokoro = kokoro_onnx.Kokoro.from_session(session, str(self._voices))
        return kokoro

    def _options(self, cpus: list[int]) -> onnxruntime.SessionOptions:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._layout.threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if len(cpus) > 1:
            # The caller is the first thread; onnxruntime counts CPUs from one.
            pinned = ";".join(str(cpu + 1) for cpu in cpus[1:])
            options.add_session_config_entry("session.intra_op_thread_affinities", pinned)
        return options

    def _broken(self, why: str) -> EngineMissing:
        return EngineMissing(
            f"Kokoro's file {self._model.name!r} {why}.", "Run `babblefish models verify`."
        )
