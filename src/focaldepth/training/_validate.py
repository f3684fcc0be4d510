"""Validation through the front door: the numbers are those that a user of the weights gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import isfinite, isnan
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from focaldepth.core.errors import SettingError
from focaldepth.core.progress import Run
from focaldepth.core.sample import Sample
from focaldepth.estimate import EstimateSettings, estimate
from focaldepth.metrics._case import Case, Rules, make_case
from focaldepth.metrics._geometry import in_geometry, place_of_truth
from focaldepth.metrics._metric import metric
from focaldepth.metrics._scores import Scores
from focaldepth.networks._net import FocusNet
from focaldepth.networks._spec import NETWORKS
from focaldepth.networks._weights import save_weights
from focaldepth.training._batch import collate
from focaldepth.training._feed import feed
from focaldepth.training._processes import Processes
from focaldepth.training._recipe import Stage
from focaldepth.training._settings import LOSS_ITSELF
from focaldepth.training._source import thinned
from focaldepth.training._stacks import Source
from focaldepth.training.augment import Augmentation
from focaldepth.training.augment.subsets import chosen
from focaldepth.training.losses._loss import value


@dataclass(frozen=True)
class Judge:
    """What weights are compared by.

    Attributes:
        stage: says metric, range and convention, as the stacks of the validation see it.
        source: stacks of the validation.
    """

    stage: Stage
    source: Source

    def __post_init__(self) -> None:
        name = self.stage.settings.metric
        if name != LOSS_ITSELF and "pictures" in metric(name).facts.needs:
            raise SettingError(f"{name} compares pictures.", where="metric", hint="Choose a metric of depth, or loss.")

    def better(self, new: float, old: float | None) -> bool:
        """True where a value is better than the best so far."""
        if isnan(new):
            return False
        if old is None:
            return True
        name = self.stage.settings.metric
        wanted = "lower" if name == LOSS_ITSELF else metric(name).facts.better
        if wanted in ("lower", "higher"):
            return new < old if wanted == "lower" else new > old
        return abs(new - float(wanted)) < abs(old - float(wanted))

    def value(self, net: FocusNet, weights: Path, processes: Processes, run: Run) -> float:
        """Return the metric of a network; the stacks are shared out among the processes.

        Args:
            net: the network.
            weights: file of its weights, which all processes can read.
            processes: who takes part.
            run: progress, and who may stop it.
        """
        own = list(thinned(self.source, self.stage.settings.validate_items))[processes.rank :: processes.world]
        if self.stage.settings.metric == LOSS_ITSELF:
            return self._loss(net, own, processes, run)
        scores = Scores((self.stage.settings.metric,))
        for index in own:
            run.check()
            scores.add(f"{index:08d}", self._case(self.source.open(index), weights, processes, run))
        first, *others = processes.gather(scores)
        for other in others:
            first = first.merge(other)
        return float(first.mean(self.stage.settings.metric))

    def _case(self, sample: Sample, weights: Path, processes: Processes, run: Run) -> Case:
        """Run the method on a stack and compare."""
        true = sample.truth
        if true is None:
            raise SettingError("a validation needs truth.", where=sample.name, hint="Set metric=loss, or other data.")
        sample = _thinned(sample, self.stage.augment.frames)
        convention, settings = self.stage.convention, self.stage.settings
        asked = EstimateSettings(
            method=settings.network, weights=str(weights), device=str(processes.device), align="none",
            unit=convention.unit.value, fill=True, fusion="none",
        )  # fmt: skip
        quiet = Run(threads=torch.get_num_threads())
        result = estimate(sample.stack, asked, method_settings={"form": "reference"}, run=quiet)
        truth = in_geometry(true, place_of_truth(result, sample), result.map.shape)
        return make_case(result.filled or result.map, truth, self._rules(sample), result.optics)

    def _rules(self, sample: Sample) -> Rules:
        """What counts: the same pixels as in training."""
        settings, unit = self.stage.settings, self.stage.convention.unit
        low, high = settings.low, settings.high
        clip = (low, high) if settings.clip_truth else None
        if settings.clip_truth:
            low, high = -np.inf, np.inf
        if settings.in_focus_range:
            ends = sample.stack.axis.to(unit, sample.stack.optics).values
            low, high = max(low, float(ends.min())), min(high, float(ends.max()))
        return Rules(
            unit=unit,
            low=low if isfinite(low) else None,
            high=high if isfinite(high) else None,
            clip=clip,
            clip_truth=clip is not None,
        )

    @torch.no_grad()
    def _loss(self, net: FocusNet, own: Sequence[int], processes: Processes, run: Run) -> float:
        """Mean loss over stacks, cut out in the middle."""
        net.eval()
        augment = replace(Augmentation(), **_still(asdict(self.stage.augment)))
        inputs = NETWORKS.get(self.stage.settings.network).inputs
        total = torch.zeros(2, dtype=torch.float64, device=processes.device)
        for index in own:
            run.check()
            fed = feed(self.source.open(index), self.stage, augment, np.random.default_rng(index), inputs)
            batch = collate([fed], self.stage.convention).to(processes.device)
            loss = self.stage.loss
            found: Tensor = value(loss.parts(loss.run(net, batch), batch), loss.counts(batch))
            total += torch.stack([found.double(), torch.ones_like(found, dtype=torch.float64)])
        summed = processes.add(total)
        return float(summed[0] / summed[1])


def _still(augment: Mapping[str, Any]) -> dict[str, Any]:
    """Frames and size of an augmentation, without chance."""
    return {"frames": augment["frames"], "crop": augment["crop"], "sampling": "truncated", "centre": True}


def _thinned(sample: Sample, frames: int) -> Sample:
    """The frames that are compared on where a network is trained on a part of them: evenly spread, rounded down."""
    if not frames or frames >= len(sample.stack):
        return sample
    taken = chosen(sample.stack.axis.values, frames, "truncated", np.random.default_rng(0)).tolist()
    reference = sample.reference
    if reference is not None:
        reference = taken.index(reference) if reference in taken else None
    return replace(sample, stack=sample.stack.take(taken), reference=reference)


def save_with_card(net: FocusNet, stage: Stage, path: Path, tensors: Mapping[str, Tensor] | None, **facts: Any) -> None:
    """Write weights and their card, from which `estimate` runs them as they were trained.

    Args:
        net: the network.
        stage: says name, convention and data.
        path: of the .safetensors file.
        tensors: weights in the place of the network's own; None = its own.
        **facts: further facts of the card.
    """
    before = None
    if tensors is not None:
        before = {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}
        net.load_state_dict(dict(tensors))
    try:
        save_weights(
            net, stage.settings.network, path, convention=stage.convention, overwrite=True,
            trained_on=", ".join(stage.parts), **facts,
        )  # fmt: skip
    finally:
        if before is not None:
            net.load_state_dict(before)
