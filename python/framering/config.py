"""Settings of a training run: CleanRL's arguments under CleanRL's names, and ours."""

import dataclasses
import math
import os
from typing import Literal

from framering.errors import ConfigError

# What random generators and the core's counters hold: seeds and steps are added to one another.
MAX_INTEGER = 2**62
_MAX_ENVS = 10_000
_MAX_COLLECTOR_STEPS = 10_000  # of each game in a chunk
_MAX_STEPS = 1_000_000  # of a return
_MAX_THREADS = 1024
_MAX_OUTPUTS = 10_000  # of one action
_MAX_GRADIENT_STEPS = 1000  # nothing interrupts them
_MAX_RETURN = 1e9
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
    """the settings to start from: cleanrl (CleanRL's own), cleanrl-c51, rainbow, der, drq-eps,
    dopamine, fast, quick or pong; other flags override them"""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """the device of the networks; auto: CUDA where it is available (and --cuda), else the CPU"""
    compile: bool = False
    """compile the update with torch.compile"""
    capture: bool = True
    """on CUDA, record the update and the choice of actions as CUDA graphs, and replay them"""
    precision: Literal["float32", "bfloat16", "auto"] = "float32"
    """precision of convolutions and matrix products in an update: bfloat16 is faster where the
    processor has instructions for it (AVX512-BF16, AMX, a GPU), and many times slower elsewhere;
    auto: bfloat16 where it is faster"""
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
    async_envs: bool = False
    """for Atari: let no environment wait for another: the policy acts for those that are ready,
    half of them at a time, while the others step; which are ready depends on time, so runs with the
    same seed differ"""

    collectors: int = 0
    """for Atari: actors on Ray that play the games, each on a core of its own, while this process
    learns (needs framering[ray]); 0: none. Which chunk comes first depends on time, so runs with
    the same seed differ"""
    collector_envs: int = 8
    """games of each collector"""
    collector_steps: int = 32
    """steps of each game that a collector sends at a time, as a chunk"""
    weights_every: int = 100
    """updates between the weights that collectors act with"""
    ray_address: str = ""
    """the Ray cluster to join: auto, or HOST:PORT; without one, Ray is started on this machine"""

    epsilons: Literal["schedule", "apex"] = "schedule"
    """the epsilon of each environment (of each collector, where there are some): that of the
    schedule; or (apex, Horgan et al. 2018) the schedule's until that falls below one of its own,
    which is 0.4 for the first and 0.4^8 for the last"""
    act_with: Literal["online", "target"] = "online"
    """the network that chooses actions; with target, acting never waits for an update, and the
    policy changes only at target updates (Daley & Amato, arXiv 2111.01264)"""

    head: Literal["dqn", "c51", "qr-dqn", "iqn"] = "dqn"
    """what the network predicts of each action's return: its expectation (dqn), probabilities of
    atoms (c51, Bellemare et al. 2017), quantiles at fixed fractions (qr-dqn, Dabney et al. 2018) or
    at drawn ones (iqn, Dabney et al. 2018)"""
    n_atoms: int = 51
    """atoms of c51"""
    v_min: float = -10.0
    """the first atom of c51"""
    v_max: float = 10.0
    """the last atom of c51"""
    n_quantiles: int | None = None
    """quantiles of qr-dqn (None: 200), or drawn for each update by iqn (None: 8)"""
    double_dqn: bool = False
    """Double DQN: the online network selects the next action, the target network evaluates it
    (van Hasselt et al. 2016)"""
    munchausen: bool = False
    """targets of a soft policy, and a bonus for likely actions (Vieillard et al. 2020)"""
    network: Literal["nature", "nips", "data-efficient", "impala"] = "nature"
    """for images: the network of Mnih et al. 2015 (nature), the smaller ones of Mnih et al. 2013
    (nips) and van Hasselt et al. 2019 (data-efficient), or the residual one of Espeholt et al. 2018
    (impala)"""
    dueling: bool = False
    """estimate state value and advantages in two streams (Wang et al. 2016)"""
    noisy: bool = False
    """explore by noise on the weights after the convolutions (NoisyNet, Fortunato et al. 2018);
    --start-e 0 --end-e 0 leaves the noise alone"""
    noisy_sigma: float = 0.5
    """the initial scale of that noise"""
    layer_norm: bool = False
    """normalise the layers' outputs before each ReLU (LayerNorm)"""
    augment: bool = False
    """shift the images of each batch at random (DrQ, Yarats et al. 2021)"""
    n_step: int = 1
    """steps of an n-step return, before it bootstraps"""
    huber: bool = False
    """use the Huber loss instead of the squared error (the quantile losses always have it)"""
    prioritized: bool = False
    """prioritized experience replay (Schaul et al. 2016)"""
    alpha: float = 0.6
    """exponent of the priorities in prioritized replay (0: uniform)"""
    beta: float = 0.4
    """initial exponent of the importance-sampling weights; it rises to 1 at the end of the run"""
    max_grad_norm: float = 0.0
    """clip gradients to this norm; 0: no clipping"""
    adam_eps: float = 1e-8
    """the epsilon of Adam"""
    gradient_steps: int = 1
    """updates made every train-frequency steps"""

    terminal_on_life_loss: bool = True
    """for Atari: let a lost life end the episode that is learned from"""
    repeat_action_probability: float | None = None
    """for Atari: sticky actions, the probability that a frame repeats the last action (Machado et
    al. 2018); None: that of the env-id"""

    eval_every: int = 0
    """environment steps between evaluations; 0: none"""
    eval_episodes: int = 10
    """whole games of an evaluation"""
    eval_epsilon: float | None = None
    """epsilon of an evaluation; None: end-e"""
    eval_videos: int = 10
    """first games of the saved model's evaluation that are recorded into
    videos/{run_name}-eval; they are played one at a time, the others ten"""
    checkpoint_every: int = 0
    """environment steps between checkpoints, with one at the end, and at Ctrl-C or SIGTERM; 0:
    none"""
    schedule_timesteps: int | None = None
    """environment steps that the schedules of epsilon and beta are made for; None:
    total-timesteps (a run that is extended keeps the number that it was started with)"""
    resume: str = ""
    """continue the run in this folder (runs/NAME) from its last checkpoint; --total-timesteps
    beside it extends the run, --collectors and --ray-address change where its games are played"""

    def check(self) -> None:
        """Raise ConfigError for a setting that cannot work; allocates nothing."""
        self._check_names()
        self._check_integers()
        self._check_floats()
        self._check_combinations()
        self._check_async_envs()
        self._check_collectors()
        self._check_algorithm()

    @property
    def exploration_steps(self) -> float:
        """Environment steps over which epsilon falls."""
        return self.exploration_fraction * self.scheduled_steps

    @property
    def scheduled_steps(self) -> int:
        """Environment steps that the schedules of epsilon and beta are made for."""
        return self.schedule_timesteps or self.total_timesteps

    @property
    def pipelined(self) -> bool:
        """Whether learning and emulation overlap."""
        return self.num_envs > 1 if self.pipeline is None else self.pipeline

    @property
    def acting_envs(self) -> int:
        """Environments that the policy acts for at once.

        With `async_envs` these are half of them, so that the other half occupies the workers
        meanwhile; more would leave workers idle, fewer would act more often for less.
        """
        return self.num_envs // 2 if self.async_envs else self.num_envs

    @property
    def lanes(self) -> int:
        """Games that write into the replay buffer, each into a lane of its own."""
        return self.collectors * self.collector_envs if self.collectors else self.num_envs

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
            "collector_envs",
            "collector_steps",
            "weights_every",
            "buffer_size",
            "target_network_frequency",
            "batch_size",
            "train_frequency",
            "gradient_steps",
            "eval_episodes",
            "n_step",
        ):
            self._require(name, "1 or more", getattr(self, name) >= 1)
        for name in (
            "seed",
            "collectors",
            "buffer_memory",
            "learning_starts",
            "torch_threads",
            "eval_every",
            "eval_videos",
            "checkpoint_every",
        ):
            self._require(name, "0 or more", getattr(self, name) >= 0)
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int):
                self._require(field.name, f"at most {MAX_INTEGER}", value <= MAX_INTEGER)
        if self.schedule_timesteps is not None:
            self._require("schedule_timesteps", "1 or more", self.schedule_timesteps >= 1)
        self._require("screen_size", "36 or more, for the convolutions", self.screen_size >= 36)
        for name in ("num_envs", "collectors", "collector_envs"):
            self._require(name, f"at most {_MAX_ENVS}", getattr(self, name) <= _MAX_ENVS)
        limit = _MAX_COLLECTOR_STEPS
        self._require("collector_steps", f"at most {limit}", self.collector_steps <= limit)
        self._require("n_step", f"at most {_MAX_STEPS}", self.n_step <= _MAX_STEPS)
        limit = _MAX_GRADIENT_STEPS
        self._require("gradient_steps", f"at most {limit}", self.gradient_steps <= limit)
        self._require("n_atoms", f"2 to {_MAX_OUTPUTS}", 2 <= self.n_atoms <= _MAX_OUTPUTS)
        if self.n_quantiles is not None:
            fits = 1 <= self.n_quantiles <= _MAX_OUTPUTS
            self._require("n_quantiles", f"1 to {_MAX_OUTPUTS}", fits)
        self._require(
            "torch_threads",
            f"at most {_MAX_THREADS} (there are {os.cpu_count()} processor cores here)",
            self.torch_threads <= _MAX_THREADS,
        )
        if self.num_workers is not None:
            limits = f"between 0 and --num-envs {self.num_envs}"
            self._require("num_workers", limits, 0 <= self.num_workers <= self.num_envs)

    def _check_floats(self) -> None:
        for name in (
            *("gamma", "start_e", "end_e", "alpha", "beta"),
            *("eval_epsilon", "repeat_action_probability"),
        ):
            value = getattr(self, name)
            self._require(name, "between 0 and 1", value is None or 0 <= value <= 1)
        for name in ("learning_rate", "tau", "exploration_fraction", "adam_eps", "noisy_sigma"):
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
        if self.buffer_size < self.lanes:
            games = (
                f"--collectors × --collector-envs {self.lanes}"
                if self.collectors
                else f"--num-envs {self.num_envs}"
            )
            raise ConfigError(
                f"--buffer-size: expected at least {games}, got {self.buffer_size}; each "
                f"environment needs a place in the buffer: set --buffer-size to {self.lanes} or "
                "more"
            )
        if self.upload_model and not self.save_model:
            raise ConfigError(
                "--upload-model: expected --save-model beside it, got none; "
                "only a saved model is uploaded: give both"
            )

    def _check_async_envs(self) -> None:
        if not self.async_envs:
            return
        if self.num_envs < 2:
            raise ConfigError(
                f"--async-envs: expected --num-envs 2 or more beside it, got {self.num_envs}; one "
                "environment has no other to wait for: leave it out"
            )
        if self.pipeline is not None:
            raise ConfigError(
                "--async-envs: expected no --pipeline and no --no-pipeline beside it, got one; "
                "asynchronous environments always step while the policy learns: leave it out"
            )
        if self.capture_video:
            raise ConfigError(
                "--async-envs: expected no --capture-video beside it, got it; each image would "
                "wait for all environments: leave one out"
            )

    def _check_collectors(self) -> None:
        if not self.collectors:
            if self.ray_address:
                raise ConfigError(
                    f"--ray-address: expected --collectors beside it, got {self.ray_address!r} "
                    "alone: give --collectors a number, or leave it out"
                )
            return
        if self.num_envs > 1:
            raise ConfigError(
                f"--collectors: expected --num-envs 1 beside it, got {self.num_envs}; the games "
                "are those of the collectors: give --num-envs 1, and --collector-envs"
            )
        for name, asked in (
            ("async-envs", self.async_envs),
            ("pipeline", self.pipeline is not None),
            ("num-workers", self.num_workers is not None),
            ("capture-video", self.capture_video),
        ):
            if asked:
                raise ConfigError(
                    f"--collectors: expected no --{name} beside it, got it; the games are played "
                    "in other processes, while this one learns: leave one out"
                )

    def _check_algorithm(self) -> None:
        if not -_MAX_RETURN <= self.v_min < self.v_max <= _MAX_RETURN:
            raise ConfigError(
                f"--v-min, --v-max: expected two finite numbers, the first below the second, got "
                f"{self.v_min} and {self.v_max}"
            )
        if self.huber and self.head != "dqn":
            raise ConfigError(
                f"--huber: expected --head dqn beside it, got {self.head}, which has a loss of its "
                "own: leave --huber out"
            )
        if self.munchausen and self.double_dqn:
            raise ConfigError(
                "--munchausen: expected no --double-dqn beside it, because its targets choose no "
                "greedy action: leave one out"
            )

    def _require(self, name: str, expected: str, holds: bool) -> None:
        if not holds:
            flag = "--" + name.replace("_", "-")
            raise ConfigError(f"{flag}: expected {expected}, got {getattr(self, name)!r}")
