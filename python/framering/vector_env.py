"""The public path of `AtariVectorEnv`, which Gymnasium's registry and its users name.

``gymnasium.make_vec("framering/BreakoutNoFrameskip-v4", num_envs=8)`` makes one once framering is
imported, ``gymnasium.make_vec("framering.vector_env:framering/…")`` without.
"""

from framering.vector.env import AtariVectorEnv

__all__ = ["AtariVectorEnv"]
