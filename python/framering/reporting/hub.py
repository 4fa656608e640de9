"""Sharing a trained model on the Hugging Face Hub."""

import dataclasses
import pprint
import shutil
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_LIBRARY = "framering"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """A trained model with its evaluation, as the Hub shows it.

    Attributes
    ----------
    env_id, exp_name, seed
        The environment's id, the experiment's name and the seed, which name the repository.
    run_folder
        The folder of the run's events.
    path
        The saved weights.
    returns
        The returns of the evaluation.
    epsilon
        The probability of a random action in the evaluation.
    videos
        The folder of the evaluation's videos; None: there are none.
    settings
        The run's settings, by name.
    command
        The command that trains the model again.
    """

    env_id: str
    exp_name: str
    seed: int
    run_folder: Path
    path: Path
    returns: Sequence[float]
    epsilon: float
    videos: Path | None
    settings: Mapping[str, Any]
    command: str


def upload(model: TrainedModel, entity: str = "") -> str:
    """Upload a model's card, weights, events and videos; return the repository's address.

    Needs the huggingface-hub extra, and a token as ``hf auth login`` stores it.

    Parameters
    ----------
    model
        The model.
    entity
        The user or organisation of the repository; empty: the token's user.
    """
    from huggingface_hub import HfApi

    folder = make_upload_folder(model)
    api = HfApi()
    name = repository_name(model.env_id, model.exp_name, model.seed, entity)
    repository = api.create_repo(name, exist_ok=True)
    api.upload_folder(
        repo_id=repository.repo_id,
        folder_path=folder,
        commit_message=f"{model.env_id}, seed {model.seed}",
        delete_patterns=["*.tfevents*", "*.mp4"],
    )
    return str(repository)


def repository_name(env_id: str, exp_name: str, seed: int, entity: str = "") -> str:
    """Return the name of a model's repository, as CleanRL's: ``[entity/]env-experiment-seed``.

    Examples
    --------
    >>> repository_name("BreakoutNoFrameskip-v4", "dqn_atari", 1, "someone")
    'someone/BreakoutNoFrameskip-v4-dqn_atari-seed1'
    """
    environment = env_id.replace("/", "-").replace(":", "-")
    name = f"{environment}-{exp_name}-seed{seed}"
    return f"{entity}/{name}" if entity else name


def make_upload_folder(model: TrainedModel) -> Path:
    """Copy the files of an upload into ``{run_folder}/upload``; return that folder.

    They are README.md (the model card with the evaluation's result), the weights, the TensorBoard
    events, all videos, and the newest of these as replay.mp4, which the Hub shows.
    """
    folder = model.run_folder / "upload"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copy2(model.path, folder)
    for events in model.run_folder.glob("*.tfevents*"):
        shutil.copy2(events, folder)
    recorded = list(model.videos.glob("*.mp4")) if model.videos else []
    recorded.sort(key=lambda path: path.stat().st_mtime_ns)
    for video in recorded:
        (folder / "videos").mkdir(exist_ok=True)
        shutil.copy2(video, folder / "videos")
    if recorded:
        shutil.copy2(recorded[-1], folder / "replay.mp4")
    (folder / "README.md").write_text(_model_card(model), encoding="utf-8")
    return folder


def _model_card(model: TrainedModel) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    mean, deviation = statistics.fmean(model.returns), statistics.pstdev(model.returns)
    result = EvalResult(
        task_type="reinforcement-learning",
        dataset_type=model.env_id,
        dataset_name=model.env_id,
        metric_type="mean_reward",
        metric_name="mean_reward",
        metric_value=f"{mean:.2f} +/- {deviation:.2f}",
    )
    metadata = ModelCardData(
        library_name=_LIBRARY,
        model_name="DQN",
        tags=[model.env_id, "deep-reinforcement-learning", "reinforcement-learning", "atari"],
        eval_results=[result],
    )
    return f"""---
{metadata.to_yaml()}
---
# DQN on {model.env_id}

A deep Q-network trained with framering. Its weights have the names and shapes of CleanRL's
`dqn_atari.py`; CleanRL loads them too.

Mean return of {len(model.returns)} episodes at ε = {model.epsilon}: {mean:.2f},
standard deviation {deviation:.2f}.

## Evaluate it

```bash
pip install framering
framering eval --model {model.path.name} --env-id {model.env_id}
```

## Train it again

```bash
{model.command}
```

## Settings

```python
{pprint.pformat(dict(model.settings), sort_dicts=False)}
```
"""
