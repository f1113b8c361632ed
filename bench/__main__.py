"""`python -m bench [NAME …]`: all measurements, or those named."""

import asyncio
import sys

from babblefish.telemetry import configure_logging
from bench import (
    cloning,
    f5,
    footprint,
    identification,
    kokoro,
    latency,
    noise,
    page,
    phones,
    remote,
    seamless,
    speaker,
    voice,
)

BENCHES = {
    "latency": latency.run,
    "noise": noise.run,
    "footprint": footprint.run,
    "phones": phones.run,
    "page": page.run,
    "remote": remote.run,
    "voice": voice.run,
    "kokoro": kokoro.run,
    "seamless": seamless.run,
    "speaker": speaker.run,
    "identification": identification.run,
    "f5": f5.run,
    "cloning": cloning.run,
}


def main() -> None:
    chosen = sys.argv[1:] or list(BENCHES)
    unknown = set(chosen) - set(BENCHES)
    if unknown:
        sys.exit(f"no such bench: {', '.join(sorted(unknown))}; there is {', '.join(BENCHES)}")
    configure_logging("error")
    for name in chosen:
        asyncio.run(BENCHES[name]())


if __name__ == "__main__":
    main()
