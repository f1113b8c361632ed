"""BabbleFish: self-hosted, real-time speech-to-speech translation for phones."""
