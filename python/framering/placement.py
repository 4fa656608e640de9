"""The path under which pickles made by version 0.1.0 name a buffer's device."""

from framering.replay.device import DeviceTransfer as Placement

__all__ = ["Placement"]
