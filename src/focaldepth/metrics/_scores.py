"""Sums of many images: per image, mean over images, all pixels pooled; merged without loss in any order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import fsum, isfinite, nan

import numpy as np

from focaldepth.core.errors import StackError
from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import Sums, metric


@dataclass
class Scores:
    """Sums of every metric for every image.

    Aggregates add the images in the order of their names with `fsum`, so that parts computed anywhere, merged in any
    order, give the same bits.

    Attributes:
        names: metrics, with variants.
        images: image -> metric -> sums.
        fits: image -> what was fitted; empty text where nothing was.

    >>> scores = Scores(("mae", "rmse"))
    >>> scores.add("a", Case.of([[1.0]], [[2.0]]))
    >>> scores.add("b", Case.of([[4.0, 4.0, 4.0]], [[1.0, 1.0, 1.0]]))
    >>> scores.mean("mae"), scores.pooled("mae")
    (2.0, 2.5)
    """

    names: tuple[str, ...]
    images: dict[str, dict[str, Sums]] = field(default_factory=dict)
    fits: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.names:
            metric(name)

    def add(self, image: str, case: Case) -> None:
        """Take the sums of one image.

        Raises:
            StackError: an image of that name was added before.
        """
        if image in self.images:
            raise StackError("counted twice.", where=image, hint="Give every image a name of its own.")
        self.images[image] = {name: metric(name).sums(case) for name in self.names}
        self.fits[image] = case.fit.text

    def merge(self, other: Scores) -> Scores:
        """Return the scores of both.

        Raises:
            StackError: other metrics, or an image in both.
        """
        if self.names != other.names:
            raise StackError(f"metrics differ: {', '.join(self.names)} and {', '.join(other.names)}.")
        twice = sorted(set(self.images) & set(other.images))
        if twice:
            raise StackError("counted twice.", where=twice[0], hint="Merge parts that share no image.")
        return Scores(self.names, {**self.images, **other.images}, {**self.fits, **other.fits})

    def of(self, image: str, name: str) -> float:
        """Return the value of one image; NaN where nothing could be compared."""
        return metric(name).value(self.images[image][name])

    def mean(self, name: str, *, empty: float = nan) -> float:
        """Return the mean over images, as all papers print it.

        Args:
            name: of the metric.
            empty: value of an image without a compared pixel; NaN leaves it out. The program of DDFF and DFV counts 0.
        """
        values = [v if v == v else empty for v in (self.of(image, name) for image in sorted(self.images))]
        return _mean([v for v in values if v == v])

    def pooled(self, name: str) -> float:
        """Return the value over the pixels of all images together; NaN where the metric has no such value."""
        chosen = metric(name)
        return chosen.value(self.total(name)) if chosen.facts.pools and self.images else nan

    def total(self, name: str) -> Sums:
        """Return the sums of all images; for a metric that does not pool, their mean (a mean curve)."""
        rows = [self.images[image][name] for image in sorted(self.images)]
        pools = metric(name).facts.pools
        rows = rows if pools else [row for row in rows if np.isfinite(row).all()]
        if not rows:
            return np.full(len(metric(name).sums(_NOTHING)), nan)
        total = np.array([fsum(column) for column in zip(*rows, strict=True)])
        return total if pools else total / len(rows)

    def ranked(self, name: str) -> list[str]:
        """Return the images that have a value, best first."""
        better = metric(name).facts.better
        values = {image: self.of(image, name) for image in self.images}
        known = (image for image, v in values.items() if v == v)
        return sorted(known, key=lambda i: (_badness(values[i], better), i))

    def table(self, *, empty: float = nan) -> list[dict[str, object]]:
        """Return one row per metric: mean over images, pooled, number of images that count."""
        rows: list[dict[str, object]] = []
        for name in self.names:
            counted = sum(self.of(image, name) == self.of(image, name) for image in self.images)
            row = {"metric": name, "mean": self.mean(name, empty=empty), "pooled": self.pooled(name), "images": counted}
            rows.append(row)
        return rows


_NOTHING = Case.of([[nan]], [[nan]])


def _badness(value: float, better: str) -> float:
    if better in ("lower", "higher"):
        return value if better == "lower" else -value
    return abs(value - float(better))


def _mean(values: Sequence[float]) -> float:
    if not values:
        return nan
    return fsum(values) / len(values) if all(map(isfinite, values)) else float(np.mean(values))


def evaluate(case: Case, names: Iterable[str]) -> dict[str, float]:
    """Return the values of one case by metric.

    >>> evaluate(Case.of([[1.0, 4.0]], [[2.0, 2.0]]), ["mae", "bad-pix"])
    {'mae': 1.5, 'bad-pix': 1.0}
    """
    return {name: metric(name).value(metric(name).sums(case)) for name in names}
