"""How a network is trained: everything of a stage that is a plain number, word or switch."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from focaldepth.core.errors import SettingError
from focaldepth.core.settings import check, setting

OPTIMISERS = ("sgd", "adam", "adamw")
SCHEDULES = ("constant", "step", "cosine")
PRECISIONS = ("float32", "bfloat16")
ENGINES = ("eager", "compiled")
LOSS_ITSELF = "loss"
"""Name of the metric of validation that is the loss of training."""


@dataclass(frozen=True)
class TrainSettings:
    """Settings of one stage of a training; the values of the papers stand in the recipes."""

    title: str = setting("", "what is reproduced")
    source: str = setting("", "where the values come from")
    network: str = setting("dfv", "network; see `focaldepth methods`")
    data: str = setting("scenes", "data set, or scenes for rendered ones without end")
    also: str = setting("", "further data sets that are trained on together with it, by spaces; NAME.key is their own")
    train_split: str = setting("train", "split that is trained on; empty = everything")
    validation_split: str = setting("", "split that checkpoints are compared on; empty = no validation")
    validate_on: str = setting("", "which of several data sets checkpoints are compared on; empty = the first")
    loss: str = setting("dfv", "loss; one of `focaldepth.training.losses`")
    optimiser: str = setting("adam", "optimiser", choices=OPTIMISERS)
    learning_rate: float = setting(1e-4, "step size", low=0)
    momentum: float = setting(0.9, "of sgd", low=0, high=1)
    beta1: float = setting(0.9, "of adam", low=0, high=1)
    beta2: float = setting(0.999, "of adam", low=0, high=1)
    weight_decay: float = setting(0.0, "penalty of the weights, as the optimiser applies it", low=0)
    schedule: str = setting("constant", "of the learning rate", choices=SCHEDULES)
    decay: float = setting(0.9, "schedule step: factor", low=0, high=1)
    decay_epochs: int = setting(4, "schedule step: epochs from one factor to the next", low=1)
    warmup_steps: int = setting(0, "steps over which the learning rate grows to its value", low=0)
    epochs: int = setting(100, "times that the data is seen", low=1)
    batch: int = setting(4, "stacks per step, of all processes together", low=1)
    accumulate: int = setting(1, "parts that the batch of a process is computed in, to save memory", low=1)
    clip: float = setting(0.0, "largest norm of the gradient; 0 = any", low=0)
    ema: float = setting(0.0, "share that the moving average of the weights keeps per step; 0 = none", low=0, high=1)
    precision: str = setting("float32", "of the forward pass", choices=PRECISIONS)
    engine: str = setting("eager", "how the network runs; compiled = by torch.compile", choices=ENGINES)
    sync_norm: bool = setting(False, "several GPUs share the statistics of batch norm")
    deterministic: bool = setting(True, "use deterministic operations where there are any")
    seed: int = setting(0, "of weights, order, augmentation and dropout", low=0)
    init: str = setting("", "weights that the paper begins with, in words; they are given with --init FILE")
    train: str = setting("", "beginnings of the names of the weights that are trained, by spaces; empty = all")
    low: float = setting(-inf, "smallest truth that counts, in the unit of the convention")
    high: float = setting(inf, "largest truth that counts, in the unit of the convention")
    in_focus_range: bool = setting(False, "count only truth between the first and the last focus position")
    clip_truth: bool = setting(False, "bring truth outside of low and high to these limits instead of leaving it out")
    focal_length_m: float = setting(0.0, "of circles of confusion, where a stack does not state its lens", low=0)
    f_number: float = setting(0.0, "of circles of confusion, likewise", low=0)
    circle_unit: str = setting("metre", "circles of confusion on the sensor, or in pixels", choices=("metre", "px"))
    circle_limit: float = setting(1e-4, "largest circle of confusion, which becomes 1", low=1e-9)
    misaligned: bool = setting(False, "scenes: frames shifted and scaled as by the focus motor of a phone")
    metric: str = setting("rmse", "what checkpoints are compared by: a metric, or loss")
    validate_epochs: int = setting(5, "epochs from one validation to the next", low=1)
    validate_items: int = setting(0, "stacks of a validation; 0 = all of the split", low=0)
    checkpoint_steps: int = setting(500, "steps from one checkpoint to the next", low=1)
    log_steps: int = setting(1, "steps from one line of the log to the next", low=1)
    picture_steps: int = setting(
        500, "steps from one picture in the event file to the next; the first and the last step have one", low=1
    )

    def __post_init__(self) -> None:
        check(self)
        if self.low >= self.high:
            raise SettingError(f"low is {self.low:g}, high is {self.high:g}.", where="recipe", hint="Give low < high.")
        if self.batch % self.accumulate:
            raise SettingError(
                f"a batch of {self.batch} cannot be computed in {self.accumulate} parts.",
                where="recipe",
                hint="Give an `accumulate` that divides `batch`.",
            )


@dataclass(frozen=True)
class SceneData:
    """Rendered scenes as a data set."""

    count: int = setting(400, "scenes that make an epoch", low=1)
    endless: bool = setting(True, "every epoch has new scenes")
    validation: int = setting(20, "scenes of the validation", low=1)
    height: int = setting(256, "rows", unit="px", low=32, high=2048)
    width: int = setting(256, "columns", unit="px", low=32, high=2048)
    frames: int = setting(5, "frames per stack; 0 = 2 to 30", low=0, high=200)
    scale: str = setting("any", "size of the world: room, desk, phone, macro or any")
    samples: int = setting(32, "points of the aperture", low=1, high=4096)
    blur: float = setting(12.0, "largest blur radius", unit="px", low=0.5, high=64)
    seed: int = setting(0, "number of the series", low=0)

    def __post_init__(self) -> None:
        check(self)
