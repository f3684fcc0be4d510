"""Every entry of a suite in every arm on every stack; what is finished already is not run again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from focaldepth._version import __version__
from focaldepth.benchmark._evaluate import Scored, score_sample
from focaldepth.benchmark._found import Found
from focaldepth.benchmark._protocol import PROTOCOLS, Protocol
from focaldepth.benchmark._store import RunRecord, RunStore
from focaldepth.benchmark._suite import Arm, Entry, Suite
from focaldepth.core.errors import (
    Cancelled,
    FocalDepthError,
    MemoryLimitError,
    StackError,
    UnitError,
    UnknownNameError,
    WeightsError,
)
from focaldepth.core.progress import Inside, Run
from focaldepth.core.sample import Item, Sample
from focaldepth.core.stack import FocalStack
from focaldepth.estimate import EstimateSettings, make_method
from focaldepth.metrics._case import Case
from focaldepth.metrics._metric import metric
from focaldepth.metrics._scores import Scores
from focaldepth.metrics.ause import METRIC as SPARSIFICATION
from focaldepth.metrics.bad_pix_curve import BadPixCurve

RANDOM = "random"
BAD_PIX = BadPixCurve(largest=0.1, steps=50)
"""Thresholds of the figure, as shares of the focus range: stacks of any unit share one axis."""


@dataclass(frozen=True)
class Ready:
    """An entry with the weights that it runs with.

    Attributes:
        entry: the row.
        weights: what `--weights` of `estimate` gets; empty for a method without.
        missing: why it cannot run; empty when it can.
    """

    entry: Entry
    weights: str = ""
    missing: str = ""


def ready(suite: Suite, given: Mapping[str, str]) -> list[Ready]:
    """Find the weights of every entry.

    Args:
        suite: the entries.
        given: label, method or name of weights -> file, name or "random"; the empty key is for all entries.

    Raises:
        UnknownNameError: weights are given for no entry.
    """
    known = {n for e in suite.entries if e.weights for n in (e.label, e.method, e.weights)}
    unknown = [name for name in given if name and name not in known]
    if unknown:
        raise UnknownNameError("network of the suite", unknown[0], known, where="--weights")
    return [_ready(entry, given) for entry in suite.entries]


def _ready(entry: Entry, given: Mapping[str, str]) -> Ready:
    if not entry.method:
        return Ready(entry, missing="it takes no focal stack; published numbers alone.")
    if not entry.weights:
        return Ready(entry)
    text = next((given[n] for n in (entry.label, entry.weights, entry.method, "") if n in given), entry.weights)
    if text == RANDOM:
        other = "random weights exist for the architecture as published only."
        return Ready(entry, RANDOM) if entry.default_network else Ready(entry, missing=other)
    from focaldepth.networks._catalogue import find_weights

    try:
        return Ready(entry, str(find_weights(text, entry.method)))
    except (WeightsError, UnknownNameError):
        if text != entry.weights:
            raise
        how = f"focaldepth import CHECKPOINT --as {entry.method}, then --weights {entry.method}=FILE"
        return Ready(entry, missing=f"no weights {entry.weights}; {how}.")


@dataclass(frozen=True)
class Task:
    """One run: a method on one image in one arm."""

    found: Found
    item: Item
    ready: Ready
    arm: Arm


def tasks(suite: Suite, found: Sequence[Found], entries: Sequence[Ready]) -> list[Task]:
    """Return all runs, those of one network on one data set together."""
    return [
        Task(one, item, entry, arm)
        for one in found
        for entry in entries
        if not entry.missing and runs_on(entry.entry, one)
        for item in one.items
        for arm in suite.arms
    ]


def runs_on(entry: Entry, found: Found) -> bool:
    """False where an entry is for other published data sets; stacks of one's own are for all."""
    return not entry.data or not found.published or found.name in entry.data


def run_suite(
    suite: Suite, todo: Sequence[Task], store: RunStore, base: EstimateSettings, run: Run | None = None
) -> list[RunRecord]:
    """Do what is not done; return the runs of all tasks, in their order.

    Args:
        suite: says which curves are wanted.
        todo: see `tasks`.
        store: finished runs; new ones are added one by one.
        base: further settings of `estimate`, such as the device.
        run: progress, threads, memory.

    Raises:
        Cancelled: the caller asked to stop; what is finished stays in the store.
    """
    run = run or Run()
    inside = replace(run, progress=Inside(run.progress))
    done, met = [], set[str]()
    opened: tuple[Item, Sample] | None = None
    run.stage(f"{len(todo)} runs", len(todo))
    for task in todo:
        digest = _digest(task, base)
        record = store.get((task.found.key, task.item.name, task.ready.entry.label, task.arm.label), digest)
        if record is None:
            blank = RunRecord(
                task.found.key, task.item.name, task.ready.entry.label, task.arm.label, digest,
                first=task.ready.entry.label not in met,
            )  # fmt: skip
            try:
                opened = opened if opened and opened[0] is task.item else (task.item, _read(task.item))
                record = _run(suite, task, opened[1], base, inside, blank)
                met.add(task.ready.entry.label)
            except Cancelled:
                raise
            except (StackError, UnitError, MemoryLimitError) as error:
                record = replace(blank, refused=str(error))
            except FocalDepthError as error:
                record = replace(blank, failed=str(error))
            store.add(record)
        done.append(record)
        run.advance()
    return done


def _read(item: Item) -> Sample:
    """Open a stack and read its frames once: what its reader keeps of them is then kept for every method alike."""
    sample = item.open()
    for _ in sample.stack.frames():
        pass
    return sample


def judged_by(name: str) -> Protocol:
    """Return a protocol without the columns of pictures: a suite times depth alone."""
    record = PROTOCOLS.get(name)
    columns = tuple(c for c in record.columns if "pictures" not in metric(c.metric).facts.needs)
    return replace(record, columns=columns, frames=(), of=0) if columns else record


def _run(suite: Suite, task: Task, sample: Sample, base: EstimateSettings, run: Run, blank: RunRecord) -> RunRecord:
    """One run."""
    record = judged_by(task.found.protocol)
    sample = _frames(sample, task, suite)
    align = task.arm.align or ("auto" if sample.reference is not None else "none")
    settings = replace(base, method=task.ready.entry.method, weights=task.ready.weights, align=align, fusion="none")
    made = make_method(settings, task.ready.entry.settings)
    one = score_sample(sample, record, settings, made, run)
    filled = Scores(tuple(dict.fromkeys(c.metric for c in record.columns if not c.claimed)))
    claimed = Scores(tuple(dict.fromkeys(c.metric for c in record.columns if c.claimed)))
    name = task.item.name
    filled.add(name, one.filled)
    claimed.add(name, one.claimed)
    return replace(
        blank,
        seconds=one.seconds,
        grown_bytes=one.grown_bytes,
        filled={k: v.tolist() for k, v in filled.images[name].items()},
        claimed={k: v.tolist() for k, v in claimed.images[name].items()},
        compared=(filled.compared[name], claimed.compared[name]),
        fit=filled.fits[name],
        unit=one.filled.unit.value,
        curves=_curves(suite, one, sample.stack),
        warnings=tuple(one.result.provenance.warnings),
    )


def _frames(sample: Sample, task: Task, suite: Suite) -> Sample:
    """Take the frames of the arm, else those of the protocol; the frame that the truth belongs to is kept."""
    stack, rule, protocol = sample.stack, task.arm.frames, PROTOCOLS.get(task.found.protocol)
    if rule is None and (not protocol.frames or len(stack) == len(protocol.frames)):
        return sample
    if rule is None:
        protocol.pick(stack)
    chosen = protocol.frames if rule is None else rule(len(stack))
    if chosen is None:
        raise StackError(f"has {len(stack)} frames, too few for {task.arm.label}.", where=task.item.name)
    reference = sample.reference
    if reference is None:
        return replace(sample, stack=stack.take(chosen))
    if reference not in chosen:
        nearest = min(chosen, key=lambda i: abs(i - reference))
        chosen = tuple(sorted({reference, *chosen} - {nearest}))
    return replace(sample, stack=stack.take(chosen), reference=chosen.index(reference))


def _curves(suite: Suite, one: Scored, stack: FocalStack) -> dict[str, list[float]]:
    """Curves that the figures of the suite need."""
    found: dict[str, list[float]] = {}
    span = _span(one.filled, stack)
    if "bad-pix" in suite.figures and span:
        case = one.filled
        sums = BAD_PIX.sums(Case(case.found / span, case.truth / span, case.mask))
        found["bad-pix"] = (sums[:-1] / sums[-1]).tolist() if sums[-1] else []
    if "sparsification" in suite.figures and one.filled.sigma is not None:
        sums = SPARSIFICATION.sums(one.filled)
        found["sparsification"] = sums.tolist() if np.isfinite(sums).all() else []
    return {name: values for name, values in found.items() if values}


def _span(case: Case, stack: FocalStack) -> float:
    """Focus range in the unit of the errors; 0 where no law leads there."""
    try:
        values = stack.axis.to(case.unit, stack.optics).values
    except (UnitError, StackError):
        return 0.0
    finite = values[np.isfinite(values)]
    return float(finite.max() - finite.min()) if finite.size > 1 else 0.0


def _digest(task: Task, base: EstimateSettings) -> str:
    """Name everything that decides the numbers of a run."""
    entry, arm, record = task.ready.entry, task.arm, judged_by(task.found.protocol)
    facts: dict[str, Any] = {
        "version": __version__,
        "method": [entry.method, dict(entry.settings)],
        "weights": [task.ready.weights, *_state(task.ready.weights)],
        "arm": [arm.label, arm.align, None if arm.frames is None else [arm.frames(n) for n in range(2, 64)]],
        "protocol": [repr(record.rules), record.blur_linear, record.in_focus_range, *map(repr, record.columns)],
        "frames": PROTOCOLS.get(task.found.protocol).frames,
        "place": task.found.place,
        "settings": asdict(base),
    }
    text = json.dumps(facts, sort_keys=True, default=str)
    return blake2b(text.encode(), digest_size=12).hexdigest()


def _state(weights: str) -> tuple[int, int] | tuple[()]:
    """Size and time of a file of weights."""
    path = Path(weights)
    if not weights or not path.is_file():
        return ()
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns


def groups(records: Sequence[RunRecord]) -> Iterator[tuple[tuple[str, str, str], dict[str, RunRecord]]]:
    """Yield (data, entry, arm) and its scored runs by image."""
    found: dict[tuple[str, str, str], dict[str, RunRecord]] = {}
    for record in records:
        if record.scored:
            found.setdefault((record.data, record.entry, record.arm), {})[record.image] = record
    yield from found.items()
