"""Settings of a training run: CleanRL's arguments under CleanRL's names, and ours."""

import dataclasses
import math
import os
from typing import Literal

from framering.errors import ConfigError

# What random generators and the core's counters hold: seeds and steps are added to one another.
MAX_INTEGER = 2**62
_MAX_ENVS = 10_000
_MAX_STEPS = 1_000_000  # of a return
_MAX_THREADS = 1024
# A file name has at most 255 bytes; the model's file adds ".cleanrl_model" and, while it is being
# written, the number of the process.
_MAX_NAME_BYTES = 200


@dataclasses.dataclass(kw_only=True)
class TrainConfig:
    """Settings of one training run.

    The names and defaults of the first two groups are those of CleanRL's ``dqn_atari.py``
    (https://docs.cleanrl.dev/rl-algorithms/dqn/). All frequencies count environment steps, over
    all environments together: ``num_envs=8`` with ``train_frequency=4`` makes two updates each
    time that the eight environments step.

    Examples
    --------
    >>> from framering import TrainConfig
    >>> config = TrainConfig(env_id="PongNoFrameskip-v4", total_timesteps=20_000)
    >>> config.gamma
    0.99
    """

    exp_name: str = "dqn_atari"
    """the name of this experiment"""
    seed: int = 1
    """seed of the experiment"""
    torch_deterministic: bool = True
    """let cuDNN choose only deterministic algorithms"""
    cuda: bool = True
    """use CUDA where it is available"""
    track: bool = False
    """track this run with Weights & Biases (needs framering[wandb])"""
    wandb_project_name: str = "cleanRL"
    """the Weights & Biases project"""
    wandb_entity: str | None = None
    """the entity (team) of the Weights & Biases project"""
    capture_video: bool = False
    """record episodes of the first environment into videos/{run_name}"""
    save_model: bool = False
    """save the model into runs/{run_name} at the end, and evaluate it"""
    upload_model: bool = False
    """upload the saved model to the Hugging Face Hub (needs framering[huggingface-hub])"""
    hf_entity: str = ""
    """the user or organisation of the model repository on the Hugging Face Hub"""

    env_id: str = "BreakoutNoFrameskip-v4"
    """the Gymnasium id of the environment"""
    total_timesteps: int = 10_000_000
    """environment steps of the whole run"""
    learning_rate: float = 1e-4
    """the learning rate of Adam"""
    num_envs: int = 1
    """the number of parallel environments"""
    buffer_size: int = 1_000_000
    """the capacity of the replay buffer, in transitions"""
    buffer_memory: int = 0
    """bytes that the transitions of image frames may take: where they reach it, the oldest are
    removed; 0: no limit, unless frames that do not compress could need more than is free"""
    gamma: float = 0.99
    """the discount factor"""
    tau: float = 1.0
    """the weight of the online network in each target update (1: copy)"""
    target_network_frequency: int = 1000
    """environment steps between target updates"""
    batch_size: int = 32
    """transitions in a batch"""
    start_e: float = 1
    """epsilon at the first step"""
    end_e: float = 0.01
    """epsilon once exploration has ended"""
    exploration_fraction: float = 0.10
    """the fraction of total-timesteps over which epsilon falls from start-e to end-e"""
    learning_starts: int = 80_000
    """environment steps before the first update"""
    train_frequency: int = 4
    """environment steps between updates"""

    preset: str = "cleanrl"
    """the settings to start from: cleanrl (CleanRL's own), fast or pong; other flags override
    them"""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """the device of the networks; auto: CUDA where it is available (and --cuda), else the CPU"""
    compile: bool = False
    """compile the update with torch.compile (on CUDA, as CUDA graphs)"""
    precision: Literal["float32", "bfloat16"] = "float32"
    """precision of convolutions and matrix products in an update: bfloat16 is faster where the
    processor has instructions for it (AVX512-BF16, AMX, a GPU), and slower elsewhere"""
    screen_size: int = 84
    """height and width of the preprocessed frames, in pixels: smaller ones train faster"""
    num_workers: int | None = None
    """worker processes that step the environments; None: one for each core, the main process being
    one of them unless it learns meanwhile"""
    torch_threads: int = 0
    """threads that torch uses; 0: torch's own choice"""
    pipeline: bool | None = None
    """learn while the environments step, from the transitions stored before; None: only with
    --num-envs above 1"""
    act_with: Literal["online", "target"] = "online"
    """the network that chooses actions; with target, acting never waits for an update, and the
    policy changes only at target updates (Daley & Amato, arXiv 2111.01264)"""

    double_dqn: bool = False
    """Double DQN: the online network selects the next action, the target network evaluates it
    (van Hasselt et al. 2016)"""
    network: Literal["nature", "nips"] = "nature"
    """for images: the network of Mnih et al. 2015 (nature), or the smaller one of 2013 (nips)"""
    dueling: bool = False
    """estimate state value and advantages in two streams (Wang et al. 2016)"""
    n_step: int = 1
    """steps of an n-step return, before it bootstraps"""
    huber: bool = False
    """use the Huber loss instead of the squared error"""
    prioritized: bool = False
    """prioritized experience replay (Schaul et al. 2016)"""
    alpha: float = 0.6
    """exponent of the priorities in prioritized replay (0: uniform)"""
    beta: float = 0.4
    """initial exponent of the importance-sampling weights; it rises to 1 at the end of the run"""
    max_grad_norm: float = 0.0
    """clip gradients to this norm; 0: no clipping"""

    eval_every: int = 0
    """environment steps between evaluations of ten episodes; 0: none"""
    checkpoint_every: int = 0
    """environment steps between checkpoints, and one at Ctrl-C or SIGTERM; 0: none"""
    resume: str = ""
    """continue the run in this folder (runs/NAME) from its last checkpoint"""

    def check(self) -> None:
        """Raise ConfigError for a setting that cannot work; allocates nothing."""
        self._check_names()
        self._check_integers()
        self._check_floats()
        self._check_combinations()

    @property
    def pipelined(self) -> bool:
        """Whether learning and emulation overlap."""
        return self.num_envs > 1 if self.pipeline is None else self.pipeline

    def _check_names(self) -> None:
        for name in ("exp_name", "wandb_project_name", "wandb_entity", "hf_entity"):
            text = getattr(self, name) or ""
            self._require(name, "printable characters only", text.isprintable())
        self._require("exp_name", f"a file name without {os.sep}", os.sep not in self.exp_name)
        length = len(self.exp_name.encode())
        if length > _MAX_NAME_BYTES:
            raise ConfigError(
                f"--exp-name: expected at most {_MAX_NAME_BYTES} bytes, got {length}; "
                "the name becomes part of file names: make it shorter"
            )

    def _check_integers(self) -> None:
        for name in (
            "total_timesteps",
            "num_envs",
            "buffer_size",
            "target_network_frequency",
            "batch_size",
            "train_frequency",
            "n_step",
        ):
            self._require(name, "1 or more", getattr(self, name) >= 1)
        for name in (
            "seed",
            "buffer_memory",
            "learning_starts",
            "torch_threads",
            "eval_every",
            "checkpoint_every",
        ):
            self._require(name, "0 or more", getattr(self, name) >= 0)
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int):
                self._require(field.name, f"at most {MAX_INTEGER}", value <= MAX_INTEGER)
        self._require("screen_size", "36 or more, for the convolutions", self.screen_size >= 36)
        self._require("num_envs", f"at most {_MAX_ENVS}", self.num_envs <= _MAX_ENVS)
        self._require("n_step", f"at most {_MAX_STEPS}", self.n_step <= _MAX_STEPS)
        self._require(
            "torch_threads",
            f"at most {_MAX_THREADS} (there are {os.cpu_count()} processor cores here)",
            self.torch_threads <= _MAX_THREADS,
        )
        if self.num_workers is not None:
            limits = f"between 0 and --num-envs {self.num_envs}"
            self._require("num_workers", limits, 0 <= self.num_workers <= self.num_envs)

    def _check_floats(self) -> None:
        for name in ("gamma", "start_e", "end_e", "alpha", "beta"):
            self._require(name, "between 0 and 1", 0 <= getattr(self, name) <= 1)
        for name in ("learning_rate", "tau", "exploration_fraction"):
            self._require(name, "above 0 and at most 1", 0 < getattr(self, name) <= 1)
        finite = math.isfinite(self.max_grad_norm) and self.max_grad_norm >= 0
        self._require("max_grad_norm", "a finite number, 0 or more", finite)

    def _check_combinations(self) -> None:
        if self.batch_size > self.learning_starts:
            raise ConfigError(
                f"--batch-size: expected at most --learning-starts {self.learning_starts}, "
                f"got {self.batch_size}; the first update would find too few transitions: "
                f"set --learning-starts to {self.batch_size} or more"
            )
        if self.buffer_size < self.num_envs:
            raise ConfigError(
                f"--buffer-size: expected at least --num-envs {self.num_envs}, "
                f"got {self.buffer_size}; each environment needs a place in the buffer: "
                f"set --buffer-size to {self.num_envs} or more"
            )
        if self.upload_model and not self.save_model:
            raise ConfigError(
                "--upload-model: expected --save-model beside it, got none; "
                "only a saved model is uploaded: give both"
            )

    def _require(self, name: str, expected: str, holds: bool) -> None:
        if not holds:
            flag = "--" + name.replace("_", "-")
            raise ConfigError(f"{flag}: expected {expected}, got {getattr(self, name)!r}")
