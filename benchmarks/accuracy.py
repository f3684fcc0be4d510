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
from focaldepth.core.stack import FocalStack
from focaldepth.estimate import estimate

FAMILIES = ("phone", "dslr", "sweep", "macro", "handheld")


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


def ause(error: np.ndarray, doubt: np.ndarray) -> float:
    """Area between the sparsification curve by `doubt` and the one by the error itself, over the mean error."""

    def curve(order: np.ndarray) -> np.ndarray:
        kept = np.cumsum(error[order]) / np.arange(1, error.size + 1)
        return kept[(np.linspace(0.02, 1, 50) * error.size).astype(int) - 1]

    return float((curve(np.argsort(doubt)) - curve(np.argsort(error))).mean() / error.mean())


def score(scene: Scene, method: str) -> dict[str, float]:
    """All figures of one method on one scene; depth is compared in the blur-linear unit."""
    align = "auto" if scene.family == "handheld" else "none"
    unit = scene.stack.blur_axis.unit
    found = estimate(scene.stack, method=method, align=align, fill=True, unit=unit.value)
    axis = scene.stack.blur_axis.values
    inside = np.isfinite(scene.truth) & (scene.truth >= axis.min()) & (scene.truth <= axis.max())
    filled = found.filled or found.map
    error = np.abs(filled.values - scene.truth)[inside]
    row = {"mae": float(error.mean()), "valid": float(found.map.valid[inside].mean())}
    if filled.sigma is not None:
        sigma = filled.sigma[inside]
        use = inside & found.map.valid
        share = np.abs(found.map.values - scene.truth)[use] < found.map.sigma[use]
        half = error[sigma <= np.median(sigma)].mean()
        row |= {"coverage": float(share.mean()), "ause": ause(error, sigma), "half": float(half)}
    if scene.sharp is not None and found.all_in_focus is not None:
        difference = found.all_in_focus.astype(float) - scene.sharp
        row["psnr"] = float(10 * np.log10(255**2 / np.mean(difference**2)))
    return row


def main(methods: list[str]) -> None:
    """One row per family and method."""
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for scene in scenes():
        for method in methods:
            found.setdefault((scene.family, method), []).append(score(scene, method))
    rows: list[dict[str, object]] = []
    for (family, method), scores in found.items():
        mean = {k: np.mean([s[k] for s in scores if k in s]) for k in scores[0]}
        base = np.mean([s["mae"] for s in found[family, "naive"]])
        row: dict[str, object] = {"family": family, "method": method, "MAE": f"{mean['mae']:.4g}"}
        row["MAE / naive"] = round(float(mean["mae"] / base), 3)
        row["confident half / naive"] = round(float(mean["half"] / base), 3) if "half" in mean else ""
        for key, name in (("valid", "valid"), ("coverage", "1-sigma coverage"), ("ause", "AUSE"), ("psnr", "PSNR dB")):
            row[name] = round(float(mean[key]), 3) if key in mean else ""
        rows.append(row)
    note = "Error in 1/m (phone, dslr, sweep, macro, handheld), px (middlebury), frames (cou). handheld: --align auto."
    record("accuracy", "Accuracy, means over the scenes of a family", rows, note)


if __name__ == "__main__":
    main(["naive", *(sys.argv[1:] or ["classical-fast"])])
