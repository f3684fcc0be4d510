"""Frames and maps at another size, as loaders of data sets make them: scaled to a height, then the middle cut out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import StackError
from focaldepth.core.stack import DerivedSource, Frame, reduce_frame


@dataclass(frozen=True)
class Resizing:
    """A scale and a cut.

    Attributes:
        scaled: (H, W) after scaling.
        size: (H, W) of the middle that is cut out.
    """

    scaled: tuple[int, int]
    size: tuple[int, int]

    @classmethod
    def to_middle(cls, shape: tuple[int, int], size: tuple[int, int], where: object) -> Resizing:
        """Scale to the height of `size`, keep the proportions, and cut its width out of the middle.

        Raises:
            StackError: what is scaled is narrower than that.
        """
        width = shape[1] * size[0] // shape[0]
        if width < size[1]:
            raise StackError(
                f"{shape[1]} x {shape[0]} px scaled to {size[0]} rows is {width} px wide, {size[1]} are wanted.",
                where=where,
                hint="Are these the files of the data set?",
            )
        return cls((size[0], width), size)

    def picture(self, frame: Frame) -> Frame:
        """Return an 8-bit picture (H, W, 3) by Lanczos' window, as Pillow makes it."""
        from PIL import Image

        h, w = self.scaled
        return self._middle(np.asarray(Image.fromarray(frame).resize((w, h), Image.Resampling.LANCZOS)))

    def plane(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a map (H, W), every pixel the nearest of the old ones: no depth is made up between two surfaces."""
        import cv2

        h, w = self.scaled
        made: NDArray[np.float32] = self._middle(cv2.resize(values, (w, h), interpolation=cv2.INTER_NEAREST_EXACT))
        return made

    def matrix(self, camera: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
        """Return the camera matrix of the new pixels, (3, 3); `shape` is (H, W) of the old ones.

        As in the loader of FOSSA: focal lengths and centre in proportion, then the cut.
        """
        (h, w), (rows, columns) = self.scaled, self.size
        scale = np.diag([w / shape[1], h / shape[0], 1.0])
        cut = np.array([[1, 0, -((w - columns) // 2)], [0, 1, -((h - rows) // 2)], [0, 0, 1]], np.float64)
        made: NDArray[np.float64] = cut @ scale @ camera
        return made

    def _middle(self, array: Frame) -> Frame:
        (h, w), (rows, columns) = self.scaled, self.size
        top, left = (h - rows) // 2, (w - columns) // 2
        return np.ascontiguousarray(array[top : top + rows, left : left + columns])


@dataclass(frozen=True)
class ResizedSource(DerivedSource):
    """Frames of another source at another size."""

    resizing: Resizing

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every frame."""
        return *self.resizing.size, self.base.shape[2]

    def read(self, i: int) -> Frame:
        """Return frame i."""
        return self.resizing.picture(self.base.read(i))

    def preview(self, i: int, factor: int) -> Frame:
        """Return frame i reduced."""
        return reduce_frame(self.read(i), factor)

    def coverage(self, i: int) -> None:
        """Pictures show the scene everywhere."""
