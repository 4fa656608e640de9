"""The calls of an asynchronous vector environment: checks of their arguments, and their results."""

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import error
from gymnasium.vector import AutoresetMode

from framering.vector.arguments import check_actions, check_env_id
from framering.vector.async_stepper import AsyncStepper
from framering.vector.infos import async_infos, step_infos
from framering.vector.observations import AsyncObservationReader

_Results = tuple[
    npt.NDArray[np.uint8],
    npt.NDArray[np.float64],
    npt.NDArray[np.bool_],
    npt.NDArray[np.bool_],
    dict[str, Any],
]


class AsyncMode:
    """Starts chosen games, and returns whichever are ready.

    Parameters
    ----------
    stepper, observations
        Those of the environment.
    autoreset_mode
        That of the environment.
    num_actions
        The number of a game's actions.
    batch_size
        Games that `recv` returns.
    statistics
        Whether infos report finished games.
    """

    def __init__(
        self,
        stepper: AsyncStepper,
        observations: AsyncObservationReader,
        autoreset_mode: AutoresetMode,
        *,
        num_actions: int,
        batch_size: int,
        statistics: bool,
    ) -> None:
        self.stepper = stepper
        self._observations = observations
        self._autoreset_mode = autoreset_mode
        self._num_actions = num_actions
        self._batch_size = batch_size
        self._statistics = statistics

    def check_reset_mask(self, mask: npt.NDArray[np.bool_] | None) -> None:
        """Refuse to reset some games that are running."""
        if mask is not None:
            self._check_not_running(np.flatnonzero(mask))

    def send(self, actions: Any, env_id: Any) -> None:
        """Start a step of chosen games."""
        stepper = self.stepper
        if not stepper.has_reset:
            raise error.ResetNeeded("send came before reset: call async_reset or reset first")
        lanes = env_id
        if not stepper.columns.table.can_step(lanes, actions, self._num_actions):
            lanes = check_env_id(env_id, len(stepper.running))
            actions = check_actions(actions, len(lanes), self._num_actions)
            self._check_not_running(lanes)
        if self._autoreset_mode is AutoresetMode.DISABLED and stepper.ended[lanes].any():
            raise error.ResetNeeded(
                f"games {lanes[stepper.ended[lanes]].tolist()} have ended: "
                'reset them by async_reset(options={"reset_mask": mask}) first'
            )
        stepper.start(lanes, actions)

    def recv(self) -> _Results:
        """Wait for a batch of games, and return their results."""
        running = self.stepper.executor.uncollected
        if running < self._batch_size:
            raise error.NoAsyncCallError(
                f"recv: expected at least batch_size={self._batch_size} games that were started, "
                f"got {running}: send actions to more games first",
                "recv",
            )
        lanes, results = self.stepper.collect(self._batch_size)
        same_step = self._autoreset_mode is AutoresetMode.SAME_STEP
        infos = step_infos(
            self.stepper.columns,
            results,
            partial(self._observations.final_of, lanes) if same_step else None,
            statistics=self._statistics,
            lanes=lanes,
        )
        infos |= async_infos(lanes, results)
        observations = self._observations.newest_of(lanes)
        return observations, results.rewards, results.terminations, results.truncations, infos

    def _check_not_running(self, lanes: npt.NDArray[np.int64]) -> None:
        running = lanes[self.stepper.running[lanes]]
        if len(running):
            raise error.AlreadyPendingCallError(
                f"games {running.tolist()} were started already: recv their results first", "send"
            )
