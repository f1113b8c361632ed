"""The cloner's child process, for tests that need no more of it than its complaint."""

from babblefish.cloner.f5_worker import build


def problem_of(arguments: tuple[object, ...]) -> str:
    """Which file it cannot use, and why; call it in a process of its own, as `build` changes it."""
    file, problem = build(*arguments).problem()
    return f"{file} {problem}"
