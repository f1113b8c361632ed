"""Speech and text into text in other languages."""
