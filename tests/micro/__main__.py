"""`python -m tests.micro seamless|kokoro|…`: rebuilds that one, with its checksums."""

import argparse
import shutil
from importlib import import_module

from tests.micro import CHECKPOINTS, sums

_FOLDERS = {
    "seamless": "seamless-m4t-v2-large",
    "kokoro": "kokoro",
    "pyannote": "pyannote-embedding",
    "f5": "f5-en-fr-pl",
    "vocos": "vocos-mel-24khz",
}


def main() -> None:
    """Builds beside the kept one, and takes its place only when done."""
    parser = argparse.ArgumentParser(prog="python -m tests.micro", description=__doc__)
    parser.add_argument("model", choices=_FOLDERS)
    model = parser.parse_args().model
    kept = CHECKPOINTS / _FOLDERS[model]
    fresh = kept.with_name(f".{kept.name}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    import_module(f"tests.micro.{model}").build(fresh)
    sums.sign(fresh)
    shutil.rmtree(kept, ignore_errors=True)
    fresh.rename(kept)


main()
