"""Measurements; each prints what it compares itself with, measured in the same run."""
