"""Videos of games, as mp4 files that browsers play."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FRAMES_PER_SECOND = 15


def capped_cubic_schedule(episode: int) -> bool:
    """Choose episodes 0, 1, 8, 27, … 729, then every thousandth, as Gymnasium's RecordVideo."""
    if episode < 1000:
        cube_root: int = round(episode ** (1 / 3))
        return cube_root**3 == episode
    return episode % 1000 == 0


def import_cv2() -> Any:
    """Import OpenCV; raise ImportError that says what to install where that fails."""
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            f"videos are written with OpenCV, which can't be imported ({error}); install the "
            "system's libGL (Debian and Ubuntu: apt-get install libgl1 libglib2.0-0)"
        ) from error
    return cv2


def why_no_videos() -> str | None:
    """Try whether videos can be written here; if not, return the reason."""
    try:
        import_cv2()
    except ImportError as error:
        return str(error)
    return None


class VideoFile:
    """An mp4 file (VP9) that grows by one picture at a time.

    Parameters
    ----------
    path
        Where to write; its folder is made.

    Raises
    ------
    ImportError
        If OpenCV can't be imported; the message says what to install.
    """

    def __init__(self, path: Path) -> None:
        self._cv2 = import_cv2()
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._writer: Any = None

    def append(self, picture: NDArray[np.uint8]) -> None:
        """Append an RGB picture (height, width, 3); all of one file have one size."""
        if self._writer is None:
            height, width = picture.shape[:2]
            codec = self._cv2.VideoWriter.fourcc(*"vp09")
            self._writer = self._cv2.VideoWriter(
                str(self.path), codec, _FRAMES_PER_SECOND, (width, height)
            )
            if not self._writer.isOpened():
                raise OSError(f"OpenCV can't write a VP9 video to {self.path}")
        self._writer.write(self._cv2.cvtColor(picture, self._cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None


class GameRecorder:
    """Records chosen games of a vector environment's first environment.

    Call ``capture`` after the reset and after each step.

    Parameters
    ----------
    folder
        Where ``rl-video-episode-{number}.mp4`` files go.
    chosen
        Whether to record the game of a given number, counted from 0.
    finished
        Called with the path of each file once it is whole.
    """

    def __init__(
        self,
        folder: Path,
        chosen: Callable[[int], bool] = capped_cubic_schedule,
        finished: Callable[[Path], None] = lambda path: None,
    ) -> None:
        self._folder = folder
        self._chosen = chosen
        self._finished = finished
        self._game = 0
        self._file = self._next_file()

    def capture(self, envs: Any, infos: dict[str, Any]) -> None:
        """Take the picture of the present step; start on the next game where this one ended."""
        if "_episode" in infos and infos["_episode"][0]:
            self.close()
            self._game += 1
            self._file = self._next_file()
        if self._file is not None:
            self._file.append(envs.render()[0])

    def close(self) -> None:
        """Finish the file of a game that is still being recorded."""
        if self._file is not None:
            self._file.close()
            self._finished(self._file.path)
            self._file = None

    def _next_file(self) -> VideoFile | None:
        if not self._chosen(self._game):
            return None
        return VideoFile(self._folder / f"rl-video-episode-{self._game}.mp4")
