"""Event files that TensorBoard shows: curves, and pictures of what the network sees and says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from focaldepth.networks._net import NetOutput
from focaldepth.networks._spec import Colour, Convention
from focaldepth.training._batch import Batch

Picture = NDArray[np.uint8]
_GREY = 128
_SIDE = 256


class Events:
    """A file of events; without the package `tensorboard` nothing is written.

    Args:
        folder: for the file.
        wanted: False writes nothing.
        after: step that the run goes on after; what an earlier run said of later steps is not shown any more.
    """

    def __init__(self, folder: Path, *, wanted: bool = True, after: int = 0) -> None:
        self.writer: Any = None
        self.missing = False
        if wanted:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ModuleNotFoundError:
                self.missing = True
            else:
                self.writer = SummaryWriter(str(folder), purge_step=after + 1 if after else None)

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Add a point to every curve."""
        if self.writer is not None:
            for name, number in values.items():
                self.writer.add_scalar(name, number, step)

    def pictures(self, step: int, out: NetOutput, batch: Batch, convention: Convention) -> None:
        """Show the first stack of a batch: a frame, the truth, the depth found, and the error."""
        if self.writer is not None:
            for name, picture in panels(out, batch, convention).items():
                self.writer.add_image(name, picture, step, dataformats="HWC")

    def close(self) -> None:
        """Write what is left."""
        if self.writer is not None:
            self.writer.close()


def panels(out: NetOutput, batch: Batch, convention: Convention) -> dict[str, Picture]:
    """Return pictures (h, w, 3) of the first stack of a batch; what is unknown is grey."""
    middle = batch.frames.shape[1] // 2
    light = batch.as_light(batch.frames[0, middle]).clamp(0, 1)
    light = light.flip(0) if convention.colour is Colour.BGR else light
    truth, found, valid = (_plane(t[0, 0]) for t in (batch.truth, out.depth, batch.valid))
    known = valid > 0
    low, high = (float(truth[known].min()), float(truth[known].max())) if known.any() else (0.0, 1.0)
    error = np.abs(found - truth)
    made = {
        "1 frame": np.rint(255 * np.moveaxis(_plane(light), 0, -1)).astype(np.uint8),
        "2 truth": _coloured(truth, low, high, known),
        "3 depth": _coloured(found, low, high, np.isfinite(found)),
        "4 error": _coloured(error, 0.0, (high - low) / 4, known),
    }
    step = max(1, max(truth.shape) // _SIDE)
    return {name: picture[::step, ::step] for name, picture in made.items()}


def _plane(tensor: Tensor) -> NDArray[np.float32]:
    numbers: NDArray[np.float32] = tensor.detach().float().cpu().numpy()
    return numbers


def _coloured(values: NDArray[np.float32], low: float, high: float, known: NDArray[np.bool_]) -> Picture:
    """Colours of the scale viridis, (H, W, 3) RGB."""
    import cv2

    share = np.clip((np.where(known, values, low) - low) / max(high - low, 1e-12), 0, 1)
    coloured = cv2.applyColorMap(np.rint(255 * share).astype(np.uint8), cv2.COLORMAP_VIRIDIS)[..., ::-1]
    return np.where(known[..., None], coloured, _GREY).astype(np.uint8)
