"""Pickles of buffers as older versions wrote them."""

from typing import Any

from framering.replay.sampling import PrioritizedSampling, UniformSampling

_NEW_NAMES = {
    "_observations": "_observation_spec",
    "_actions": "_action_spec",
    "_placement": "_transfer",
}


def upgrade_state(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state of a buffer's pickle with the attributes of this version."""
    state = {"memory_limit": None, **state}
    if "_strategy" in state:
        return state
    state = {_NEW_NAMES.get(name, name): value for name, value in state.items()}
    if "_beta" not in state:
        return {**state, "_strategy": UniformSampling()}
    alpha, beta, epsilon = (state.pop(name) for name in ("_initial_alpha", "_beta", "epsilon"))
    return {**state, "_strategy": PrioritizedSampling(alpha, beta, epsilon)}
