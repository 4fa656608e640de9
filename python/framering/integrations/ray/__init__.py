"""Ray: processes on one machine or on a cluster that answer requests, and are restarted."""

from framering.integrations.ray.cluster import RaySession
from framering.integrations.ray.pool import MOST_OUTSTANDING, ActorPool, Fault, Received, put

__all__ = ["MOST_OUTSTANDING", "ActorPool", "Fault", "RaySession", "Received", "put"]
