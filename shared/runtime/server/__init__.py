"""The HTTP server of every port: a slow client costs a timeout, never a thread.

One thread reads and writes for all clients and gives a request to a worker thread only when it was read completely; a
response waits in a buffer until the client has read it. waitress does that. Ours is what it lacks: deadlines for the
whole of a request and of a response (a client that sends a byte every second is active, and never done), the limit of
connections, threads for health that no other request can use, and refusals as problem documents. See
docs/decisions/0017.
"""

from shared.runtime.server.limits import Limits
from shared.runtime.server.listening import Server, listening_socket

__all__ = ["Limits", "Server", "listening_socket"]
