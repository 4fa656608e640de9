"""Replay buffers for other libraries. Each module imports its library."""
