"""The one error a caller meets."""


class ClusterError(Exception):
    """What happened, and what to do."""
