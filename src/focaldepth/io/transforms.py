"""Transforms of an alignment as a JSON file, to be checked by eye and used again for another stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.alignment import Alignment
from focaldepth.core.errors import AlignmentError, ReadError

if TYPE_CHECKING:
    from focaldepth.io._result_schema import FileFacts

_AGAIN = "Make it again with: focaldepth align PICTURES -o FOLDER"


@dataclass(frozen=True)
class TransformFile:
    """What a transforms file holds.

    Attributes:
        matrices: (N, 3, 3) float64; frame pixel ~ matrix @ (x, y, 1) of the reference, pixel centres at integers,
            x right, y down. Finite and invertible.
        size: (H, W) of the reference picture.
        reference: index of the frame whose geometry the result has.
        frame_names: (N) names of the frames that were aligned.
        aligned: (N,) bool; false = this frame could not be aligned; empty = all are.
        reasons: (N) sentence per frame, empty where all is well.
        rule: how the transforms were found.
        used: (N,) bool; true = the frame takes part in the result; empty = all do.
        corner: row and column of the reference picture where the pictures of the result begin.
        score: (N,) agreement in [-1, 1], NaN = unknown; empty = all unknown.
        evidence: numbers that the decision rests on, by name.

    Raises:
        AlignmentError: lengths that differ, or a matrix that is not finite or not invertible.
    """

    matrices: NDArray[np.float64]
    size: tuple[int, int]
    reference: int = 0
    frame_names: tuple[str, ...] = ()
    aligned: NDArray[np.bool_] = field(default_factory=lambda: np.ones(0, bool))
    reasons: tuple[str, ...] = ()
    rule: str = ""
    used: NDArray[np.bool_] = field(default_factory=lambda: np.ones(0, bool))
    corner: tuple[int, int] = (0, 0)
    score: NDArray[np.float64] = field(default_factory=lambda: np.ones(0))
    evidence: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        matrices = np.array(self.matrices, dtype=np.float64)
        if matrices.ndim != 3 or matrices.shape[1:] != (3, 3) or len(matrices) == 0:
            raise AlignmentError(f"transforms are {matrices.shape}.", hint="Give one 3 x 3 matrix per frame.")
        n = len(matrices)
        names = self.frame_names or tuple(f"frame {i}" for i in range(n))
        aligned = np.array(self.aligned, bool) if len(self.aligned) else np.ones(n, bool)
        used = np.array(self.used, bool) if len(self.used) else np.ones(n, bool)
        score = np.array(self.score, np.float64) if len(self.score) else np.full(n, np.nan)
        reasons = self.reasons or ("",) * n
        if not len(names) == len(aligned) == len(reasons) == len(used) == len(score) == n:
            raise AlignmentError(
                f"{n} transforms, but {len(names)} names, {len(aligned)} flags and {len(reasons)} reasons.",
                hint="Give one of each per frame.",
            )
        if not 0 <= self.reference < n:
            raise AlignmentError(f"the reference is frame {self.reference} of {n}.", hint="Count frames from 0.")
        for name, matrix in zip(names, matrices, strict=True):
            _check_matrix(name, matrix)
        for array in (matrices, aligned, used, score):
            array.setflags(write=False)
        fields = {"matrices": matrices, "frame_names": names, "aligned": aligned, "reasons": reasons}
        fields |= {"used": used, "score": score, "evidence": MappingProxyType(dict(self.evidence))}
        for key, value in fields.items():
            object.__setattr__(self, key, value)

    def __len__(self) -> int:
        return len(self.matrices)

    @classmethod
    def of(
        cls, matrices: NDArray[np.float64], size: tuple[int, int], names: tuple[str, ...], rule: str
    ) -> TransformFile:
        """Describe transforms of which nothing more is known; the reference is the first frame that does not move."""
        still = np.abs(matrices - np.eye(3)).max(axis=(1, 2)) < 1e-12
        reference = int(np.argmax(still)) if still.any() else 0
        return cls(matrices, size, reference, names if len(names) == len(matrices) else (), rule=rule)

    @classmethod
    def of_alignment(
        cls, alignment: Alignment, size: tuple[int, int], made: NDArray[np.float64] | None = None
    ) -> TransformFile:
        """Describe an alignment.

        Args:
            alignment: where all frames lie.
            size: (H, W), where the alignment does not know the size of its frames.
            made: (n, 3, 3) transforms of the frames that a result was made of: pixel of a frame = transform @ pixel of
                the result. They tell which frames those are and where the result begins.
        """
        n = len(alignment.transforms)
        used = alignment.aligned if made is not None and len(made) != n else np.ones(n, bool)
        corner = (0, 0)
        if made is not None and len(made) == used.sum():
            shift = np.linalg.solve(alignment.transforms[used][0], made[0])
            corner = (round(shift[1, 2] / shift[2, 2]), round(shift[0, 2] / shift[2, 2]))
        return cls(
            alignment.transforms,
            alignment.size or size,
            alignment.reference,
            alignment.frame_names,
            alignment.aligned,
            alignment.reasons,
            alignment.rule,
            used,
            corner,
            alignment.score,
            alignment.evidence,
        )

    def of_result(self) -> NDArray[np.float64]:
        """Return the transforms of the frames in the result, from its own pixels: (n, 3, 3)."""
        row, column = self.corner
        made: NDArray[np.float64] = self.matrices[self.used] @ np.array([[1, 0, column], [0, 1, row], [0, 0, 1.0]])
        return made

    def alignment(self) -> Alignment:
        """Return the alignment that the file describes."""
        return Alignment(
            self.matrices,
            self.reference,
            self.aligned,
            self.reasons,
            self.rule,
            self.score,
            self.evidence,
            size=self.size,
            frame_names=self.frame_names,
        )


def _check_matrix(name: str, matrix: NDArray[np.float64]) -> None:
    if not np.isfinite(matrix).all():
        raise AlignmentError(f"the transform of {name} has a number that is not finite.", hint=_AGAIN)
    scale = np.abs(matrix).max()
    if scale == 0 or abs(np.linalg.det(matrix / scale)) < 1e-15 or np.linalg.cond(matrix[:2, :2]) > 1e6:
        raise AlignmentError(f"the transform of {name} cannot be inverted.", hint=_AGAIN)


def write_transforms(
    path: str | PathLike[str], transforms: TransformFile, files: Mapping[str, FileFacts] | None = None
) -> Path:
    """Write transforms as JSON; numbers keep every digit. `files` are those that stand beside it."""
    from focaldepth.io._result_record import plain
    from focaldepth.io._result_schema import TRANSFORMS_SCHEMA, FrameTransform, TransformsModel

    rows = zip(
        transforms.frame_names,
        transforms.matrices,
        transforms.aligned,
        transforms.reasons,
        transforms.used,
        transforms.score,
        strict=True,
    )
    model = TransformsModel(
        schema=TRANSFORMS_SCHEMA,
        size=transforms.size,
        reference=transforms.reference,
        rule=transforms.rule,
        corner=transforms.corner,
        evidence={name: plain(float(value)) for name, value in transforms.evidence.items()},
        frames=[
            FrameTransform(
                name=n, matrix=m.tolist(), aligned=bool(a), reason=r, used=bool(u), score=None if s != s else float(s)
            )
            for n, m, a, r, u, s in rows
        ],
        files=dict(files or {}),
    )
    path = Path(path)
    path.write_text(model.model_dump_json(by_alias=True, indent=2) + "\n", encoding="utf-8")
    return path


def read_transforms(
    path: str | PathLike[str], *, frames: int | None = None, size: tuple[int, int] | None = None
) -> TransformFile:
    """Read transforms; every error names the file and the remedy.

    Args:
        path: a file of `write_transforms`.
        frames: number of frames that they will be used for; None = not checked.
        size: (H, W) of the frames that they will be used for; None = not checked.

    Raises:
        ReadError: not such a file, broken matrices, or made for another number or size of frames.
    """
    from pydantic import ValidationError

    from focaldepth.io._result_schema import TransformsModel

    try:
        model = TransformsModel.model_validate_json(Path(path).read_bytes())
        found = TransformFile(
            np.array([f.matrix for f in model.frames], dtype=np.float64),
            model.size,
            model.reference,
            tuple(f.name for f in model.frames),
            np.array([f.aligned for f in model.frames], dtype=bool),
            tuple(f.reason for f in model.frames),
            model.rule,
            np.array([f.used for f in model.frames], dtype=bool),
            model.corner,
            np.array([np.nan if f.score is None else f.score for f in model.frames], dtype=np.float64),
            {name: float(value) for name, value in model.evidence.items()},
        )
    except ValidationError as error:
        raise ReadError(f"is not a transforms file: {first_fault(error)}.", where=path, hint=_AGAIN) from error
    except ValueError as error:
        raise ReadError("holds a transform that is not 3 x 3.", where=path, hint=_AGAIN) from error
    except AlignmentError as error:
        raise ReadError(error.what, where=path, hint=error.hint) from error
    except OSError as error:
        raise ReadError(f"cannot be read: {error.strerror}.", where=path, hint="Check the name.") from error
    _check_use(found, path, frames, size)
    return found


def _check_use(found: TransformFile, path: object, frames: int | None, size: tuple[int, int] | None) -> None:
    if frames is not None and len(found) != frames:
        raise ReadError(
            f"has transforms of {len(found)} frames, the stack has {frames}.",
            where=path,
            hint="Use the transforms of a stack with the same frames.",
        )
    if size is not None and tuple(found.size) != tuple(size):
        raise ReadError(
            f"was made for pictures of {found.size[1]} x {found.size[0]} px, these have {size[1]} x {size[0]} px.",
            where=path,
            hint="Use the transforms of a stack with pictures of the same size.",
        )


def first_fault(error: object) -> str:
    """Return the first complaint of a pydantic ValidationError as "place: complaint"."""
    fault = error.errors()[0]  # type: ignore[attr-defined]
    place = ".".join(str(part) for part in fault["loc"])
    return f"{place}: {fault['msg']}" if place else str(fault["msg"])
