"""How much a laptop has to say, and how fast it does: pure, every time is the caller's."""

from dataclasses import dataclass

# Until it is measured: a small GPU says three to four seconds of speech in one.
_PRIOR_PACE = 0.02
_SMOOTHING = 0.3
_GOOD_FOR_S = 30.0
# What is short takes hardly less time than this.
_LIGHTEST = 24
_LONGEST_REST_S = 60.0


def weight(text: str) -> int:
    """How much there is to say, in UTF-8 bytes: by these F5-TTS itself plans how long it speaks."""
    return max(_LIGHTEST, len(text.encode()))


@dataclass(slots=True)
class _Sentence:
    weight: int
    begun: float | None = None


class Workload:
    """Sentences in the order in which they were asked for, `capacity` of them spoken at a time.

    The pace, in seconds a byte, is an average in which the latest weigh most. A slow one is
    believed for half a minute only: nobody would ask that laptop again, and learn better.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._sentences: dict[str, _Sentence] = {}
        self._pace = _PRIOR_PACE
        self._measured_at = float("-inf")
        self._failures = 0
        self._rests_until = float("-inf")

    def __len__(self) -> int:
        return len(self._sentences)

    def pace(self, now: float) -> float:
        """Seconds a byte, by what is known."""
        known = now - self._measured_at <= _GOOD_FOR_S
        return self._pace if known else min(self._pace, _PRIOR_PACE)

    def rests(self, now: float) -> bool:
        """After failures it is left alone for a while, each time for longer."""
        return now < self._rests_until

    def takes_s(self, weight: int, now: float) -> float:
        """Until another sentence would be spoken."""
        pace = self.pace(now)
        own = pace * weight
        if len(self._sentences) < self._capacity:
            return own
        return own + sum(self._left_s(s, pace, now) for s in self._sentences.values()) / (
            self._capacity
        )

    def add(self, sentence: str, weight: int, now: float) -> None:
        """One more, behind all others."""
        self._sentences[sentence] = _Sentence(weight)
        self._go_on(now)

    def remove(self, sentence: str, now: float) -> None:
        """Nobody wants it any more, or it is another's now."""
        self._sentences.pop(sentence, None)
        self._go_on(now)

    def spoken(self, sentence: str, now: float) -> None:
        """It was answered."""
        self._measure(sentence, now)
        self.remove(sentence, now)

    def late(self, sentence: str, now: float) -> None:
        """It was not answered in time: it would have taken longer than it has."""
        begun = self._sentences[sentence].begun
        if begun is not None and now - begun > self.pace(now) * self._sentences[sentence].weight:
            self._measure(sentence, now)
        self.remove(sentence, now)

    def failed(self, now: float) -> None:
        """An answer was an error, or no speech."""
        self._failures += 1
        self._rests_until = now + min(_LONGEST_REST_S, 0.25 * 2**self._failures)

    def succeeded(self) -> None:
        """An answer was what was asked for."""
        self._failures = 0

    def _go_on(self, now: float) -> None:
        for sentence in list(self._sentences.values())[: self._capacity]:
            sentence.begun = now if sentence.begun is None else sentence.begun

    def _measure(self, name: str, now: float) -> None:
        sentence = self._sentences[name]
        if sentence.begun is None:
            return  # answered out of turn: it says nothing of the pace
        pace = (now - sentence.begun) / sentence.weight
        fresh = now - self._measured_at > _GOOD_FOR_S
        self._pace = pace if fresh else self._pace + _SMOOTHING * (pace - self._pace)
        self._measured_at = now

    def _left_s(self, sentence: _Sentence, pace: float, now: float) -> float:
        spoken_for = 0.0 if sentence.begun is None else now - sentence.begun
        return max(0.0, pace * sentence.weight - spoken_for)
