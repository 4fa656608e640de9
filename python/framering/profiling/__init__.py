"""Measurements of the replay buffer and of the preprocessing alone, without training."""
