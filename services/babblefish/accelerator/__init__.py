"""The program of a laptop that clones voices: it dials a gateway and serves what it is asked."""
