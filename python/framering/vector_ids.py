"""Atari ids in the namespace ``framering`` of Gymnasium's registry, for `gymnasium.make_vec`."""

import gymnasium

ATARI_ENTRY_POINT = "ale_py.env:AtariEnv"
_VECTOR_ENTRY_POINT = "framering.vector_env:AtariVectorEnv"


def register_vector_ids() -> None:
    """Register each Atari id in the namespace ``framering``.

    ``framering/BreakoutNoFrameskip-v4`` and ``framering/Breakout-v5`` (ALE's) are then known to
    `gymnasium.make_vec`.
    """
    import ale_py

    gymnasium.register_envs(ale_py)
    atari = [
        name for name, spec in gymnasium.registry.items() if spec.entry_point == ATARI_ENTRY_POINT
    ]
    for env_id in atari:
        vector_id = f"framering/{env_id.removeprefix('ALE/')}"
        if vector_id not in gymnasium.registry:
            gymnasium.register(
                vector_id, vector_entry_point=_VECTOR_ENTRY_POINT, kwargs={"env_id": env_id}
            )
