"""What a phone plays."""

import base64
import io
import wave
from typing import Any

from babblefish.audio import Audio, from_pcm16


def heard(result: dict[str, Any]) -> Audio | None:
    """The speech of a `result`; `None` if there is none."""
    if result["tts_audio"] is None:
        return None
    with wave.open(io.BytesIO(base64.b64decode(result["tts_audio"]))) as file:
        return Audio(from_pcm16(file.readframes(file.getnframes())), file.getframerate())
