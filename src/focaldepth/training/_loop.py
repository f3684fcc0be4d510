"""The loop: stages, epochs, steps; everything that makes it stop and go on again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from focaldepth.core.errors import Cancelled, SettingError
from focaldepth.core.progress import Run
from focaldepth.training import _folder
from focaldepth.training._batch import Batch
from focaldepth.training._checkpoint import Place, check_stacks, load_checkpoint, restore_network, save_checkpoint
from focaldepth.training._computing import reproducible, threads
from focaldepth.training._events import Events
from focaldepth.training._folder import RunFolder
from focaldepth.training._initial import fresh, initialise
from focaldepth.training._loader import Feeder, batches
from focaldepth.training._optimiser import Average, chosen, learning_rate, make_optimiser, set_training
from focaldepth.training._order import Order
from focaldepth.training._outlook import Outlook
from focaldepth.training._processes import Processes, joined
from focaldepth.training._recipe import Recipe, Stage
from focaldepth.training._roots import Place as Folder
from focaldepth.training._roots import Roots
from focaldepth.training._source import source, stack_counts, trained_range
from focaldepth.training._step import Told, explained, gradients, stop_for_nan
from focaldepth.training._validate import Judge, save_with_card
from focaldepth.training._wide import keep_wide

_DROPOUT = 4
"""Stream of random numbers of dropout; others in `_order`."""


@dataclass(frozen=True)
class TrainOptions:
    """What a run is told beside its recipe.

    Attributes:
        root: folder of the data set, or that holds all of a recipe; folders by the names that the recipe gives its data
            sets, where the name "" stands for the rest.
        init: file of weights to begin with.
        resume: go on in a folder that was begun.
        max_steps: of every stage; None = as many as its epochs have.
        max_s: seconds after which the run stops with a checkpoint and its weights.
        workers: processes that make batches ahead.
        threads: that compute; None = as many as PyTorch takes by itself.
        device: what to compute on.
        events: write event files.
    """

    root: Folder | Mapping[str, Folder] | None = None
    init: Path | None = None
    resume: bool = False
    max_steps: int | None = None
    max_s: float | None = None
    workers: int = 0
    threads: int | None = None
    device: str = "auto"
    events: bool = True


@dataclass(frozen=True)
class Trained:
    """How a run ended.

    Attributes:
        finished: all steps were made.
        steps: that were made in all, earlier runs included.
        loss: of the last step; None where no step was made.
        best: best value of the metric of validation; None without validation.
        weights: the file.
        rank: number of the process that tells it; the first, 0, is the one that writes.
    """

    finished: bool
    steps: int
    loss: float | None
    best: float | None
    weights: Path
    rank: int = 0


def train(recipe: Recipe, out: str | Path, wishes: TrainOptions = TrainOptions(), run: Run = Run()) -> Trained:
    """Train a network by a recipe; under torchrun together with the other processes.

    Args:
        recipe: what is done.
        out: folder for recipe, loss curve, checkpoints and weights.
        wishes: what this run is told.
        run: progress, and who may stop it; one that is stopped can be gone on with from where it was.

    Raises:
        SettingError, UnknownNameError, ReadError, WeightsError: wrong input, before the first step.
        TrainingError: the loss is no number any more.
        MemoryLimitError: the batch does not fit.
        Cancelled: the caller asked to stop.
    """
    out = Path(out)
    Roots.of(wishes.root).check(name for stage in recipe.stages for name in stage.parts)
    with joined(wishes.device) as processes, reproducible(recipe, processes), threads(wishes.threads):
        if not processes.first:
            processes.wait()  # until the first has taken the folder
            return _Training(recipe, out, wishes, Run(), processes).go()
        with _folder.locked(out, resume=wishes.resume):
            facts = {"init": None if wishes.init is None else str(wishes.init), "processes": processes.world}
            _folder.begin(out, recipe, facts, resume=wishes.resume)
            processes.wait()
            return _Training(recipe, out, wishes, run, processes).go()


@dataclass(eq=False)
class _Training:
    """One run."""

    recipe: Recipe
    out: Path
    wishes: TrainOptions
    run: Run
    processes: Processes
    place: Place = field(default_factory=Place)
    said: Told | None = None
    torn: bool = False

    def go(self) -> Trained:
        """Run all stages."""
        self.started = time.monotonic()
        first = self.recipe.first
        self._check_batches()
        net = fresh(first.settings.network, first.options, first.settings.seed)
        held = self._resumed()
        if held is None and self.wishes.init is not None:
            put = initialise(net, first.settings.network, self.wishes.init)
            self._note(f"begins with {put} from {self.wishes.init.name}")
        elif held is None and first.settings.init:
            self._note(
                f"the paper begins with {first.settings.init} (--init FILE); this run begins with random weights"
            )
        self.net = net.to(self.processes.device)
        self.net.every_scale = any(stage.loss.every_scale for stage in self.recipe.stages)
        self._prepare_net()
        self.folder = RunFolder(self.out, self.place.log_size) if self.processes.first else None
        wanted = self.wishes.events and self.processes.first
        self.events = Events(self.out / _folder.EVENTS, wanted=wanted, after=self._total())
        if self.events.missing:
            self._note("no event file is written: pip install 'focaldepth[train]' for TensorBoard")
        try:
            return self._stages(held)
        finally:
            self.events.close()
            if self.folder is not None:
                self.folder.close()

    def _prepare_net(self) -> None:
        settings = self.recipe.first.settings
        if settings.sync_norm and self.processes.world > 1 and self.processes.device.type == "cuda":
            self.net = torch.nn.SyncBatchNorm.convert_sync_batchnorm(self.net)  # type: ignore[no-untyped-call]
        if self.processes.device.type == "cpu":
            keep_wide(self.net)
        if settings.engine == "compiled":
            self.net.compile()

    def _resumed(self) -> dict[str, Any] | None:
        """Read the checkpoint of the folder where there is one and the run goes on."""
        path = self.out / _folder.CHECKPOINT
        if not self.wishes.resume or not path.exists():
            return None
        self.place, held = load_checkpoint(path)
        self._note(f"goes on after step {self.place.step} of stage {self.recipe.stages[self.place.stage].name}")
        return held

    def _stages(self, held: dict[str, Any] | None) -> Trained:
        finished = True
        for number, stage in enumerate(self.recipe.stages):
            if number < self.place.stage:
                continue
            if number > self.place.stage:
                self.place = Place(stage=number, before=self._total(), log_size=self.place.log_size)
            self._begin_stage(stage, held)
            held = None
            finished = self._steps(stage)
            if not finished:
                break
        self._save_weights(self.recipe.stages[self.place.stage])
        loss = None if self.said is None else self.said.loss
        weights = self.out / _folder.WEIGHTS
        return Trained(finished, self._total(), loss, self.place.best, weights, self.processes.rank)

    def _begin_stage(self, stage: Stage, held: dict[str, Any] | None) -> None:
        """Set up data, optimiser and average of a stage."""
        settings = stage.settings
        self.stage = stage
        trained = set(chosen(self.net, settings.train, f"stage {stage.name}"))
        self.optimiser = make_optimiser([p for n, p in self.net.named_parameters() if n in trained], settings)
        # Processes that make batches have no GPU of their own.
        device = "cpu" if self.wishes.workers else str(self.processes.device)
        found = source(stage, self.wishes.root, device=device)
        self.counts = stack_counts(found, stage)
        self.order = Order(len(found), settings.batch, settings.seed, self.place.stage)
        self.feeder = Feeder(found, stage, self.order)
        self.seen = trained_range(found, stage) if self.processes.first else {}
        self.judge = None
        if settings.validation_split:
            self.judge = Judge(stage.judged, source(stage, self.wishes.root, validation=True))
        self.average = Average(self.net, settings.ema) if settings.ema else None
        if held is not None:
            path = self.out / _folder.CHECKPOINT
            check_stacks(path, held, self.counts)
            restore_network(path, held, self.net, self.average)
            self.optimiser.load_state_dict(held["optimiser"])

    def _steps(self, stage: Stage) -> bool:
        """Make the steps of a stage; False when the time was over before."""
        last = self._last_step(stage)
        if self.place.step >= last:
            return True
        epochs, steps = stage.settings.epochs, self.order.steps
        learnt = sum(p.numel() for p in self.net.parameters() if p.requires_grad)
        self._note(
            f"{stage.name}: {epochs} epochs of {steps} steps on {self._data()}, "
            f"batch {stage.settings.batch}; {stage.settings.network} learns {learnt:,} weights"
        )
        self.run.stage(stage.name, last)
        self.run.advance(self.place.step)
        given = batches(
            self.feeder, self.place.step, last, workers=self.wishes.workers, rank=self.processes.rank,
            world=self.processes.world, pinned=self.processes.device.type == "cuda",
        )  # fmt: skip
        try:
            return self._made(stage, given, last)
        except (Cancelled, KeyboardInterrupt):
            if not self.torn and self.place.step:
                self._save_checkpoint()
                self._note(f"stopped after step {self.place.step}; --resume goes on from there")
            raise

    def _made(self, stage: Stage, given: Iterator[list[Batch]], last: int) -> bool:
        waited, begun = time.monotonic(), self.place.step
        outlook = Outlook(stage, self.run, self.processes.device, self.wishes.workers)
        for parts in given:
            if self.place.step == begun:
                outlook.before(self.net, parts)
            loaded = time.monotonic()
            self._step(stage, [part.to(self.processes.device) for part in parts])
            times = {"data_s": loaded - waited, "step_s": time.monotonic() - loaded}
            self._tell(stage, times)
            step, end = self.place.step, self.place.step == last
            if step == begun + 2:  # the first one waits for workers and libraries to wake up
                outlook.after(step, last, **times)
            due = end or step % (stage.settings.validate_epochs * self.order.steps) == 0
            if self.judge is not None and due:
                self._validate(stage, self.judge)
            stop = not end and self._time_is_over()
            # After a validation too: the best weights and the note of their value belong together.
            if due or stop or step % stage.settings.checkpoint_steps == 0:
                self._save_checkpoint()
            if stop:
                self._note(f"time is over after step {step} of {last}; --resume goes on from there")
                return False
            self.run.advance()
            waited = time.monotonic()
        return True

    def _step(self, stage: Stage, parts: list[Batch]) -> None:
        """Make one step; what it needs of chance follows from its number."""
        settings, step = stage.settings, self.place.step
        set_training(self.net)
        seed = [settings.seed, _DROPOUT, self.place.stage, step, self.processes.rank]
        torch.manual_seed(int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> 1))
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(settings, step, self.order.steps)
        try:
            self.said = gradients(self.net, stage, parts, self.processes)
        except (RuntimeError, ValueError) as error:
            told = explained(error, stage, parts[0], self.processes.device)
            if told is None:
                raise
            raise told from error
        failed = self.out / (_folder.FAILED if self.processes.first else f"{self.processes.rank}_{_folder.FAILED}")
        stop_for_nan(self.said, parts, failed, step + 1)
        self.torn = True
        self.optimiser.step()
        if self.average is not None:
            self.average.update(self.net, step)
        self.place.step += 1
        self.torn = False
        shown = self.place.step in (1, self._last_step(stage)) or self.place.step % settings.picture_steps == 0
        if self.processes.first and shown:
            self.events.pictures(self._total(), self.said.out, parts[-1], stage.convention)

    def _tell(self, stage: Stage, times: Mapping[str, float]) -> None:
        """Add a line to the log and points to the curves."""
        said, step = self.said, self.place.step
        if self.folder is None or said is None or step % stage.settings.log_steps:
            return
        rate = learning_rate(stage.settings, step - 1, self.order.steps)
        line = {"stage": stage.name, "step": step, "epoch": self.order.epoch_of(step - 1), "loss": said.loss}
        self.folder.write_log({**line, "terms": said.terms, "gradient": said.gradient, "learning_rate": rate, **times})
        curves = {"loss": said.loss, "gradient": said.gradient, "learning_rate": rate, **times}
        self.events.numbers(self._total(), {f"{stage.name}/{k}": v for k, v in {**curves, **said.terms}.items()})

    def _validate(self, stage: Stage, judge: Judge) -> None:
        """Compare with the best weights so far, and keep the better ones."""
        candidate = self.out / _folder.CANDIDATE
        tensors = None if self.average is None else self.average.tensors
        if self.processes.first:
            save_with_card(self.net, judge.stage, candidate, tensors, source=self._origin())
        self.processes.wait()
        found = judge.value(self.net, candidate, self.processes, self.run)
        metric = stage.settings.metric
        self._note(f"step {self.place.step}: {metric} {found:.4g} of validation, loss {self._loss():.4g}")
        if self.folder is not None:
            self.folder.write_log({"stage": stage.name, "step": self.place.step, "validation": {metric: found}})
            self.events.numbers(self._total(), {f"{stage.name}/validation {metric}": found})
        if judge.better(found, self.place.best):
            self.place.best, self.place.best_step = found, self._total()
            if self.processes.first:
                facts = {"source": self._origin(), "metrics": {metric: found}, "seen": self.seen}
                save_with_card(self.net, stage, self.out / _folder.BEST, tensors, **facts)
        self.processes.wait()

    def _loss(self) -> float:
        return float("nan") if self.said is None else self.said.loss

    def _save_weights(self, stage: Stage) -> None:
        """Write the weights that are the result: the best ones where there was a validation, else the last."""
        if not self.processes.first:
            return
        path, best = self.out / _folder.WEIGHTS, self.out / _folder.BEST
        tensors = None if self.average is None else self.average.tensors
        metrics = {}
        if best.exists() and self.place.best is not None:
            from focaldepth.networks._weights import load_weights

            tensors = load_weights(best)[0].state_dict()
            metrics = {stage.settings.metric: self.place.best}
        facts = {"tag": self.recipe.name, "metrics": metrics, "source": self._origin(), "seen": self.seen}
        save_with_card(self.net, stage, path, tensors, **facts)
        (self.out / _folder.CANDIDATE).unlink(missing_ok=True)
        (self.out / _folder.CANDIDATE).with_suffix(".json").unlink(missing_ok=True)

    def _save_checkpoint(self) -> None:
        if self.folder is not None:
            self.place.log_size = self.folder.log_size()
            path = self.out / _folder.CHECKPOINT
            save_checkpoint(path, self.place, self.net, self.optimiser, self.average, self.counts)

    def _data(self) -> str:
        """What is trained on, in words."""
        if len(self.counts) == 1:
            return self.stage.settings.data
        return " and ".join(f"{count} stacks of {name}" for name, count in self.counts.items())

    def _origin(self) -> dict[str, Any]:
        """Where weights come from, for their card."""
        made = {"recipe": self.recipe.name, "seed": self.stage.settings.seed, "steps": self._total()}
        settings = self.stage.settings
        judged = {"validated_on": settings.validate_on or settings.data} if len(self.counts) > 1 and self.judge else {}
        return {**made, **judged, "paper": settings.source, "stage": self.stage.name}

    def _last_step(self, stage: Stage) -> int:
        every = stage.settings.epochs * self.order.steps
        return every if self.wishes.max_steps is None else min(every, self.wishes.max_steps)

    def _total(self) -> int:
        """Steps of all stages so far."""
        return self.place.before + self.place.step

    def _time_is_over(self) -> bool:
        over = self.wishes.max_s is not None and time.monotonic() - self.started >= self.wishes.max_s
        return self.processes.agree(over) if self.wishes.max_s is not None else False

    def _note(self, message: str) -> None:
        if self.processes.first:
            self.run.progress.note(message)

    def _check_batches(self) -> None:
        for stage in self.recipe.stages:
            batch, parts = stage.settings.batch, stage.settings.accumulate * self.processes.world
            if batch % parts:
                raise SettingError(
                    f"a batch of {batch} cannot be shared out to {self.processes.world} processes.",
                    where=f"stage {stage.name}",
                    hint=f"Set batch to a multiple of {parts}.",
                )
