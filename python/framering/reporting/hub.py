"""Sharing a trained model on the Hugging Face Hub."""

import dataclasses
import pprint
import shutil
import statistics
from pathlib import Path
from typing import Any

from framering.config import TrainConfig

_LIBRARY = "framering"


def upload(
    config: TrainConfig,
    run_folder: Path,
    model_path: Path,
    returns: list[float],
    videos: Path | None,
) -> str:
    """Upload a run's model card, weights, events and videos; return the repository's address.

    Needs the huggingface-hub extra, and a token as ``hf auth login`` stores it.
    """
    from huggingface_hub import HfApi

    folder = make_upload_folder(config, run_folder, model_path, returns, videos)
    api = HfApi()
    repository = api.create_repo(repository_name(config), exist_ok=True)
    api.upload_folder(
        repo_id=repository.repo_id,
        folder_path=folder,
        commit_message=f"{config.env_id}, seed {config.seed}",
        delete_patterns=["*.tfevents*", "*.mp4"],
    )
    return str(repository)


def repository_name(config: TrainConfig) -> str:
    """Name the repository as CleanRL does: ``[entity/]env-experiment-seed``.

    Examples
    --------
    >>> from framering import TrainConfig
    >>> repository_name(TrainConfig(hf_entity="someone"))
    'someone/BreakoutNoFrameskip-v4-dqn_atari-seed1'
    """
    environment = config.env_id.replace("/", "-").replace(":", "-")
    name = f"{environment}-{config.exp_name}-seed{config.seed}"
    return f"{config.hf_entity}/{name}" if config.hf_entity else name


def make_upload_folder(
    config: TrainConfig,
    run_folder: Path,
    model_path: Path,
    returns: list[float],
    videos: Path | None,
) -> Path:
    """Gather what is uploaded into ``{run_folder}/upload``; return that folder.

    It holds README.md (the model card with the evaluation's result), the weights, the TensorBoard
    events, all videos, and the newest of them as replay.mp4, which the Hub shows.

    Parameters
    ----------
    config
        The run's settings.
    run_folder
        Where the run's events are.
    model_path
        The saved weights.
    returns
        The evaluation's returns.
    videos
        The folder of the evaluation's videos, if there are any.
    """
    folder = run_folder / "upload"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copy2(model_path, folder)
    for events in run_folder.glob("*.tfevents*"):
        shutil.copy2(events, folder)
    recorded = list(videos.glob("*.mp4")) if videos else []
    recorded.sort(key=lambda path: path.stat().st_mtime_ns)
    for video in recorded:
        (folder / "videos").mkdir(exist_ok=True)
        shutil.copy2(video, folder / "videos")
    if recorded:
        shutil.copy2(recorded[-1], folder / "replay.mp4")
    (folder / "README.md").write_text(_model_card(config, model_path.name, returns))
    return folder


def _model_card(config: TrainConfig, model_name: str, returns: list[float]) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    result = EvalResult(
        task_type="reinforcement-learning",
        dataset_type=config.env_id,
        dataset_name=config.env_id,
        metric_type="mean_reward",
        metric_name="mean_reward",
        metric_value=f"{statistics.fmean(returns):.2f} +/- {statistics.pstdev(returns):.2f}",
    )
    metadata = ModelCardData(
        library_name=_LIBRARY,
        model_name="DQN",
        tags=[config.env_id, "deep-reinforcement-learning", "reinforcement-learning", "atari"],
        eval_results=[result],
    )
    changed = {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if getattr(config, field.name) != field.default
    }
    flags = " ".join(_flag(name, value) for name, value in changed.items())
    return f"""---
{metadata.to_yaml()}
---
# DQN on {config.env_id}

A deep Q-network trained with framering. Its weights have the names and shapes of CleanRL's
`dqn_atari.py`, so that CleanRL loads them too.

Mean return of {len(returns)} games at ε = {config.end_e}: {statistics.fmean(returns):.2f},
standard deviation {statistics.pstdev(returns):.2f}.

## Play it

```bash
pip install framering
framering eval --model {model_name} --env-id {config.env_id}
```

## Train it again

```bash
framering train {flags}
```

## Settings

```python
{pprint.pformat(dataclasses.asdict(config), sort_dicts=False)}
```
"""


def _flag(name: str, value: Any) -> str:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{flag}" if value else f"--no-{flag}"
    return f"--{flag} {value}"
