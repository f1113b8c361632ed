"""Text into speech."""
