"""Starts the accelerator: `laptop_tts_accelerator.py --server wss://…/ws/tts-accelerator`."""

import sys

from babblefish.cli import app

app(["accelerator", *sys.argv[1:]])
