"""Atari games: one emulator with its preprocessing, and Gymnasium's wrapper.

Nothing here imports torch, so that a worker process starts quickly.
"""

from framering.atari.emulator import AtariEmulator, Game, Step
from framering.atari.settings import AtariSettings

__all__ = ["AtariEmulator", "AtariSettings", "Game", "Step"]
