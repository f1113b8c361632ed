"""HTTP for tests that only ask: `httpx.get` reads every certificate authority, each time anew."""

import httpx

plain = httpx.Client(limits=httpx.Limits(max_keepalive_connections=0))
"""For servers here; it keeps no line open that a server would have to wait for."""
