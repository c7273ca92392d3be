"""How a worker's port follows from that of its service; needs nothing but Python."""

WORKER_PORT_DISTANCE = 100
"""A worker's health and metrics are this far above its service's web port."""
