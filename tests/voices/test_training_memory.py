"""Whether a fine-tune fits, told before it begins."""

import pytest

from babblefish.cloner.f5_checkpoints import Architecture
from babblefish.voices.training_memory import DoesNotFit, check, estimate, parameters

BASE = Architecture()
LETTERS = 2546
GB = 10**9


def test_the_base_has_as_many_parameters_as_its_authors_say() -> None:
    """F5TTS_v1_Base: 336 M."""
    assert parameters(BASE, LETTERS) == pytest.approx(336e6, rel=0.05)


def test_all_weights_do_not_fit_4_gb_and_an_adapter_does() -> None:
    needed = estimate(BASE, LETTERS)
    assert needed.adapter < 5 * GB < needed.full


def test_what_does_not_fit_is_refused_beforehand_with_both_figures() -> None:
    with pytest.raises(DoesNotFit, match=r"needs about .* GB .* 1.0 GB are free .* Job on the ser"):
        check(estimate(BASE, LETTERS), GB)


def test_who_asks_for_all_weights_hears_if_an_adapter_would_do() -> None:
    needed = estimate(BASE, LETTERS)
    check(needed, needed.adapter)
    with pytest.raises(DoesNotFit, match=r"all weights needs about .* Leave --full away"):
        check(needed, needed.adapter, full=True)
    with pytest.raises(DoesNotFit, match=r"\. Run it where there is more"):
        check(needed, needed.adapter - 1, full=True)


def test_what_fits_is_not() -> None:
    check(estimate(BASE, LETTERS), 16 * GB)
    check(estimate(BASE, LETTERS), 16 * GB, full=True)
