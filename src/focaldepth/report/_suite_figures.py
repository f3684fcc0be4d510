"""The figures of a suite: accuracy against time, bad pixels, sparsification, and error in every arm."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from math import isfinite, isnan, nan

from focaldepth.benchmark._outcome import TIME, Block
from focaldepth.benchmark._run_suite import BAD_PIX
from focaldepth.benchmark._suite import Suite
from focaldepth.report.plot import Plot, Series

TITLES = {
    "time": "Accuracy against time",
    "arms": "Error in every variation",
    "arm-time": "Time in every variation",
    "bad-pix": "Bad pixels over the threshold",
    "sparsification": "What the error bar knows",
}
CAPTIONS = {
    "time": "Mean error and median time of the stacks of each data set; lower left is better.",
    "arms": "Mean over the stacks of each data set that have enough frames for it.",
    "arm-time": "Median time of one estimate.",
    "bad-pix": "Share of pixels whose error is above the threshold, which is a share of the focus range.",
    "sparsification": "Error that is left when only the best pixels are kept: solid as the method's own sigma ranks "
    "them, dashed as the true error would. The closer, the better sigma knows. Methods without sigma have no curve.",
}


def figures(suite: Suite, blocks: Sequence[Block]) -> dict[str, dict[str, Plot]]:
    """Return kind -> data -> figure; what has nothing to draw is left out."""
    found: dict[str, dict[str, Plot]] = {}
    for kind in suite.figures:
        for block in blocks:
            plot = _MAKERS[kind](suite, block) if block.measured() else None
            if plot is not None:
                guess = ", RANDOM WEIGHTS among them" if any(line.random for line in block.measured()) else ""
                order = [entry.label for entry in suite.entries]
                plot = replace(plot, title=f"{plot.title}{guess}", order=order)
            if plot is not None and any(isfinite(v) for s in plot.series for v in s.y):
                found.setdefault(kind, {})[block.found.key] = plot
    return found


def file_name(kind: str, key: str) -> str:
    """Return the name of the file of a figure.

    >>> file_name("bad-pix", "hci, hci-aif")
    'bad-pix_hci_hci-aif.svg'
    """
    return f"{kind}_{re.sub(r'[^A-Za-z0-9-]+', '_', key)}.svg"


def error_caption(block: Block) -> str:
    """Return the primary column with its unit."""
    return f"{block.primary}{f' ({block.unit})' if block.unit else ''}"


def _labels(block: Block) -> list[str]:
    return list(dict.fromkeys(line.label for line in block.measured()))


def _time(suite: Suite, block: Block) -> Plot | None:
    series = []
    for label in _labels(block):
        lines = [x for x in block.measured() if x.label == label and x.of(TIME).value > 0]
        pairs = [(x.of(TIME).value, x.of(block.primary).value) for x in lines]
        series.append(Series(label, [t for t, _ in pairs], [e for _, e in pairs]))
    if not any(s.x for s in series):
        return None
    several = len(suite.arms) > 1
    note = ", all variations" if several else ""
    parts = [Series(s.label, [a], [b]) for s in series for a, b in zip(s.x, s.y, strict=True)]
    return Plot(f"{block.found.key}{note}", "seconds per stack", error_caption(block), parts, log_x=True)


def _arms(suite: Suite, block: Block) -> Plot | None:
    return _over_arms(suite, block, block.primary, error_caption(block))


def _arm_time(suite: Suite, block: Block) -> Plot | None:
    return _over_arms(suite, block, TIME, "seconds per stack")


def _over_arms(suite: Suite, block: Block, heading: str, caption: str) -> Plot | None:
    numbers = [arm.x for arm in suite.arms]
    named = any(map(isnan, numbers))
    series = []
    for label in _labels(block):
        lines = [block.line(label, arm.label) for arm in suite.arms]
        y = [nan if line is None else line.of(heading).value for line in lines]
        series.append(Series(label, range(len(y)) if named else numbers, y))
    names = [arm.label for arm in suite.arms] if named else ()
    ratios = not named and all(v > 0 for s in series for v in s.y if isfinite(v))
    return Plot(block.found.key, suite.arm_axis, caption, series, names=names, log_y=ratios)


def _bad_pix(suite: Suite, block: Block) -> Plot | None:
    x = [100 * BAD_PIX.largest * i / BAD_PIX.steps for i in range(BAD_PIX.steps + 1)]
    series = [
        Series(label, x, [100 * v for v in values], markers=False)
        for label, values in block.curves.get("bad-pix", {}).items()
    ]
    return Plot(block.found.key, "threshold, % of the focus range", "bad pixels, %", series) if series else None


def _sparsification(suite: Suite, block: Block) -> Plot | None:
    series = []
    for label, sums in block.curves.get("sparsification", {}).items():
        half = len(sums) // 2
        x = [100 * (i + 1) / half for i in range(half)]
        series.append(Series(label, x, list(sums[:half]), markers=False))
        series.append(Series(label, x, list(sums[half:]), dashed=True, markers=False))
    return Plot(block.found.key, "pixels kept, %", "error kept / error of all", series) if series else None


_MAKERS = {
    "time": _time, "arms": _arms, "arm-time": _arm_time, "bad-pix": _bad_pix, "sparsification": _sparsification,
}  # fmt: skip
