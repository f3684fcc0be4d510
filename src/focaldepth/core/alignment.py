"""Where the frames of a stack lie relative to one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import AlignmentError


@dataclass(frozen=True, eq=False)
class Alignment:
    """Where each frame lies relative to the reference frame.

    Attributes:
        transforms: (N, 3, 3) float64; frame pixel ~ transform @ (x, y, 1) of the reference, pixel centres at integers,
            x right, y down; identity for the reference.
        reference: index of the frame whose geometry the result has.
        aligned: (N,) bool; false = this frame shows something else (its transform is the identity).
        reasons: (N) sentence per frame, empty where all is well; a frame that is aligned may have one too (its
            transform was taken from its neighbours).
        rule: what was done ("ecc, similarity", "not needed", "from FILE").
        score: (N,) float64 agreement with the frames it was compared with, in [-1, 1] (blur-robust correlation of
            tiles), NaN = unknown.
        evidence: numbers that the decision rests on, by name.
        size: (H, W) of the frames it was found for; None = unknown.
        frame_names: (N) names of the frames; empty = unknown.

    Raises:
        AlignmentError: arrays of different lengths, or a reference that is none of the frames.
    """

    transforms: NDArray[np.float64]
    reference: int
    aligned: NDArray[np.bool_]
    reasons: tuple[str, ...]
    rule: str
    score: NDArray[np.float64]
    evidence: Mapping[str, float] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    frame_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.transforms)
        sizes = (self.aligned.shape, self.score.shape, (len(self.reasons),))
        if self.transforms.shape != (n, 3, 3) or sizes != ((n,), (n,), (n,)) or not 0 <= self.reference < n:
            raise AlignmentError(
                f"transforms {self.transforms.shape}, flags, reasons and scores {sizes} and reference "
                f"{self.reference} do not belong together.",
                hint="Give one transform, flag, reason and score per frame, and one of the frames as reference.",
            )
        object.__setattr__(self, "evidence", MappingProxyType(dict(self.evidence)))

    def __reduce__(self) -> tuple[type[Alignment], tuple[Any, ...]]:
        # Read-only views of dictionaries cannot be pickled.
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return Alignment, tuple({**values, "evidence": dict(self.evidence)}.values())

    @classmethod
    def untouched(
        cls, n: int, rule: str, *, reasons: tuple[str, ...] | None = None, evidence: Mapping[str, float] | None = None
    ) -> Alignment:
        """Return the alignment that moves nothing; the middle frame is the reference.

        >>> Alignment.untouched(5, "not needed").moves
        False
        """
        return cls(
            np.tile(np.eye(3), (n, 1, 1)),
            n // 2,
            np.ones(n, bool),
            reasons or ("",) * n,
            rule,
            np.full(n, np.nan),
            evidence or {},
        )

    @property
    def moves(self) -> bool:
        """True when any frame has to be warped."""
        return not np.allclose(self.transforms, np.eye(3), atol=1e-12)
