"""Files of an evaluation: the record, the table of images, and pictures of the best and the worst."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import isfinite
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from focaldepth.benchmark._evaluate import Evaluation, Judged
from focaldepth.core.result import DepthMap
from focaldepth.metrics._metric import CurveMetric, metric
from focaldepth.report.colour import ColourScale, Picture, depth_scale, error_scale
from focaldepth.report.figures import with_bar
from focaldepth.report.pictures import enlarge

RECORD = "evaluation.json"
IMAGES = "images.csv"
SCHEMA = "focaldepth.evaluation/1"
_SMALLEST = 320
_GAP = 12


@dataclass
class Extremes:
    """The best and the worst images of a run so far; everything else is let go.

    Attributes:
        better: as the metric says: "lower", "higher" or the ideal value.
        count: how many of each.
    """

    better: str
    count: int = 3
    best: list[Judged] = field(default_factory=list)
    worst: list[Judged] = field(default_factory=list)

    def take(self, one: Judged) -> None:
        """Look at one image; one without a value is neither."""
        if one.value != one.value:
            return
        self.best = sorted([*self.best, one], key=self._badness)[: self.count]
        self.worst = sorted([*self.worst, one], key=self._badness, reverse=True)[: self.count]

    def named(self) -> dict[str, Judged]:
        """Return file stem -> image; one that is among the best is not among the worst."""
        good = {one.name for one in self.best}
        chosen = {"best": self.best, "worst": [one for one in self.worst if one.name not in good]}
        return {
            f"{kind}_{i}_{re.sub(r'[^A-Za-z0-9+-]+', '_', Path(one.name).name)}": one
            for kind, several in chosen.items()
            for i, one in enumerate(several, 1)
        }

    def _badness(self, one: Judged) -> float:
        if self.better in ("lower", "higher"):
            return one.value if self.better == "lower" else -one.value
        return abs(one.value - float(self.better))


def panel(one: Judged) -> Picture:
    """Return truth, estimate and signed error beside each other with their bars; grey where nothing is known."""
    case, result = one.case, one.result
    truth = DepthMap(case.truth.astype(np.float32), case.unit, case.mask)
    scale = depth_scale(truth, result.axis, optics=result.optics)
    off = np.where(case.compared, case.found - case.truth, np.nan).astype(np.float32)
    parts = [_painted(case.truth, scale, "Truth"), _painted(case.found, scale, "Estimate")]
    parts.append(_painted(off, error_scale(off, case.unit), "Error"))
    height = max(part.shape[0] for part in parts)
    gap = np.full((height, _GAP, 3), 255, np.uint8)
    padded = [np.pad(p, ((0, height - p.shape[0]), (0, 0), (0, 0)), constant_values=255) for p in parts]
    return np.concatenate([padded[0], gap, padded[1], gap, padded[2]], axis=1)


def _painted(values: Any, scale: ColourScale, what: str) -> Picture:
    small = enlarge(np.asarray(values, np.float32), _SMALLEST)
    return with_bar(scale.paint(small), scale, what)


def rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return one row per column of the protocol: mean over images, pooled, number of images that count."""
    found = []
    for column in evaluation.record.columns:
        facts, scores = metric(column.metric).facts, evaluation.scores(column)
        found.append(
            {
                "metric": column.metric,
                "heading": column.heading,
                "compared": "claimed" if column.claimed else "filled",
                "mean": evaluation.mean(column),
                "pooled": evaluation.pooled(column),
                "images": sum(scores.of(i, column.metric) == scores.of(i, column.metric) for i in scores.images),
                "better": facts.better,
            }
        )
    return found


def record(evaluation: Evaluation, run: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything of an evaluation as plain values; NaN and infinity are None.

    Args:
        evaluation: the numbers.
        run: how it came about: command, version, settings, machine.
    """
    protocol = asdict(evaluation.record)
    curves = {}
    for column in evaluation.record.columns:
        chosen = metric(column.metric)
        if isinstance(chosen, CurveMetric):
            at, lines = chosen.curve(evaluation.scores(column).total(column.metric))
            curves[column.metric] = {chosen.abscissa: at.tolist(), **{k: v.tolist() for k, v in lines.items()}}
    content = {
        "schema": SCHEMA,
        "method": evaluation.method,
        "protocol": {"name": evaluation.protocol, **protocol},
        "units": list(evaluation.units),
        "images": len(evaluation.images),
        "seconds_per_image": evaluation.seconds_per_image,
        "table": rows(evaluation),
        "per_image": {
            name: {
                **{column.heading: evaluation.of(name, column) for column in evaluation.record.columns},
                "seconds": evaluation.seconds[name],
                "fit": evaluation.filled.fits.get(name, ""),
            }
            for name in evaluation.images
        },
        "curves": curves,
        **run,
    }
    plain: dict[str, Any] = _plain(content)
    return plain


def per_image_csv(evaluation: Evaluation) -> str:
    """Return the table of images: one row each, columns as printed; empty where there is no number."""
    columns = evaluation.record.columns
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(["image", *(c.heading for c in columns), "seconds", "fit"])
    for name in evaluation.images:
        numbers = [evaluation.of(name, c) for c in columns]
        cells = ["" if n != n else repr(n) for n in numbers]
        out.writerow([name, *cells, f"{evaluation.seconds[name]:.4f}", evaluation.filled.fits.get(name, "")])
    return text.getvalue()


def save_evaluation(
    evaluation: Evaluation,
    extremes: Extremes,
    out: str | PathLike[str],
    run: Mapping[str, Any],
    *,
    overwrite: bool = False,
    inputs: tuple[str, ...] = (),
) -> list[str]:
    """Write evaluation.json, images.csv and the pictures into a new folder, all or nothing.

    Args:
        evaluation: the numbers.
        extremes: images of which pictures are made.
        out: the folder.
        run: see `record`.
        overwrite: replace an earlier evaluation.
        inputs: files that were read; a folder that holds one is never replaced.

    Returns:
        Paths of the files.
    """
    from focaldepth.io._atomic import staged_folder
    from focaldepth.io.picture import write_picture
    from focaldepth.io.result_folder import file_facts

    files = {IMAGES: "values of every image"}
    with staged_folder(out, overwrite, inputs=inputs, record=RECORD) as folder:
        (folder / IMAGES).write_text(per_image_csv(evaluation), encoding="utf-8")
        for stem, one in extremes.named().items():
            name = f"{stem}.png"
            write_picture(folder / name, panel(one))
            files[name] = f"truth, estimate and error of {one.name}"
        facts = {name: file_facts(folder / name, what).model_dump() for name, what in files.items()}
        content = record(evaluation, run) | {"files": facts}
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        (folder / RECORD).write_text(text + "\n", encoding="utf-8")
    return [str(Path(out) / name) for name in [*files, RECORD]]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value if isinstance(value, str | int | None) else str(value)
