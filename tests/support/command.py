"""The `babblefish` command, without a process of its own: that would take a second to start."""

from typer.testing import CliRunner

from babblefish.cli import app


def babblefish(*arguments: object, **environment: object) -> tuple[int, str]:
    """Its exit status, and what it said."""
    done = CliRunner().invoke(
        app,
        [str(argument) for argument in arguments],
        env={name: str(value) for name, value in environment.items()},
    )
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output
