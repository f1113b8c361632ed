"""What a laptop holds: bounded in number and bytes, for an hour after it was used."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from babblefish.accelerator.references import UNUSED_S, References, size
from babblefish.audio import Audio
from babblefish.cloner.base import Reference
from babblefish.cloner.wire import MAX_VOICES

MOST_BYTES = 1 << 20
LARGEST = MOST_BYTES // 4

speakers = st.integers(0, 2 * MAX_VOICES).map(str)


def reference(name: str, samples: int) -> Reference:
    return Reference(name, Audio(np.zeros(samples, np.float32), 24_000), "", "en")


class Holding(RuleBasedStateMachine):
    """A model that knows when each voice was used last, in the order in which they were."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.references = References(lambda: self.now, MOST_BYTES)
        self.held: dict[str, tuple[Reference, float]] = {}
        self.serial = 0

    @rule(speaker=speakers, samples=st.integers(1, LARGEST))
    def put(self, speaker: str, samples: int) -> None:
        self.serial += 1
        new = reference(str(self.serial), samples)
        expected = {speaker: old} if (old := self._drop(speaker)) else {}
        self.held[speaker] = new, self.now
        while len(self.held) > MAX_VOICES or self._bytes() > MOST_BYTES:
            oldest = next(iter(self.held))
            gone = self._drop(oldest)
            assert gone
            expected[oldest] = gone
        assert self.references.put(speaker, new) == expected

    @rule(speaker=speakers)
    def find(self, speaker: str) -> None:
        expected = self._drop(speaker)
        if expected:
            self.held[speaker] = expected, self.now
        assert self.references.find(speaker) is expected

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def put_the_same_again(self, data: st.DataObject) -> None:
        """Nothing went: what the engine computed of it is still good."""
        speaker = data.draw(st.sampled_from(sorted(self.held)))
        same = self._drop(speaker)
        assert same
        self.held[speaker] = same, self.now
        assert self.references.put(speaker, same) == {}

    @rule(who=st.sets(speakers, max_size=5))
    def remove(self, who: set[str]) -> None:
        expected = {name: gone for name in who if (gone := self._drop(name))}
        assert self.references.remove(who) == expected

    @rule(seconds=st.floats(0, UNUSED_S))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def expire(self) -> None:
        late = [name for name, (_, at) in self.held.items() if self.now - at >= UNUSED_S]
        assert self.references.expire() == {name: self._drop(name) for name in late}

    @invariant()
    def it_is_as_the_model_says_and_bounded(self) -> None:
        assert self.references.speakers == list(self.held)
        assert self.references.bytes == self._bytes() <= MOST_BYTES
        assert len(self.held) <= MAX_VOICES

    def _drop(self, speaker: str) -> Reference | None:
        return self.held.pop(speaker, (None, 0))[0]

    def _bytes(self) -> int:
        return sum(size(each) for each, _ in self.held.values())


TestHolding = Holding.TestCase
TestHolding.settings = settings(max_examples=30, deadline=None)


def test_what_alone_is_too_much_is_not_kept() -> None:
    references, huge = References(most_bytes=100), reference("huge", 26)
    assert references.put("pierre", huge) == {"pierre": huge}
    assert not references.speakers
