"""Heads: what a network predicts of each action's return, and the loss that trains it."""
