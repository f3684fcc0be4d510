"""The HDF5 files of DDFF 12-Scene made of its light fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.axis import FocusAxis
from focaldepth.core.errors import SettingError, StackError
from focaldepth.core.light_field import LightField
from focaldepth.core.progress import Run
from focaldepth.core.registry import extra_for
from focaldepth.datasets import _ddff
from focaldepth.datasets._refocusing import pictures

Field = tuple[str, Callable[[], LightField], Callable[[], NDArray[np.float32]], str]
"""Name, views, disparities (H, W) with 0 where unknown, scene."""
Corner = tuple[int, int]

FILES = {
    "train": "ddff-dataset-trainval.h5",
    "val": "ddff-dataset-trainval.h5",
    "test": "ddff-dataset-test.h5",
}
CHANNELS = "channels"
DIVISION = "division"
NAMES = "names"
"""Attributes of the files: order of channels, what validates; of stack_test: names of its stacks."""


@dataclass(frozen=True)
class PatchRules:
    """How patches are cut and divided; see the settings of `ddff12-raw`."""

    size: int
    stride: int
    invalid: float
    division: str
    seed: int

    def corners(self, shape: tuple[int, ...], where: str) -> list[Corner]:
        """Return the upper left corners of all candidates.

        >>> len(PatchRules(224, 56, 0.2, "scenes", 0).corners((383, 552), "a"))
        28
        """
        if min(shape) < self.size:
            raise SettingError(
                f"patches of {self.size} px are larger than the views, {shape[1]} x {shape[0]} px.",
                where=where,
                hint="Give smaller ones: --set patch=...",
            )
        rows, columns = (self._starts(size) for size in shape)
        return [(r, c) for r in rows for c in columns]

    def _starts(self, size: int) -> list[int]:
        """Multiples of the stride, and a last one that the published tool puts one pixel before the border."""
        last = max(0, size - self.size - 1)
        return [*range(0, last + 1, self.stride), *([last] if last % self.stride else [])]

    def keeps(self, disparities: NDArray[np.float32]) -> bool:
        """True for a patch of which enough is known."""
        return bool(np.count_nonzero(disparities == 0) <= self.invalid * disparities.size)


def write_patches(
    folder: Path, fields: Sequence[Field], axis: FocusAxis, refocuser: str, rules: PatchRules, run: Run = Run()
) -> None:
    """Write ddff-dataset-trainval.h5.

    Raises:
        SettingError: no patch is left, or patches are larger than the views.
        ReadError: views or depth cannot be read.
    """
    run.stage("depth maps", len(fields))
    chosen: list[list[Corner]] = []
    for name, _, truth, _ in fields:
        disparities, n = truth(), rules.size
        corners = rules.corners(disparities.shape, name)
        chosen.append([(r, c) for r, c in corners if rules.keeps(disparities[r : r + n, c : c + n])])
        run.advance()
    halves = _halves([scene for _, _, _, scene in fields], [len(c) for c in chosen], rules)
    if not halves:
        raise SettingError(
            f"no patch has {1 - rules.invalid:.0%} known disparities.", where="prepare", hint="Raise invalid."
        )
    with extra_for("preparing HDF5"):
        import h5py

    with h5py.File(folder / FILES["train"], "w") as file:
        file.attrs.update({CHANNELS: "BGR", DIVISION: rules.division, "focus_px": axis.values, "refocuser": refocuser})
        for split in ("train", "val"):
            n, side = halves.count(split), rules.size
            file.create_dataset(f"stack_{split}", (n, len(axis), side, side, 3), np.uint8)
            file.create_dataset(f"disp_{split}", (n, side, side), np.float32)
        _fill(file, fields, chosen, halves, axis, refocuser, rules.size, run)


def _halves(scenes: Sequence[str], counts: Sequence[int], rules: PatchRules) -> list[str]:
    """Return "train" or "val" for every patch."""
    if rules.division == "scenes":
        of = ["val" if s in _ddff.DFV_VALIDATION_SCENES else "train" for s in scenes]
        return [half for half, n in zip(of, counts, strict=True) for _ in range(n)]
    total = sum(counts)
    order = np.random.default_rng(rules.seed).permutation(total)
    return ["train" if place < int(0.8 * total) else "val" for place in order]


def _fill(
    file: Any, fields: Sequence[Field], chosen: Sequence[Sequence[Corner]], halves: Sequence[str], axis: FocusAxis,
    refocuser: str, side: int, run: Run,
) -> None:  # fmt: skip
    run.stage("refocus", len(fields))
    rows = {"train": 0, "val": 0}
    which = iter(halves)
    for (_, views, truth, _), corners in zip(fields, chosen, strict=True):
        if corners:
            frames, disparities = pictures(views(), axis, refocuser, run)[..., ::-1], truth()
            for r, c in corners:
                half = next(which)
                area = np.s_[r : r + side, c : c + side]
                file[f"stack_{half}"][rows[half]] = frames[:, *area]
                file[f"disp_{half}"][rows[half]] = disparities[area]
                rows[half] += 1
        run.advance()


def write_test_stacks(folder: Path, fields: Sequence[Field], axis: FocusAxis, refocuser: str, run: Run = Run()) -> None:
    """Write ddff-dataset-test.h5: whole stacks without truth, with their names.

    Raises:
        StackError: views of different sizes.
        ReadError: views cannot be read.
    """
    with extra_for("preparing HDF5"):
        import h5py

    run.stage("refocus test", len(fields))
    with h5py.File(folder / FILES["test"], "w") as file:
        file.attrs.update({CHANNELS: "BGR", "focus_px": axis.values, "refocuser": refocuser})
        data = None
        for i, (name, views, _, _) in enumerate(fields):
            frames = pictures(views(), axis, refocuser, run)[..., ::-1]
            if data is None:
                data = file.create_dataset("stack_test", (len(fields), *frames.shape), np.uint8)
                data.attrs[NAMES] = [name for name, *_ in fields]
            if frames.shape != data.shape[1:]:
                size, first = frames.shape[1:3], data.shape[2:4]
                raise StackError(f"views are {size}, those before {first}.", where=name, hint="Get the file again.")
            data[i] = frames
            run.advance()
