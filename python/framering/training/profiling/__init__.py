"""``framering profile``: the time that each part of the training loop takes, by phase."""

from framering.training.profiling.profile import LoopProfile, profile
from framering.training.profiling.report import as_json, as_trace, report

__all__ = ["LoopProfile", "as_json", "as_trace", "profile", "report"]
