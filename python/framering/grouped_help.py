"""The settings of a run in groups, for ``framering train --help``."""

import ast
import dataclasses
import inspect
import textwrap
from typing import Annotated, Any, get_type_hints

GROUPS: dict[str, tuple[str, ...]] = {
    "experiment": ("preset", "exp_name", "seed", "total_timesteps", "resume", "schedule_timesteps"),
    "environment": (
        "env_id",
        "num_envs",
        "screen_size",
        "terminal_on_life_loss",
        "repeat_action_probability",
    ),
    "algorithm": (
        "learning_rate",
        "adam_eps",
        "gamma",
        "batch_size",
        "learning_starts",
        "train_frequency",
        "gradient_steps",
        "target_network_frequency",
        "tau",
        "start_e",
        "end_e",
        "exploration_fraction",
        "epsilons",
        "act_with",
        "double_dqn",
        "munchausen",
        "n_step",
        "huber",
        "max_grad_norm",
        "augment",
    ),
    "network": (
        "network",
        "dueling",
        "noisy",
        "noisy_sigma",
        "layer_norm",
        "head",
        "n_atoms",
        "v_min",
        "v_max",
        "n_quantiles",
    ),
    "replay": ("buffer_size", "buffer_memory", "prioritized", "alpha", "beta"),
    "speed": (
        "device",
        "cuda",
        "torch_deterministic",
        "precision",
        "compile",
        "capture",
        "pipeline",
        "async_envs",
        "num_workers",
        "torch_threads",
    ),
    "collectors": (
        "collectors",
        "collector_envs",
        "collector_steps",
        "weights_every",
        "ray_address",
    ),
    "saving": (
        "save_model",
        "checkpoint_every",
        "eval_every",
        "eval_episodes",
        "eval_epsilon",
        "eval_videos",
        "capture_video",
        "upload_model",
        "hf_entity",
        "track",
        "wandb_project_name",
        "wandb_entity",
    ),
}


def grouped(kind: type, default: Any) -> type:
    """Return a dataclass for tyro with the settings of another, in groups.

    Settings that are in no group come first, by themselves.

    Parameters
    ----------
    kind
        `TrainConfig`, or a dataclass derived from it.
    default
        The settings that ``--help`` shows as defaults.
    """
    import tyro

    types, texts = get_type_hints(kind), _texts(kind)

    def field(name: str) -> tuple[str, Any, Any]:
        helped = Annotated[types[name], tyro.conf.arg(help=texts[name])]  # type: ignore[valid-type]
        return name, helped, dataclasses.field(default=getattr(default, name))

    in_groups = {name for names in GROUPS.values() for name in names}
    fields = [field(one.name) for one in dataclasses.fields(kind) if one.name not in in_groups]
    for title, names in GROUPS.items():
        group = dataclasses.make_dataclass(title, map(field, names))
        whole = tyro.conf.OmitArgPrefixes[group]  # type: ignore[valid-type]
        fields.append((title, whole, dataclasses.field(default_factory=group)))
    return dataclasses.make_dataclass(kind.__name__, fields)


def _texts(kind: type) -> dict[str, str]:
    """Return the texts below the fields of a dataclass and of those that it is derived from."""
    texts = {}
    for owner in filter(dataclasses.is_dataclass, reversed(kind.__mro__)):
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
        assert isinstance(definition, ast.ClassDef)
        for field, text in zip(definition.body, definition.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
                assert isinstance(field.target, ast.Name)
                texts[field.target.id] = " ".join(ast.literal_eval(text.value).split())
    return texts
