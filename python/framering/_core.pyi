"""The compiled core. Private: the package's modules are the interface."""

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

_Image: TypeAlias = NDArray[np.uint8]
_Order: TypeAlias = Literal["gymnasium", "sb3", "cleanrl"]
_Palette: TypeAlias = Literal["ntsc", "pal"]

# system

def cpu_features() -> dict[str, bool]: ...

# frame

def resize_area(image: _Image, size: tuple[int, int], out: _Image | None = None) -> _Image: ...
def rgb_to_gray(image: _Image, out: _Image | None = None) -> _Image: ...
def palette_to_gray(
    screen: _Image, out: _Image | None = None, palette: _Palette = "ntsc"
) -> _Image: ...
def palette_to_rgb(
    screen: _Image, out: _Image | None = None, palette: _Palette = "ntsc"
) -> _Image: ...

class AtariPreprocessor:
    def __init__(
        self,
        *,
        screen_shape: tuple[int, int] = (210, 160),
        output_shape: tuple[int, int] = (84, 84),
        order: _Order = "gymnasium",
        palette: _Palette = "ntsc",
        grayscale: bool = True,
    ) -> None: ...
    def process(self, last: _Image, previous: _Image | None, out: _Image) -> None: ...
    def reset(self) -> None: ...

# ring
