"""Settings of a training run: CleanRL's arguments under CleanRL's names, and ours."""

import dataclasses
import os
from typing import Literal

from framering.errors import ConfigError


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
    """record games of the first environment into videos/{run_name}"""
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
    """the capacity of the replay memory, in transitions"""
    gamma: float = 0.99
    """the discount factor"""
    tau: float = 1.0
    """the share of the online network in each target update (1: copy)"""
    target_network_frequency: int = 1000
    """environment steps between target updates"""
    batch_size: int = 32
    """transitions in a batch"""
    start_e: float = 1
    """epsilon at the first step"""
    end_e: float = 0.01
    """epsilon once exploration has ended"""
    exploration_fraction: float = 0.10
    """the share of total-timesteps over which epsilon falls from start-e to end-e"""
    learning_starts: int = 80_000
    """environment steps before the first update"""
    train_frequency: int = 4
    """environment steps between updates"""

    preset: str = "cleanrl"
    """where the command's settings start from: cleanrl (exact), fast or pong"""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """where the networks live; auto: CUDA where it is available (and --cuda), else the CPU"""
    compile: bool = False
    """compile the update with torch.compile (on CUDA, as CUDA graphs)"""
    precision: Literal["float32", "bfloat16"] = "float32"
    """of the update's convolutions and products: bfloat16 is faster where the processor has
    instructions for it (AVX512-BF16, AMX, a GPU), and slower elsewhere"""
    screen_size: int = 84
    """pixels of a side of the frames: fewer are faster, and show less"""
    num_workers: int | None = None
    """processes that emulate; None: one a core, this one too unless it learns meanwhile"""
    torch_threads: int = 0
    """threads of torch's; 0: one a core on the CPU, one beside a GPU"""
    pipeline: bool | None = None
    """learn while the emulators step, from transitions of before; None: with --num-envs above 1"""
    act_with: Literal["online", "target"] = "online"
    """target: act with the target network, so that acting never waits for learning (Daley & Amato,
    arXiv 2111.01264); the policy then changes only at target updates"""

    double_dqn: bool = False
    """let the online network choose the next action that the target network values"""
    network: Literal["nature", "nips"] = "nature"
    """for pictures, the network of Mnih et al. 2015, or the smaller one of 2013"""
    dueling: bool = False
    """estimate state values and advantages in two streams"""
    n_step: int = 1
    """steps whose rewards a target sums before it bootstraps"""
    huber: bool = False
    """take the Huber loss instead of the squared error"""
    prioritized: bool = False
    """replay transitions in proportion to their errors (Schaul et al. 2016)"""
    alpha: float = 0.6
    """how much errors count in prioritised replay"""
    beta: float = 0.4
    """how much its weights correct for that at first; 1 at the end of the run"""
    max_grad_norm: float = 0.0
    """scale gradients down to this norm; 0: leave them"""

    eval_every: int = 0
    """environment steps between evaluations of ten games; 0: none"""
    checkpoint_every: int = 0
    """environment steps between checkpoints, and one at Ctrl-C or SIGTERM; 0: none"""
    resume: str = ""
    """go on with a run from its last checkpoint: runs/NAME"""

    def check(self) -> None:
        """Raise ConfigError for a setting that can't work; allocates nothing."""
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
            "learning_starts",
            "torch_threads",
            "max_grad_norm",
            "eval_every",
            "checkpoint_every",
        ):
            self._require(name, "0 or more", getattr(self, name) >= 0)
        for name in ("gamma", "tau", "start_e", "end_e", "exploration_fraction", "alpha", "beta"):
            self._require(name, "between 0 and 1", 0 <= getattr(self, name) <= 1)
        self._require("screen_size", "36 or more, for the convolutions", self.screen_size >= 36)
        self._require("learning_rate", "above 0", self.learning_rate > 0)
        self._require("exploration_fraction", "above 0", self.exploration_fraction > 0)
        self._require("tau", "above 0", self.tau > 0)
        if self.num_workers is not None:
            limits = f"between 0 and --num-envs {self.num_envs}"
            self._require("num_workers", limits, 0 <= self.num_workers <= self.num_envs)
        if self.batch_size > self.learning_starts:
            raise ConfigError(
                f"--batch-size {self.batch_size} is larger than --learning-starts "
                f"{self.learning_starts}: the first update would find too few transitions; "
                f"set --learning-starts to {self.batch_size} or more"
            )
        if self.buffer_size < self.num_envs:
            raise ConfigError(
                f"--buffer-size {self.buffer_size} leaves nothing for each of "
                f"--num-envs {self.num_envs}; make it larger"
            )
        if self.upload_model and not self.save_model:
            raise ConfigError("--upload-model uploads what --save-model saves; give both")
        if os.sep in self.exp_name:
            raise ConfigError(f"--exp-name is a file name, without {os.sep}; got {self.exp_name}")

    @property
    def pipelined(self) -> bool:
        """Whether learning and emulation overlap."""
        return self.num_envs > 1 if self.pipeline is None else self.pipeline

    def _require(self, name: str, expected: str, holds: bool) -> None:
        if not holds:
            flag = "--" + name.replace("_", "-")
            raise ConfigError(f"{flag} must be {expected}; got {getattr(self, name)}")
