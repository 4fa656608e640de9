import os

import huggingface_hub
import pytest

from framering.reporting.hub import TrainedModel, make_upload_folder, repository_name, upload


@pytest.fixture
def folder(tmp_path):
    run = tmp_path / "runs" / "name"
    run.mkdir(parents=True)
    (run / "dqn_atari.cleanrl_model").write_bytes(b"weights")
    (run / "events.out.tfevents.1.host").write_bytes(b"events")
    videos = tmp_path / "videos" / "name-eval"
    videos.mkdir(parents=True)
    for age, number in enumerate([2, 10, 9]):
        video = videos / f"rl-video-episode-{number}.mp4"
        video.write_bytes(f"video {number}".encode())
        os.utime(video, (1000 - age, 1000 - age))
    return make_upload_folder(
        trained_model(run, run / "dqn_atari.cleanrl_model", returns=[19.0, 21.0], videos=videos)
    )


def trained_model(run_folder, path, returns, videos=None):
    return TrainedModel(
        env_id="ALE/Pong-v5",
        exp_name="dqn_atari",
        seed=3,
        run_folder=run_folder,
        path=path,
        returns=returns,
        epsilon=0.01,
        videos=videos,
        settings={"gamma": 0.95},
        command="framering train --env-id ALE/Pong-v5 --gamma 0.95",
    )


def test_the_folder_has_the_weights_the_events_and_the_videos(folder):
    found = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "README.md"
    }

    assert found == {
        "dqn_atari.cleanrl_model": b"weights",
        "events.out.tfevents.1.host": b"events",
        "replay.mp4": b"video 2",
        "videos/rl-video-episode-2.mp4": b"video 2",
        "videos/rl-video-episode-9.mp4": b"video 9",
        "videos/rl-video-episode-10.mp4": b"video 10",
    }


def test_the_model_card_is_valid_and_has_the_result(folder):
    from huggingface_hub import ModelCard

    card = ModelCard.load(folder / "README.md")

    (result,) = card.data.eval_results
    assert (result.metric_type, result.metric_value) == ("mean_reward", "20.00 +/- 1.00")
    assert result.dataset_name == "ALE/Pong-v5"
    assert "deep-reinforcement-learning" in card.data.tags
    assert card.data.library_name == "framering"


def test_the_model_card_has_the_command_and_the_settings(folder):
    card = (folder / "README.md").read_text()

    assert "framering train --env-id ALE/Pong-v5 --gamma 0.95\n" in card
    assert "{'gamma': 0.95}" in card


def test_repositories_are_named_as_by_cleanrl():
    name = repository_name("PongNoFrameskip-v4", "dqn_atari", 2, "someone")

    assert name == "someone/PongNoFrameskip-v4-dqn_atari-seed2"


def test_upload_sends_that_folder_and_replaces_old_events_and_videos(tmp_path, monkeypatch):
    sent = {}

    class Api:
        def create_repo(self, repo_id, *, exist_ok):
            assert exist_ok
            return huggingface_hub.RepoUrl(f"https://huggingface.co/{repo_id}")

        def upload_folder(self, **arguments):
            sent.update(arguments)

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    (tmp_path / "model").write_bytes(b"weights")

    address = upload(trained_model(tmp_path, tmp_path / "model", returns=[1.0]), "someone")

    assert address == "https://huggingface.co/someone/ALE-Pong-v5-dqn_atari-seed3"
    assert sent["repo_id"] == "someone/ALE-Pong-v5-dqn_atari-seed3"
    assert sent["folder_path"] == tmp_path / "upload"
    assert sorted(path.name for path in sent["folder_path"].iterdir()) == ["README.md", "model"]
    assert sent["delete_patterns"] == ["*.tfevents*", "*.mp4"]
