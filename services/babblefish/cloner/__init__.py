"""Text to speech in a speaker's own voice."""
