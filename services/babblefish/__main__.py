"""`python -m babblefish` is the `babblefish` command."""

from babblefish.cli import app

if __name__ == "__main__":
    app()
