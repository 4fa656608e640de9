"""The public path of `AtariVectorEnv`, which Gymnasium's registry and its users name.

Importing it registers each Atari id in the namespace ``framering``, for
``gymnasium.make_vec("framering.vector_env:framering/BreakoutNoFrameskip-v4", num_envs=8)``.
"""

from framering.atari.registry import register_vector_ids
from framering.vector.env import AtariVectorEnv

__all__ = ["AtariVectorEnv"]

register_vector_ids("framering.vector_env:AtariVectorEnv")
