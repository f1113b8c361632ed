"""The process in which pocketsphinx decodes: it never releases the GIL.

Decoders are shared, speakers are not: whatever a decoder learnt from one voice (the cepstral
mean) is taken out when the utterance ends and put back when the same speaker talks again, so
that no voice bends the recognition of another.
"""

from dataclasses import dataclass

from pocketsphinx import Decoder

SAMPLE_RATE = 16_000

Word = tuple[str, float, int]
"""A word, its posterior probability, its length in frames of 10 ms."""


@dataclass(slots=True)
class _Utterance:
    decoder: Decoder
    ended: bool = False


class SphinxWorker:
    """Decodes several utterances at a time, each on a decoder of its own."""

    def __init__(self) -> None:
        self._free: list[Decoder] = [_new_decoder()]
        self._utterances: dict[str, _Utterance] = {}

    def begin(self, stream: str, adaptation: str | None) -> None:
        """Begins the utterance, or begins it again, as the speaker's `adaptation` has it."""
        utterance = self._utterances.get(stream)
        if utterance is None:
            decoder = self._free.pop() if self._free else _new_decoder()
            utterance = self._utterances[stream] = _Utterance(decoder)
        elif not utterance.ended:
            utterance.decoder.end_utt()
        utterance.decoder.reinit_feat()  # forgets the noise level and the mean of whoever spoke
        if adaptation:
            utterance.decoder.set_cmn(adaptation)
        utterance.decoder.start_utt()
        utterance.ended = False

    def feed(self, stream: str, pcm: bytes) -> None:
        """More of it: Int16 little-endian, 16 kHz."""
        self._utterances[stream].decoder.process_raw(pcm)

    def partial(self, stream: str) -> str:
        """The best words so far."""
        hypothesis = self._utterances[stream].decoder.hyp()
        return hypothesis.hypstr if hypothesis else ""

    def finish(self, stream: str) -> tuple[list[Word], str]:
        """The words, and the adaptation after them."""
        utterance = self._utterances[stream]
        if not utterance.ended:
            utterance.decoder.end_utt()
            utterance.ended = True
        segments = utterance.decoder.seg() if utterance.decoder.hyp() else ()
        words = [
            (segment.word, segment.prob, segment.end_frame - segment.start_frame + 1)
            for segment in segments
        ]
        return words, utterance.decoder.get_cmn(True)

    def close(self, stream: str) -> None:
        """Gives the decoder back."""
        utterance = self._utterances.pop(stream, None)
        if utterance is None:
            return
        if not utterance.ended:
            utterance.decoder.end_utt()
        self._free.append(utterance.decoder)


def _new_decoder() -> Decoder:
    return Decoder(samprate=SAMPLE_RATE, loglevel="FATAL")
