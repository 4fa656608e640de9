import sys

import cv2
import numpy as np
import pytest

from framering.reporting.video import GameRecorder, VideoFile, capped_cubic_schedule


def frames_of(path):
    video = cv2.VideoCapture(str(path))
    frames = []
    while True:
        there, frame = video.read()
        if not there:
            return frames
        frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))


def image(red, green, blue):
    return np.full((64, 48, 3), (red, green, blue), np.uint8)


def test_a_video_shows_what_was_appended(tmp_path):
    colors = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    video = VideoFile(tmp_path / "new" / "video.mp4")
    for color in colors:
        video.append(image(*color))
    video.close()

    shown = frames_of(tmp_path / "new" / "video.mp4")

    assert [frame.shape for frame in shown] == [(64, 48, 3)] * 3
    for frame, color in zip(shown, colors, strict=True):
        assert np.abs(frame.mean(axis=(0, 1)) - color).max() < 16


def test_without_opencv_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)

    with pytest.raises(ImportError, match="apt-get install libgl1"):
        VideoFile(tmp_path / "video.mp4")


def test_schedule_records_cubes_and_then_every_thousandth():
    chosen = [number for number in range(3001) if capped_cubic_schedule(number)]

    assert chosen == [0, 1, 8, 27, 64, 125, 216, 343, 512, 729, 1000, 2000, 3000]


class Games:
    """Renders images of one brightness."""

    def __init__(self):
        self.brightness = 0

    def render(self):
        return (image(self.brightness, self.brightness, self.brightness),)


def test_each_chosen_episode_gets_a_file_of_its_own(tmp_path):
    finished = []
    games = Games()
    recorder = GameRecorder(tmp_path, chosen=lambda episode: episode != 1, finished=finished.append)
    for ended in [False, False, True, True, False, False, False]:
        recorder.capture(games, {"_episode": np.array([ended])})
    recorder.close()

    names = [f"rl-video-episode-{number}.mp4" for number in (0, 2)]
    assert finished == [tmp_path / name for name in names]
    assert [len(frames_of(path)) for path in finished] == [2, 4]


def test_a_video_that_cannot_be_written_ends_the_recording_with_one_warning(tmp_path):
    (tmp_path / "file").touch()
    warnings = []
    recorder = GameRecorder(tmp_path / "file", chosen=lambda episode: True, warn=warnings.append)
    for ended in [False, True, False]:
        recorder.capture(Games(), {"_episode": np.array([ended])})
    recorder.close()

    (warning,) = warnings
    assert warning.startswith("warning: no more videos are recorded: [Errno 17] File exists")


def test_a_codec_that_fails_ends_the_recording_with_one_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2.VideoWriter, "fourcc", lambda *_: 0x7FFFFFFF)
    warnings, finished = [], []
    recorder = GameRecorder(tmp_path, lambda episode: True, finished.append, warnings.append)
    for ended in [False, True, False]:
        recorder.capture(Games(), {"_episode": np.array([ended])})
    recorder.close()

    (warning,) = warnings
    assert "OpenCV cannot write a VP9 video" in warning
    assert finished == []


def test_without_a_warning_function_the_error_is_raised(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(FileExistsError):
        GameRecorder(tmp_path / "file")


def test_a_path_that_is_not_utf8_is_refused(tmp_path):
    with pytest.raises(OSError, match="OpenCV needs a path in UTF-8"):
        VideoFile(tmp_path / "\udcff" / "video.mp4")

    assert list(tmp_path.iterdir()) == []
