"""What a run shows and writes down: events, progress, curves, videos. It takes plain values."""
