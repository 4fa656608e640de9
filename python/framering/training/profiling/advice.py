"""Advice that follows from a profile: what a run is bound by, and what to try."""

import torch

from framering.config import TrainConfig
from framering.cores import usable_cores
from framering.device import has_fast_bfloat16
from framering.training.preflight import run_device
from framering.training.profiling.parts import ACTING, EMULATION, LEARNING
from framering.training.profiling.profile import LoopProfile

_MANY_ENVS = 8


def advice(profile: LoopProfile) -> str:
    """Return which part of the algorithm takes most of the time, and the settings that shorten it.

    It goes by the phases after learning starts, in which a long run spends its time.
    """
    times, config = profile.steady(), profile.config
    shares = dict.fromkeys(("learning", "emulation", "acting", "the loop"), 0.0)
    for part, total in times.parts.items():
        shares[_bound(part)] += total.seconds / times.seconds
    most = max(shares, key=lambda name: shares[name])
    remedies = {
        "learning": _for_learning,
        "emulation": _for_emulation,
        "acting": _for_acting,
        "the loop": _for_the_loop,
    }[most](config)
    if profile.images and most in ("learning", "acting") and config.network in ("nature", "impala"):
        remedies.append("--network nips or --network data-efficient (smaller networks)")
    bound = f"Bound by {most}: it takes {shares[most]:.0%} of the time"
    if profile.phases["learning"].steps:
        bound += " after learning starts"
    if not remedies:
        return f"{bound}. The settings that usually shorten it are in use already."
    return f"{bound}. To shorten it, try {', '.join(remedies)}."


def _bound(part: str) -> str:
    for name, parts in (("learning", LEARNING), ("emulation", EMULATION), ("acting", ACTING)):
        if part in parts:
            return name
    return "the loop"


def _for_learning(config: TrainConfig) -> list[str]:
    device = run_device(config)
    remedies = []
    if device.type == "cpu":
        cores = usable_cores()
        if torch.get_num_threads() < cores and not config.torch_threads:
            remedies.append(f"--torch-threads {cores}")
        if torch.cuda.is_available():
            remedies.append("--device cuda")
    if config.precision == "float32" and has_fast_bfloat16(device):
        remedies.append("--precision auto")
    if not config.compile:
        remedies.append("--compile")
    if device.type == "cpu" and not torch.cuda.is_available():
        remedies.append("a GPU (--device cuda)")
    return remedies


def _for_emulation(config: TrainConfig) -> list[str]:
    cores, remedies = usable_cores(), []
    if config.num_envs < _MANY_ENVS:
        remedies.append(f"--num-envs {_MANY_ENVS}")
    if config.num_workers is not None and config.num_workers < min(cores, config.num_envs):
        remedies.append(f"--num-workers {min(cores, config.num_envs)}")
    if not config.pipelined and config.num_envs > 1:
        remedies.append("--pipeline")
    return remedies


def _for_acting(config: TrainConfig) -> list[str]:
    """One pass of the network chooses the actions of all environments."""
    remedies = []
    if config.num_envs < _MANY_ENVS:
        remedies.append(f"--num-envs {_MANY_ENVS}")
    return remedies


def _for_the_loop(config: TrainConfig) -> list[str]:
    remedies = []
    if config.num_envs < _MANY_ENVS:
        remedies.append(f"--num-envs {_MANY_ENVS}")
    if not config.pipelined and config.num_envs > 1:
        remedies.append("--pipeline")
    return remedies
