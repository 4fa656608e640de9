import time

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from framering import TrainConfig
from framering.reporting.metrics import Metrics


def events(folder):
    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    return accumulator


def test_events_have_the_tags_of_cleanrl(tmp_path):
    metrics = Metrics(tmp_path, TrainConfig(gamma=0.5))
    metrics.episode(7, 21.0, 900)
    metrics.update(100, loss=0.25, q_value=1.5, steps_per_second=60)
    metrics.evaluation([1.0, 2.0])
    metrics.close()

    written = events(tmp_path)
    scalars = {
        tag: [(event.step, event.value) for event in written.Scalars(tag)]
        for tag in written.Tags()["scalars"]
    }
    assert scalars == {
        "charts/episodic_return": [(7, 21.0)],
        "charts/episodic_length": [(7, 900.0)],
        "losses/td_loss": [(100, 0.25)],
        "losses/q_values": [(100, 1.5)],
        "charts/SPS": [(100, 60.0)],
        "eval/episodic_return": [(0, 1.0), (1, 2.0)],
    }
    text = written.Tensors("hyperparameters/text_summary")[0].tensor_proto.string_val[0].decode()
    assert text.startswith("|param|value|\n|-|-|\n|exp_name|dqn_atari|")
    assert "|gamma|0.5|" in text


def test_tracking_syncs_the_events_to_wandb(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "name").mkdir(parents=True)
    metrics = Metrics(tmp_path / "runs" / "name", TrainConfig(track=True))
    metrics.episode(7, 21.0, 900)
    metrics.update(100, loss=0.25, q_value=1.5, steps_per_second=60)
    metrics.close()

    (recorded,) = (tmp_path / "wandb").glob("offline-run-*/*.wandb")
    words = {b"cleanRL", b"charts/episodic_return", b"losses/td_loss", b"exploration_fraction"}
    # wandb writes its file in a process of its own, which may take a moment longer.
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        missing = {word for word in words if word not in recorded.read_bytes()}
        if not missing:
            break
        time.sleep(0.05)
    assert not missing
