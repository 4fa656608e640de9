"""The path under which pickles made by version 0.1.0 name a space's format."""

from framering.replay.spaces import Format

__all__ = ["Format"]
