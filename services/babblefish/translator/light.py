"""The light profile's translator: pocketsphinx, then Apertium; nothing but packages."""

from babblefish.settings import Settings
from babblefish.stage.cores import available_cores
from babblefish.translator.apertium import Apertium
from babblefish.translator.cascade import Cascade
from babblefish.translator.pocketsphinx import Pocketsphinx


def build(settings: Settings) -> Cascade:
    """Not yet started."""
    return Cascade(
        Pocketsphinx(
            processes=settings.threads or available_cores(),
            min_confidence=settings.min_word_confidence,
        ),
        Apertium(settings.apertium_modes),
    )
