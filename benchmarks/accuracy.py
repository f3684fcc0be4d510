"""Depth, sigma and all-in-focus of every classical method on all scenes with truth, family by family.

    python benchmarks/accuracy.py [method ...]

Errors are means over all in-range pixels (truth within the first and last focus position), every pixel filled, in the
blur-linear unit of the family. Writes benchmarks/results/accuracy.json.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _record import DATA, record

from focaldepth.core.axis import FocusAxis, Unit, convert
from focaldepth.core.result import DepthMap
from focaldepth.core.stack import FocalStack
from focaldepth.estimate import estimate
from focaldepth.metrics._case import Rules, make_case, with_pictures
from focaldepth.metrics._scores import evaluate
from focaldepth.metrics.ause import SparsificationError

FAMILIES = ("phone", "dslr", "sweep", "macro", "handheld")

COLUMNS = {"valid-share": "valid", "coverage": "1-sigma coverage", "ause": "AUSE", "psnr": "PSNR dB"}


@dataclass
class Scene:
    family: str
    name: str
    stack: FocalStack
    truth: np.ndarray
    sharp: np.ndarray | None


def scenes() -> Iterator[Scene]:
    """All scenes with truth, values in the blur-linear unit."""
    for family in (*FAMILIES, "middlebury"):
        pattern = "middlebury/*.npz" if family == "middlebury" else f"blender/{family}_*.npz"
        for path in sorted(DATA.glob(pattern)):
            yield _npz(family, path)
    for folder in sorted((DATA / "stacks/cou_generated").glob("*/")):
        import cv2

        frames = np.stack([cv2.imread(str(p), cv2.IMREAD_GRAYSCALE) for p in sorted(folder.glob("*.jpg"))])
        stack = FocalStack.from_arrays(frames, name=folder.name)
        yield Scene("cou", folder.name, stack, np.load(folder / "ground_truth_frames.npy").astype(float), None)


def _npz(family: str, path: Path) -> Scene:
    with np.load(path) as data:
        unit = Unit(str(data["focus_unit"]))
        axis = FocusAxis(data["focus"].astype(float), unit)
        stack = FocalStack.from_arrays(np.ascontiguousarray(data["frames"]), axis, name=path.stem)
        truth = convert(data["depth"].astype(float), unit, stack.blur_axis.unit)
        return Scene(family, path.stem, stack, truth, data["all_in_focus"])


def score(scene: Scene, method: str) -> dict[str, float]:
    """All figures of one method on one scene; depth is compared in the blur-linear unit."""
    align = "auto" if scene.family == "handheld" else "none"
    unit = scene.stack.blur_axis.unit
    found = estimate(scene.stack, method=method, align=align, fill=True, unit=unit.value)
    axis = scene.stack.blur_axis.values
    truth = DepthMap(scene.truth, unit, np.isfinite(scene.truth))
    in_range = Rules(unit, float(axis.min()), float(axis.max()))
    claimed = make_case(found.map, truth, in_range)
    everywhere = with_pictures(
        make_case(found.filled or found.map, truth, in_range), found.all_in_focus, scene.sharp, 255
    )
    row = {**evaluate(everywhere, ["mae", "ause", "psnr"]), **evaluate(claimed, ["valid-share", "coverage"])}
    sparse = SparsificationError(steps=2)
    row["half"] = row["mae"] * float(sparse.sums(everywhere)[0])
    return row


def main(methods: list[str]) -> None:
    """One row per family and method."""
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for scene in scenes():
        for method in methods:
            found.setdefault((scene.family, method), []).append(score(scene, method))
    rows: list[dict[str, object]] = []
    for (family, method), scores in found.items():
        mean = {k: np.mean([s[k] for s in scores]) for k in scores[0] if np.isfinite([s[k] for s in scores]).all()}
        base = np.mean([s["mae"] for s in found[family, "naive"]])
        row: dict[str, object] = {"family": family, "method": method, "MAE": f"{mean['mae']:.4g}"}
        row["MAE / naive"] = round(float(mean["mae"] / base), 3)
        row["confident half / naive"] = round(float(mean["half"] / base), 3) if "half" in mean else ""
        for key, name in (
            ("valid-share", "valid"),
            ("coverage", "1-sigma coverage"),
            ("ause", "AUSE"),
            ("psnr", "PSNR dB"),
        ):
            row[name] = round(float(mean[key]), 3) if key in mean else ""
        rows.append(row)
    note = "Error in 1/m (phone, dslr, sweep, macro, handheld), px (middlebury), frames (cou). handheld: --align auto."
    record("accuracy", "Accuracy, means over the scenes of a family", rows, note)


if __name__ == "__main__":
    main(["naive", *(sys.argv[1:] or ["classical-fast"])])
