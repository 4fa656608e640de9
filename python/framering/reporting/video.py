"""Videos of episodes, as mp4 files that browsers play."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FRAMES_PER_SECOND = 15


def capped_cubic_schedule(episode: int) -> bool:
    """Return whether an episode is one of 0, 1, 8, 27, … 729, 1000, 2000, … (as in RecordVideo)."""
    if episode < 1000:
        cube_root: int = round(episode ** (1 / 3))
        return cube_root**3 == episode
    return episode % 1000 == 0


def import_cv2() -> Any:
    """Import OpenCV; raise an ImportError that says what to install if that fails."""
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            f"videos are written with OpenCV, which cannot be imported ({error}); install the "
            "system's libGL (Debian and Ubuntu: apt-get install libgl1 libglib2.0-0)"
        ) from error
    return cv2


def why_no_videos() -> str | None:
    """Return why videos cannot be written here, or None if they can."""
    try:
        import_cv2()
    except ImportError as error:
        return str(error)
    return None


class VideoFile:
    """An mp4 file (VP9) that grows by one image at a time.

    Parameters
    ----------
    path
        Where to write; its folder is made.

    Raises
    ------
    ImportError
        If OpenCV cannot be imported; the message says what to install.
    OSError
        If the folder cannot be made, or the path is not UTF-8.
    """

    def __init__(self, path: Path) -> None:
        self._cv2 = import_cv2()
        # OpenCV crashes at a name with surrogates, which stand for bytes that are not UTF-8.
        if any("\ud800" <= character <= "\udfff" for character in str(path)):
            raise OSError(errno.EILSEQ, "OpenCV needs a path in UTF-8", str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._writer: Any = None

    def append(self, image: NDArray[np.uint8]) -> None:
        """Append an RGB image (height, width, 3); all images of a file have one size.

        Raises
        ------
        OSError
            If the file cannot be opened.
        """
        if self._writer is None:
            height, width = image.shape[:2]
            codec = self._cv2.VideoWriter.fourcc(*"vp09")
            self._writer = self._cv2.VideoWriter(
                str(self.path), codec, _FRAMES_PER_SECOND, (width, height)
            )
            if not self._writer.isOpened():
                raise OSError(f"OpenCV cannot write a VP9 video to {self.path}")
        self._writer.write(self._cv2.cvtColor(image, self._cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None


class GameRecorder:
    """Records chosen episodes of the first environment of a vector environment.

    Call ``capture`` after the reset and after each step.

    Parameters
    ----------
    folder
        Where ``rl-video-episode-{number}.mp4`` files go.
    chosen
        Whether to record the episode of a given number, counted from 0.
    finished
        Called with the path of each finished file.
    warn
        Called with a warning once a file cannot be written; nothing is recorded after that. None:
        the error is raised.
    """

    def __init__(
        self,
        folder: Path,
        chosen: Callable[[int], bool] = capped_cubic_schedule,
        finished: Callable[[Path], None] = lambda path: None,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self._folder = folder
        self._chosen = chosen
        self._finished = finished
        self._warn = warn
        self._episode = 0
        self._file: VideoFile | None = None
        self._recording = True
        self._open_next_file()

    def capture(self, envs: Any, infos: dict[str, Any]) -> None:
        """Record the image of the current step; an ended episode's file is finished first."""
        if "_episode" in infos and infos["_episode"][0]:
            self.close()
            self._episode += 1
            self._open_next_file()
        if self._file is not None:
            image = envs.render()[0]
            with self._recording_ended_by_error():
                self._file.append(image)

    def close(self) -> None:
        """Finish the file of an episode that is still being recorded."""
        if self._file is not None:
            self._file.close()
            self._finished(self._file.path)
            self._file = None

    def _open_next_file(self) -> None:
        if self._recording and self._chosen(self._episode):
            with self._recording_ended_by_error():
                self._file = VideoFile(self._folder / f"rl-video-episode-{self._episode}.mp4")

    @contextmanager
    def _recording_ended_by_error(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._file = None
            self._recording = False
            if self._warn is None:
                raise
            self._warn(f"warning: no more videos are recorded: {error}")
