"""What a training will take, told early: memory before the first step, time as soon as a step was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from focaldepth.core.errors import FocalDepthError, MemoryLimitError
from focaldepth.core.progress import Run
from focaldepth.networks._net import FocusNet
from focaldepth.training._batch import Batch
from focaldepth.training._memory import free_memory, step_memory
from focaldepth.training._recipe import Stage
from focaldepth.training._settings import TrainSettings

_LEAST_CROP = 32
_SMALL = 1_000_000
"""Numbers in the frames of a batch that fits every machine: looking at its memory would take longer than its step."""
_SOON_S, _LONG_S = 20.0, 2 * 86_400.0


@dataclass(frozen=True)
class Outlook:
    """Tells of one stage.

    Attributes:
        stage: that is trained.
        run: who is told, and the limit of memory.
        device: that computes.
        workers: processes that make batches ahead.
    """

    stage: Stage
    run: Run
    device: torch.device
    workers: int

    def before(self, net: FocusNet, parts: Sequence[Batch]) -> None:
        """Tell the memory of a step that will be made.

        Raises:
            MemoryLimitError: more than the limit; says which settings to lower.
        """
        batch, limit = parts[0], self.run.max_memory
        if limit is None and batch.frames.numel() < _SMALL:
            return
        needed = step_memory(self.stage, net, batch, workers=self.workers)
        if limit is not None and needed > limit:
            raise _limited(
                f"{_told(batch)} need about {_size(needed)}, the limit is {_size(limit)}.", self.stage, batch
            )
        free = free_memory(self.device)
        short = free is not None and needed > free
        told = f"a step on {_told(batch)} needs about {_size(needed)} of memory"
        told += "" if free is None else f", {_size(free)} are free"
        self.run.progress.note(f"{told}. {_advice(self.stage.settings, batch)}" if short else told)

    def after(self, step: int, last: int, data_s: float, step_s: float) -> None:
        """Tell the pace after a step, where much is left to do."""
        left = (last - step) * (data_s + step_s)
        if left < _SOON_S:
            return
        told = f"{data_s + step_s:.2g} s a step, {data_s:.2g} s of it waiting for data; "
        told += f"{last - step} steps more take {_time(left)}"
        if left > _LONG_S:
            told += "; --max-time ends in time, --set epochs, batch or crop make less of it"
        self.run.progress.note(told)


def out_of_memory(stage: Stage, batch: Batch, device: torch.device) -> FocalDepthError:
    """Return the error of a step that did not fit."""
    return _limited(f"{_told(batch)} do not fit the memory of {device}.", stage, batch)


def _limited(what: str, stage: Stage, batch: Batch) -> MemoryLimitError:
    return MemoryLimitError(what, where="batch", hint=_advice(stage.settings, batch))


def _told(batch: Batch) -> str:
    b, n, _, h, w = batch.frames.shape
    return f"{b} stack{'s' if b > 1 else ''} of {n} frames of {w} x {h} px"


def _advice(settings: TrainSettings, batch: Batch) -> str:
    """Name the settings that make a step smaller, the least change first."""
    n, _, h, w = batch.frames.shape[1:]
    ways = []
    if settings.batch % (2 * settings.accumulate) == 0:
        ways.append(f"accumulate={2 * settings.accumulate} (the same result, less memory)")
    if settings.batch > 1:
        ways.append(f"batch={settings.batch // 2}")
    if min(h, w) >= 2 * _LEAST_CROP:
        ways.append(f"crop={min(h, w) // 2 // _LEAST_CROP * _LEAST_CROP}")
    if settings.precision == "float32":
        ways.append("precision=bfloat16")
    return f"Give --set {', or '.join(ways) or 'frames=' + str(max(2, n // 2))}."


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"


def _time(seconds: float) -> str:
    """Write a length of time for people.

    >>> _time(50), _time(600), _time(9000), _time(3e5)
    ('50 s', '10 min', '2.5 h', '3.5 days')
    """
    for size, name in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or (size == 60 and seconds >= 90):
            return f"{seconds / size:.2g} {name}"
    return f"{seconds:.2g} s"
