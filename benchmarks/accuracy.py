"""Depth, sigma and all-in-focus of every classical method on all scenes with truth: per family and per scene.

    python benchmarks/accuracy.py [method ...]

Errors are means over all in-range pixels (truth within the first and last focus position), every pixel filled, in the
blur-linear unit of the family. The edge band is what lies within 8 px of a jump of the truth by more than 1.5 steps.
Writes benchmarks/results/accuracy.json and accuracy_scenes.json.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from _record import DATA, record

from focaldepth.core.axis import FocusAxis, Unit, convert
from focaldepth.core.result import DepthMap
from focaldepth.core.stack import FocalStack
from focaldepth.estimate import METHODS, estimate
from focaldepth.measures.sum_modified_laplacian import SumModifiedLaplacian
from focaldepth.metrics._case import Case, make_case, with_pictures
from focaldepth.metrics._scores import evaluate
from focaldepth.metrics.ause import SparsificationError

FAMILIES = ("phone", "dslr", "sweep", "macro", "handheld")
DEFAULT = ("classical-fast", "classical", "vdff", "semi-global")
EDGE_PX, EDGE_STEPS = 8, 1.5
WINDOW_PX = 7.0


@dataclass
class Scene:
    family: str
    name: str
    stack: FocalStack
    truth: np.ndarray
    sharp: np.ndarray | None

    @property
    def inside(self) -> np.ndarray:
        """Pixels whose truth lies within the focus range."""
        focus = self.stack.blur_axis.values
        return np.isfinite(self.truth) & (self.truth >= focus.min()) & (self.truth <= focus.max())

    @property
    def edge(self) -> np.ndarray:
        """Pixels near a jump of the truth."""
        step = float(np.abs(np.diff(self.stack.blur_axis.values)).mean())
        known = np.nan_to_num(self.truth, nan=float(np.nanmin(self.truth)) - 1e3 * step)
        jump = cv2.dilate(known, np.ones((3, 3))) - cv2.erode(known, np.ones((3, 3))) > EDGE_STEPS * step
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * EDGE_PX + 1, 2 * EDGE_PX + 1))
        return cv2.dilate(jump.astype(np.uint8), disc) > 0


def scenes() -> Iterator[Scene]:
    """All scenes with truth, values in the blur-linear unit."""
    for family in (*FAMILIES, "middlebury"):
        pattern = "middlebury/*.npz" if family == "middlebury" else f"blender/{family}_*.npz"
        for path in sorted(DATA.glob(pattern)):
            yield _npz(family, path)
    for folder in sorted((DATA / "stacks/cou_generated").glob("*/")):
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


def weakest_focus(scene: Scene) -> np.ndarray:
    """What errors are ranked by without a sigma: minus the highest value of the focus measure of naive."""
    measure, best = SumModifiedLaplacian(), np.zeros(scene.truth.shape, np.float32)
    for frame in scene.stack.frames():
        np.maximum(best, cv2.GaussianBlur(measure(frame.astype(np.float32).mean(-1)), (0, 0), WINDOW_PX), out=best)
    return -best


def score(scene: Scene, method: str) -> dict[str, float]:
    """All figures of one method on one scene; depth is compared in the blur-linear unit."""
    align = "auto" if scene.family == "handheld" else "none"
    unit = scene.stack.blur_axis.unit
    found = estimate(scene.stack, method=method, align=align, fill=True, unit=unit.value)
    truth = DepthMap(scene.truth, unit, np.isfinite(scene.truth))
    dense, claimed = (
        replace(make_case(depth, truth), mask=scene.inside) for depth in (found.filled or found.map, found.map)
    )
    row = {**evaluate(dense, ["mae", "ause"]), **evaluate(claimed, ["valid-share", "coverage.1", "coverage.2"])}
    row["edge"] = evaluate(replace(dense, mask=scene.inside & scene.edge), ["mae"])["mae"]
    row["false"] = float(found.map.valid[~scene.inside].mean()) if (~scene.inside).any() else np.nan
    if dense.sigma is not None:
        row["half"] = row["mae"] * float(SparsificationError(steps=2).sums(dense)[0])
        by_focus = replace(dense, sigma=weakest_focus(scene).astype(float))
        row["ause by focus"] = evaluate(by_focus, ["ause"])["ause"]
    if scene.sharp is not None and found.all_in_focus is not None:
        row["psnr"] = _psnr(dense, found.all_in_focus, scene.sharp)
        row["psnr edge"] = _psnr(dense, found.all_in_focus[scene.edge][None], scene.sharp[scene.edge][None])
    return row


def _psnr(case: Case, picture: np.ndarray, sharp: np.ndarray) -> float:
    return evaluate(with_pictures(case, picture, sharp, 255), ["psnr"])["psnr"]


def table_row(scores: list[dict[str, float]], base: list[dict[str, float]]) -> dict[str, object]:
    """Means over scenes, errors over those of naive."""

    def mean(name: str, rows: list[dict[str, float]] = scores) -> float:
        known = [row[name] for row in rows if np.isfinite(row.get(name, np.nan))]
        return float(np.mean(known)) if known else np.nan

    def shown(value: float, digits: int = 3) -> object:
        return "" if np.isnan(value) else round(value, digits)

    row: dict[str, object] = {"MAE": f"{mean('mae'):.4g}"}
    row["MAE / naive"] = shown(mean("mae") / mean("mae", base))
    row["edge band / naive"] = shown(mean("edge") / mean("edge", base))
    row["confident half / naive"] = shown(mean("half") / mean("mae", base))
    row["AUSE"] = shown(mean("ause"))
    row["AUSE / by focus measure"] = shown(mean("ause") / mean("ause by focus"))
    row |= {"valid": shown(mean("valid-share")), "valid out of range": shown(mean("false"))}
    row |= {"in 1 sigma": shown(mean("coverage.1")), "in 2 sigma": shown(mean("coverage.2"))}
    row |= {"PSNR dB": shown(mean("psnr"), 2), "over naive dB": shown(mean("psnr") - mean("psnr", base), 2)}
    row["edge band over naive dB"] = shown(mean("psnr edge") - mean("psnr edge", base), 2)
    return row


def main(methods: list[str]) -> None:
    """One row per family and method, and one per scene and method."""
    for name in methods:
        METHODS.resolve(name)
    found: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
    for scene in scenes():
        for method in methods:
            found.setdefault((scene.family, method), {})[scene.name] = score(scene, method)
    families, single = [], []
    for (family, method), by_scene in found.items():
        base = found[family, "naive"]
        families.append({"family": family, "method": method, **table_row([*by_scene.values()], [*base.values()])})
        for name, one in by_scene.items():
            single.append({"scene": name, "method": method, **table_row([one], [base[name]])})
    note = "Error in 1/m (phone, dslr, sweep, macro, handheld), px (middlebury), frames (cou). handheld: --align auto."
    record("accuracy", "Accuracy, means over the scenes of a family", families, note)
    single.sort(key=lambda row: (str(row["scene"]), methods.index(str(row["method"]))))
    record("accuracy_scenes", "Accuracy of every scene", single, note)


if __name__ == "__main__":
    main(["naive", *(sys.argv[1:] or DEFAULT)])
