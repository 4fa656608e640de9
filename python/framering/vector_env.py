"""The public path of `AtariVectorEnv`, which Gymnasium's registry and its users name."""

from framering.vector.env import AtariVectorEnv

__all__ = ["AtariVectorEnv"]
