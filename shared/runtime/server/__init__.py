"""The HTTP server under every port that listens: slow clients cost a timeout, never a thread.

One thread speaks with all clients and hands a request to the threads that work only when it has been read whole; an
answer waits in a buffer until it is taken. waitress does that. Ours is what it leaves open: deadlines for the whole of
a request and of an answer (a client that sends a byte every second is active, and never done), the bound on
connections, threads for health that no other request can hold, and refusals as problem documents. See
docs/decisions/0017.
"""

from shared.runtime.server.limits import Limits
from shared.runtime.server.listening import Server, listening_socket

__all__ = ["Limits", "Server", "listening_socket"]
