"""F5 checkpoints in memory, and whose voices they speak in.

Worker process only: it imports torch.
"""

import contextlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from f5_tts.model.cfm import CFM
from f5_tts.model.utils import convert_char_to_pinyin

from babblefish.audio import Audio, Samples
from babblefish.cloner import f5_text
from babblefish.cloner.f5_adapter import Adapter, Unfit, unpacked
from babblefish.cloner.f5_checkpoints import Checkpoint
from babblefish.cloner.f5_network import Unusable, load, vocoder
from babblefish.cloner.f5_prompt import SAMPLE_RATE, Prompt, prompt

_GUIDANCE = 2.0
_SWAY = -1.0
_PAUSE_S = 0.1
_FADE_S = 0.01


@dataclass
class Voice:
    """What was computed of a reference: `mel` [1, frames, 100]; and what was learned of it."""

    mel: torch.Tensor
    prompt: Prompt
    adapter: bytes = b""
    worn: dict[int, Adapter | None] = field(default_factory=dict)
    """For each network; none where it is of another."""

    @property
    def frames(self) -> int:
        """How long it is."""
        return self.mel.shape[1]


class F5Model:
    """Answers even if a checkpoint is unusable: then with the reason, as its `problem`."""

    def __init__(
        self, checkpoints: list[Any], vocoder_folder: str, device: str, half: bool, steps: int
    ) -> None:
        self._problem = ("", "")
        self._device = device
        self._steps = steps
        self._voices: dict[str, Voice] = {}
        self._networks: list[CFM] = []
        try:
            self._vocoder = vocoder(Path(vocoder_folder), device)
            for checkpoint in msgspec.convert(checkpoints, list[Checkpoint]):
                self._networks.append(load(checkpoint, device, dtype(half)))
        except Unusable as error:
            self._problem = error.name, str(error)

    def problem(self) -> tuple[str, str]:
        """Which file cannot be used and why; empty if all can."""
        return self._problem

    def device(self) -> str:
        """What it computes on."""
        return f"cuda: {torch.cuda.get_device_name()}" if self._device == "cuda" else "cpu"

    def memory(self) -> tuple[int, int]:
        """Of the GPU, in bytes: all, and used by anybody."""
        free, total = torch.cuda.mem_get_info()
        return total, total - free

    @torch.inference_mode()
    def teach(
        self, reference: str, samples: bytes, sample_rate: int, text: str, adapter: bytes
    ) -> str:
        """A voice; why it is none, else nothing."""
        try:
            heard = prompt(Audio(np.frombuffer(samples, "<f4"), sample_rate), text)
        except ValueError as error:
            return str(error)
        sound = torch.from_numpy(heard.samples)[None].to(self._device)
        mel = self._networks[0].mel_spec(sound).permute(0, 2, 1)
        self._voices[reference] = Voice(mel, heard, adapter)
        return ""

    @torch.inference_mode()
    def speak(self, number: int, text: str, reference: str) -> bytes:
        """By that network: samples of 24 kHz; raises `KeyError` for a voice that is not known."""
        voice = self._voices[reference]
        limit = f5_text.most_bytes(voice.prompt.text, len(voice.prompt.samples) / SAMPLE_RATE)
        with self._adapted(voice, number):
            spoken = [self._say(number, piece, voice) for piece in f5_text.pieces(text, limit)]
        return joined(spoken).astype("<f4").tobytes()

    def forget(self, references: list[str]) -> None:
        """Nothing of them is left."""
        for reference in references:
            self._voices.pop(reference, None)
        if self._device == "cuda":
            torch.cuda.empty_cache()

    @contextlib.contextmanager
    def _adapted(self, voice: Voice, number: int) -> Iterator[None]:
        network = self._networks[number].transformer
        if voice.adapter and number not in voice.worn:
            with contextlib.suppress(Unfit):
                voice.worn[number] = unpacked(voice.adapter, network)
        adapter = voice.worn.get(number)
        with adapter.worn(network) if adapter else contextlib.nullcontext():
            yield

    def _say(self, number: int, text: str, voice: Voice) -> Samples:
        frames = f5_text.frames(text, voice.prompt.text, voice.frames)
        made, _ = self._networks[number].sample(
            cond=voice.mel,
            text=convert_char_to_pinyin([voice.prompt.text + text]),
            duration=voice.frames + frames,
            steps=self._steps,
            cfg_strength=_GUIDANCE,
            sway_sampling_coef=_SWAY,
            # The same words always sound the same, so that hearing them again is no surprise.
            seed=zlib.crc32(text.encode()),
        )
        mel = made[:, voice.frames :].float().permute(0, 2, 1)
        samples = self._vocoder.decode(mel)[0].cpu().numpy() * voice.prompt.softer
        return np.asarray(np.clip(samples, -1, 1), np.float32)


def dtype(half: bool) -> torch.dtype:
    """What weights are."""
    return torch.float16 if half else torch.float32


def joined(pieces: list[Samples]) -> Samples:
    """With a short pause between, and no click."""
    pause = np.zeros(round(_PAUSE_S * SAMPLE_RATE), np.float32)
    parts = [part for piece in pieces for part in (pause, _faded(piece))]
    return np.concatenate(parts[1:]) if parts else np.zeros(0, np.float32)


def _faded(samples: Samples) -> Samples:
    width = min(round(_FADE_S * SAMPLE_RATE), len(samples) // 2)
    ramp = np.linspace(0, 1, width, dtype=np.float32)
    faded = samples.copy()
    faded[:width] *= ramp
    faded[len(faded) - width :] *= ramp[::-1]
    return faded
