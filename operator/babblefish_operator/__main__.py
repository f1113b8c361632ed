"""`python -m babblefish_operator`: until a signal ends it."""

import signal
import sys
from types import FrameType


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    """Runs the operator; says in a sentence or two why it cannot."""
    # The kernel drops a signal that process 1 of a container does not handle; kopf's handler
    # comes only after its import.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    from babblefish.errors import BabbleFishError

    try:
        from babblefish_operator import app

        app.run()
    except BabbleFishError as error:
        sys.exit(f"babblefish-operator: {error}")


if __name__ == "__main__":
    main()
