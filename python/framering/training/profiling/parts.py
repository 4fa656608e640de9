"""The parts of the training loop, and the methods whose time belongs to them."""

from gymnasium.vector import SyncVectorEnv

from framering import _core
from framering.atari.emulator import AtariEmulator
from framering.atari.frame_skip import MaxAndSkip, PoolAndSkip
from framering.dqn.exploration import EpsilonGreedy
from framering.dqn.learner import Learner
from framering.replay.buffer import ReplayBuffer
from framering.replay.prioritized import PrioritizedReplayBuffer
from framering.reporting.run_logger import RunLogger
from framering.training import loop
from framering.training.profiling.stopwatch import Method
from framering.training.wrappers import ReplayRecorder
from framering.vector.env import AtariVectorEnv
from framering.vector.observations import ObservationReader
from framering.vector.pool import WorkerPool

EMULATE, PREPROCESS, WRITE = "emulate", "preprocess", "write frames"
WAIT, LEARN, COMPILE, REST = "wait for workers", "learn", "compile", "the loop itself"

METHODS = [
    Method("choose actions", EpsilonGreedy, "actions"),
    Method("send actions", AtariVectorEnv, "send"),
    # Of a step, what is not preprocessing is emulation, and the bookkeeping of episodes.
    Method(EMULATE, AtariEmulator, "step"),
    Method(EMULATE, AtariEmulator, "reset"),
    Method(EMULATE, SyncVectorEnv, "step"),
    Method(PREPROCESS, MaxAndSkip, "observe"),
    Method(PREPROCESS, PoolAndSkip, "observe"),
    Method(WRITE, _core.LaneTable, "finish_step"),
    Method(WRITE, _core.LaneWriter, "begin_segment"),
    Method(WRITE, ReplayBuffer, "add"),
    Method(WAIT, WorkerPool, "receive"),
    Method("gather stacks", ObservationReader, "newest"),
    Method("gather stacks", ObservationReader, "final"),
    Method("receive results", AtariVectorEnv, "recv"),
    Method("receive results", ReplayRecorder, "step"),
    Method("sample a batch", ReplayBuffer, "sample"),
    Method(LEARN, Learner, "update"),
    Method(COMPILE, Learner, "_compile_and_run", whole=True),
    Method("update priorities", PrioritizedReplayBuffer, "update_priorities"),
    Method("update the target", Learner, "update_target"),
    Method("report", RunLogger, "log_step"),
    Method("report", RunLogger, "log_update"),
    Method("evaluate", loop, "evaluate_run", whole=True),
    Method("save", loop, "checkpoint_or_warn", whole=True),
]
PARTS = [*dict.fromkeys(method.part for method in METHODS), REST]

# What a run is bound by; the other parts are the loop's.
LEARNING = frozenset({"sample a batch", LEARN, "update priorities", "update the target"})
EMULATION = frozenset({EMULATE, PREPROCESS, WRITE, WAIT})
ACTING = frozenset({"choose actions"})
