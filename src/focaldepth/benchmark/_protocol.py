"""What a protocol fixes; each is one file with a last line ``PROTOCOL = ...``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from focaldepth.core.axis import Unit
from focaldepth.core.errors import StackError
from focaldepth.core.registry import Registry
from focaldepth.core.stack import FocalStack
from focaldepth.metrics._case import Rules
from focaldepth.metrics._metric import metric


@dataclass(frozen=True)
class Column:
    """One number of a table.

    Attributes:
        metric: name, with variant.
        factor: printed value = factor x value; 100 where a paper prints per cent.
        claimed: compare only where the method claims that its number means depth; else everywhere, filled.
    """

    metric: str
    factor: float = 1.0
    claimed: bool = False

    @property
    def heading(self) -> str:
        """Symbol of the metric, what its number is, and how it is printed.

        >>> Column("delta.1", 100).heading, Column("mae", claimed=True).heading
        ('delta 1 %', 'MAE (valid)')
        """
        variant = self.metric.partition(".")[2]
        number = f" {variant.replace('-', '.')}" if variant and variant not in _PROGRAMS else ""
        symbol = metric(self.metric).facts.symbol
        return f"{symbol}{number}{' %' if self.factor == 100 else ''}{' (valid)' if self.claimed else ''}"


_PROGRAMS = ("calmetrics", "calmetrics-reflect", "aifdepthnet", "ddl-gru", "dfv")
"""Variants that are the definition of a program, not another number."""


def percent(*names: str) -> tuple[Column, ...]:
    """Return columns that are printed in per cent."""
    return tuple(Column(name, 100) for name in names)


def plain(*names: str) -> tuple[Column, ...]:
    """Return columns that are printed as they are."""
    return tuple(Column(name) for name in names)


DELTAS = ("delta.1", "delta.2", "delta.3")
CALMETRICS = (
    *plain("mse", "rmse", "log-rmse.calmetrics", "abs-rel", "sq-rel"),
    *percent(*DELTAS, "bad-pix.0-07"),
    *plain("bumpiness.calmetrics", "average-uncertainty.dfv"),
)
"""ddff-pytorch and DFV, in their order."""
AIFDEPTHNET = plain("mae", "mse", "rmse", "log-rmse", "abs-rel", "sq-rel")
"""AiFDepthNet; its sums of relative errors over images are means here (footnote 1 of the published tables)."""
IN_THE_WILD = plain("mae", "mse", "rmse", "log-rmse", "abs-rel", "sq-rel", *DELTAS)
"""DfFintheWild, shares as fractions."""
FOSSA = plain(
    "delta.1-05", "delta.1-15", *DELTAS, "abs-rel", "sq-rel", "mse", "rmse", "log-rmse", "log10", "silog", "boundary-f1"
)


@dataclass(frozen=True)
class Protocol:
    """How a data set is judged: frames, coordinate, mask, clipping, metrics, averaging.

    Attributes:
        title: for people.
        source: paper and program.
        dataset: what it was made for; other data can be judged by it, too.
        columns: the table; the first ranks images.
        split: of the data set, the part that is judged; of a data set without one of that name the nearest (see
            `split_of`).
        rules: coordinate and mask of one image; without a unit that of the truth.
        blur_linear: measure errors in the coordinate in which blur is linear, whatever the unit of the truth.
        in_focus_range: count only truth between the first and the last focus position, limits included.
        frames: indices of the frames that are used, out of `of`; empty = all.
        of: number of frames that `frames` counts.
        empty: value of an image without a compared pixel: NaN leaves it out of the mean.
        note: what a reader of the numbers has to know.
    """

    title: str
    source: str
    dataset: str
    columns: tuple[Column, ...]
    rules: Rules = field(default_factory=Rules)
    blur_linear: bool = False
    in_focus_range: bool = False
    frames: tuple[int, ...] = ()
    of: int = 0
    empty: float = float("nan")
    split: str = "test"
    note: str = ""

    def rules_for(self, stack: FocalStack, truth_unit: Unit) -> Rules:
        """Return the rules with everything that depends on the stack filled in."""
        axis = stack.blur_axis
        rules = self.rules if not self.blur_linear else replace(self.rules, unit=axis.unit)
        rules = replace(rules, unit=rules.unit or truth_unit)
        if not self.in_focus_range:
            return rules
        known = stack.axis.unit is not Unit.INDEX or rules.unit is Unit.INDEX
        limits = stack.axis.to(rules.unit or truth_unit, stack.optics).values if known else np.array([-np.inf, np.inf])
        return replace(rules, low=float(limits.min()), high=float(limits.max()))

    def split_of(self, splits: Sequence[str]) -> str:
        """Return the split to judge among those of a data set; empty where it has none that can be meant.

        >>> PROTOCOLS.get("hci-aif").split_of(("train", "val", "test")), PROTOCOLS.get("plain").split_of(("val",))
        ('val', 'val')
        """
        return next((name for name in (self.split, "test", "val") if name in splits), "")

    def pick(self, stack: FocalStack) -> FocalStack:
        """Return the frames that the protocol uses.

        Raises:
            StackError: a stack of another number of frames than the protocol counts.
        """
        if not self.frames or len(stack) == len(self.frames):
            return stack
        if len(stack) != self.of:
            raise StackError(
                f"has {len(stack)} frames; the protocol takes {len(self.frames)} of {self.of}.",
                where=stack.info.name,
                hint=f"Give stacks of {self.of} or {len(self.frames)} frames, or --protocol plain.",
            )
        return stack.take(self.frames)


PROTOCOLS: Registry[Protocol] = Registry("protocol", ("benchmark.protocols",), "PROTOCOL")
"""All protocols: files of ``focaldepth/benchmark/protocols`` and entry points ``focaldepth.protocols``."""
