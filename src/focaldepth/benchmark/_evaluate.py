"""One method over one data set by one protocol."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import nan

import numpy as np

from focaldepth._provenance import forget_peak
from focaldepth.benchmark._protocol import PROTOCOLS, Column, Protocol
from focaldepth.core.axis import Unit
from focaldepth.core.errors import FocalDepthError, StackError
from focaldepth.core.method import Method
from focaldepth.core.progress import Inside, Run
from focaldepth.core.result import DepthMap, DepthResult
from focaldepth.core.sample import Item, Sample
from focaldepth.core.stack import white_of
from focaldepth.estimate import AnyMethod, EstimateSettings, estimate, make_method, name_of
from focaldepth.metrics._case import Case, Rules, make_case, with_pictures
from focaldepth.metrics._geometry import confidence_in_geometry, in_geometry, place_of_truth
from focaldepth.metrics._metric import metric
from focaldepth.metrics._scores import Scores


@dataclass(frozen=True)
class Judged:
    """One image after its run.

    Attributes:
        name: of the image.
        result: what the method found.
        case: filled map against the truth, in the coordinate of the protocol.
        value: of the first column.
    """

    name: str
    result: DepthResult
    case: Case
    value: float


@dataclass(frozen=True)
class Evaluation:
    """All numbers of a run.

    Attributes:
        protocol: name of the protocol.
        record: the protocol.
        method: name of the method.
        filled: scores of the filled maps.
        claimed: scores of what the method claims to know.
        seconds: image -> time of the estimate.
        units: units that errors were measured in.
        warnings: what was told of the stacks, each sentence with the name of its stack.
    """

    protocol: str
    record: Protocol
    method: str
    filled: Scores
    claimed: Scores
    seconds: dict[str, float] = field(default_factory=dict)
    units: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def scores(self, column: Column) -> Scores:
        """Return the scores that a column comes from."""
        return self.claimed if column.claimed else self.filled

    def mean(self, column: Column) -> float:
        """Return the printed number: the mean over images."""
        return column.factor * self.scores(column).mean(column.metric, empty=self.record.empty)

    def pooled(self, column: Column) -> float:
        """Return the number over all pixels of all images; NaN where there is none."""
        return column.factor * self.scores(column).pooled(column.metric)

    def of(self, image: str, column: Column) -> float:
        """Return the number of one image."""
        return column.factor * self.scores(column).of(image, column.metric)

    @property
    def images(self) -> list[str]:
        """Names of the images, sorted."""
        return sorted(self.filled.images)

    @property
    def seconds_per_image(self) -> float:
        """Mean time without the first image, which pays for what is done once; of a single image its time."""
        times = list(self.seconds.values())
        later = times[1:] or times
        return sum(later) / len(later) if later else nan


@dataclass(frozen=True)
class Scored:
    """Cases of the filled map and of what is claimed; the result, its time, and the bytes it took beside what was held.

    The bytes are those of the main memory that the process held at most, above what it held before; NaN = not known.
    """

    filled: Case
    claimed: Case
    result: DepthResult
    seconds: float
    grown_bytes: float = nan


def evaluate(
    data: Sequence[Item],
    settings: EstimateSettings = EstimateSettings(),
    protocol: str = "plain",
    *,
    method: AnyMethod | None = None,
    record: Protocol | None = None,
    method_settings: Mapping[str, str] | None = None,
    run: Run | None = None,
    watch: Callable[[Judged], None] | None = None,
) -> Evaluation:
    """Run a method on every stack of a data set and score it.

    Args:
        data: the stacks, such as `dataset(...).items(root)`.
        settings: of `estimate`; unit, filling and area are set by the protocol.
        protocol: its name; `focaldepth methods --protocols` lists them.
        method: in the place of that of the settings, as in `estimate`: a name, a class or an object of your own.
        record: a protocol in the place of the one of that name.
        method_settings: as in `estimate`.
        run: progress, threads, memory.
        watch: called after every image, for pictures.

    Raises:
        UnknownNameError: there is no such protocol or method.
        StackError: there are no stacks; one carries no truth, or lacks the confidence that a column weights by.
        UnitError: no law leads from the unit of a stack to the one of the protocol.
    """
    run, record = run or Run(), record or PROTOCOLS.get(protocol)
    if not data:
        raise StackError(
            "there is no stack to evaluate.", hint="Give the items of a data set: `dataset(...).items(root)`."
        )
    made = make_method(settings, method_settings or {}, method)
    filled = Scores(tuple(dict.fromkeys(c.metric for c in record.columns if not c.claimed)))
    claimed = Scores(tuple(dict.fromkeys(c.metric for c in record.columns if c.claimed)))
    pictures = any("pictures" in metric(c.metric).facts.needs for c in record.columns)
    settings = settings if pictures else replace(settings, fusion="none")
    seconds: dict[str, float] = {}
    units: dict[str, None] = {}
    warnings: list[str] = []
    run.stage("evaluate", len(data))
    inside = replace(run, progress=Inside(run.progress))
    for item in data:
        try:
            one = score_sample(item.open(), record, settings, made, inside)
        except FocalDepthError as error:
            error.where = error.where or item.name
            raise
        filled.add(item.name, one.filled)
        claimed.add(item.name, one.claimed)
        seconds[item.name] = one.seconds
        units[one.filled.unit.value] = None
        warnings += [f"{item.name}: {sentence}" for sentence in one.result.provenance.warnings]
        if watch is not None:
            first = record.columns[0]
            value = (claimed if first.claimed else filled).of(item.name, first.metric)
            watch(Judged(item.name, one.result, one.filled, value))
        run.advance()
    name = settings.method if method is None else method if isinstance(method, str) else name_of(method)
    return Evaluation(protocol, record, name, filled, claimed, seconds, tuple(units), tuple(warnings))


def score_sample(sample: Sample, record: Protocol, settings: EstimateSettings, method: Method, run: Run) -> Scored:
    """Run the method on one stack and compare.

    Args:
        sample: with its truth.
        record: the protocol.
        settings: of `estimate`; unit, filling and area are set by the protocol.
        method: what runs.
        run: progress, threads, memory.

    Raises:
        StackError: the sample carries no truth, or lacks the confidence that a column weights by.
        UnitError: no law leads from the unit of the stack to the one of the protocol.
    """
    truth = _truth_of(sample, record)
    reference = _still_there(sample, record)
    stack = record.pick(sample.stack)
    sample = replace(sample, stack=stack, reference=reference)
    rules = record.rules_for(stack, truth.unit)
    asked = replace(settings, unit=_asked(rules, stack.axis.unit), fill=True, area="mask")
    held = forget_peak()
    start = time.perf_counter()
    result = estimate(stack, asked, method=method, run=run)
    seconds = time.perf_counter() - start
    place = place_of_truth(result, sample)
    truth = in_geometry(truth, place, result.map.shape)
    weight = sample.confidence
    weight = None if weight is None else confidence_in_geometry(weight, place, result.map.shape)
    case = make_case(result.filled or result.map, truth, rules, result.optics, confidence=weight)
    if sample.all_in_focus is not None and np.allclose(place, np.eye(3), atol=1e-6):
        case = with_pictures(case, result.all_in_focus, sample.all_in_focus, white_of(sample.all_in_focus.dtype))
    claimed = make_case(result.map, truth, rules, result.optics, confidence=weight)
    peak = result.provenance.peak_memory_bytes
    return Scored(case, claimed, result, seconds, nan if held is None or peak is None else float(max(peak - held, 0)))


def _truth_of(sample: Sample, record: Protocol) -> DepthMap:
    """Return the truth, or raise StackError where it or the confidence that a column weights by is not there."""
    if sample.truth is None:
        raise StackError(
            "carries no truth to compare with.", where=sample.name, hint="Give a split that has one, or other data."
        )
    column = next((c.metric for c in record.columns if "confidence" in metric(c.metric).facts.needs), None)
    if column is not None and sample.confidence is None:
        raise StackError(
            f"carries no confidence of its truth, which {column} weights by.",
            where=sample.name,
            hint="Give data that has one (smartphone), or another --protocol.",
        )
    return sample.truth


def _asked(rules: Rules, axis_unit: Unit) -> str:
    """The unit to ask for: that of the rules, unless a fit takes whatever the stack has."""
    return axis_unit.value if rules.fit != "none" else (rules.unit or axis_unit).value


def _still_there(sample: Sample, record: Protocol) -> int | None:
    """Index of the reference frame among those picked; None where it was left out or there is none."""
    unchanged = not record.frames or len(sample.stack) == len(record.frames)
    if sample.reference is None or unchanged:
        return sample.reference
    return record.frames.index(sample.reference) if sample.reference in record.frames else None
