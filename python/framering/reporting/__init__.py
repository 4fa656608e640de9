"""Reports of a run: events, progress, curves, videos. This package takes plain values only."""
