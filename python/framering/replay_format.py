"""The path under which pickles made by version 0.1.0 name how a space is stored."""

from framering.replay.spaces import ArraySpec as Format

__all__ = ["Format"]
