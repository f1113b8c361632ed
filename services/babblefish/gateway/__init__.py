"""Phones in, translated speech out."""
