"""Speech into voiceprints, by which voices are told apart."""
