"""Voices of people who said yes: their consent, samples of them, and what is made of those."""
