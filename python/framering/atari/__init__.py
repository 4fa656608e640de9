"""Atari games: one emulator with its preprocessing, and Gymnasium's wrapper.

Nothing here imports torch, so that a worker process starts quickly.
"""

from framering.atari.emulator import AtariEmulator, FinishedGame, Step
from framering.atari.settings import AtariSettings

Game = FinishedGame  # Its name in version 0.1.0.

__all__ = ["AtariEmulator", "AtariSettings", "FinishedGame", "Game", "Step"]
