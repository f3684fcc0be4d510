"""The result of an alignment, and the contract of the ways to get one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.progress import Run
from focaldepth.core.registry import Registry
from focaldepth.core.stack import FocalStack


class MotionModel(StrEnum):
    """What a transform between frames may do; each contains the one before."""

    TRANSLATION = "translation"
    SIMILARITY = "similarity"
    AFFINE = "affine"
    HOMOGRAPHY = "homography"


@dataclass(frozen=True)
class Alignment:
    """Where each frame lies relative to the reference frame.

    Attributes:
        transforms: (N, 3, 3) float64; frame pixel ~ transform @ (x, y, 1) of the reference, pixel centres at integers,
            x right, y down; identity for the reference.
        reference: index of the frame whose geometry the result has.
        aligned: (N,) bool; false = this frame could not be aligned (its transform is the identity).
        reasons: (N) sentence per frame, empty where all is well.
        rule: what was done ("ecc, similarity", "not needed", "from FILE").
        score: (N,) float64 agreement with the reference after alignment in [-1, 1] (blur-robust correlation), NaN =
            unknown.
    """

    transforms: NDArray[np.float64]
    reference: int
    aligned: NDArray[np.bool_]
    reasons: tuple[str, ...]
    rule: str
    score: NDArray[np.float64]

    @property
    def moves(self) -> bool:
        """True when any frame has to be warped."""
        return not np.allclose(self.transforms, np.eye(3), atol=1e-12)


class Aligner(Protocol):
    """A frozen dataclass of settings that finds the alignment of a stack without changing it."""

    def __call__(self, stack: FocalStack, run: Run = ...) -> Alignment:
        """Find where each frame lies."""


ALIGNERS: Registry[type[Aligner]] = Registry("aligner", ("align",), "ALIGNER")
"""All ways to align: files of ``focaldepth/align`` and entry points ``focaldepth.aligners``."""
