"""Motion models, and the contract of the ways to find an alignment."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from focaldepth.core.alignment import Alignment
from focaldepth.core.progress import Run
from focaldepth.core.registry import Registry
from focaldepth.core.stack import FocalStack


class MotionModel(StrEnum):
    """What a transform between frames may do; each contains the one before."""

    TRANSLATION = "translation"
    SIMILARITY = "similarity"
    AFFINE = "affine"
    HOMOGRAPHY = "homography"


class Aligner(Protocol):
    """A frozen dataclass of settings that finds the alignment of a stack without changing it."""

    def __call__(self, stack: FocalStack, run: Run = ...) -> Alignment:
        """Find where each frame lies."""


ALIGNERS: Registry[type[Aligner]] = Registry("aligner", ("align",), "ALIGNER")
"""All ways to align: files of ``focaldepth/align`` and entry points ``focaldepth.aligners``."""
