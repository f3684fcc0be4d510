"""All random changes of one example, in the order of the papers: frames, crop, flips, quarter turns, tone."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import Generator

from focaldepth.core.settings import check, setting
from focaldepth.training._example import Example
from focaldepth.training.augment.crops import centre_crop, random_crop
from focaldepth.training.augment.subsets import SAMPLINGS, subset
from focaldepth.training.augment.symmetries import random_flips, random_quarter_turn
from focaldepth.training.augment.tone import random_tone


@dataclass(frozen=True)
class Augmentation:
    """What is changed at random; the default changes nothing.

    In the papers: DDFF crops 224 px with at most 20 % of the truth missing (``crop=224, known=0.8``). DFV does so, too,
    flips (``flip_rows=flip_columns=0.5``) and draws sorted random frames (``frames=5, sampling="random"``). Learning
    Depth from Focus in the Wild crops 224 or 256, flips, turns (``quarter_turns=True``) and changes tone
    (``contrast=0.6, brightness=0.1, gamma=2``). Its three trainings of Fig. 12, which are also those of AiFDepthNet
    (Table S2), are ``frames=5`` (always 5), ``frames=N`` of the test (the same), and ``fewest=2, frames=10`` (a random
    number); Table S1 of AiFDepthNet compares ``sampling="even"`` with ``"random", keep_ends=True``.

    Raises:
        SettingError: a setting outside its range.

    >>> import numpy as np
    >>> pixels = np.random.default_rng(0).random((10, 48, 64, 3), dtype=np.float32)
    >>> plane = np.ones((48, 64), np.float32)
    >>> example = Example(pixels, np.linspace(0.28, 0.02, 10), plane, plane > 0)
    >>> augment = Augmentation(crop=32, frames=5, sampling="truncated", flip_columns=0.5)
    >>> augmented = augment(example, np.random.default_rng(1))
    >>> augmented.frames.shape, augmented.focus.round(3).tolist()
    ((5, 32, 32, 3), [0.28, 0.222, 0.164, 0.107, 0.02])
    """

    frames: int = setting(0, "largest number of frames; 0 = all of the stack", unit="frames", low=0, high=1000)
    fewest: int = setting(
        0,
        "smallest number, the number is drawn between the two; 0 = always the largest",
        unit="frames",
        low=0,
        high=1000,
    )
    sampling: str = setting("random", "which frames are taken", choices=SAMPLINGS)
    keep_ends: bool = setting(False, "random frames include the first and the last")
    crop: int = setting(0, "side of the square that is cut out; 0 = the whole picture", unit="px", low=0, high=100_000)
    centre: bool = setting(False, "cut out the middle instead of a random place")
    known: float = setting(0.0, "smallest share of pixels with truth in a random place", low=0, high=1)
    flip_rows: float = setting(0.0, "probability of upside down", low=0, high=1)
    flip_columns: float = setting(0.0, "probability of left to right", low=0, high=1)
    quarter_turns: bool = setting(False, "turn by 0, 90, 180 or 270 degrees; by 0 or 180 where not square")
    contrast: float = setting(0.0, "contrast around 0.5 is drawn from 1 - c to 1 + c", low=0, high=1)
    brightness: float = setting(0.0, "what is added is drawn from -b to b", low=0, high=1)
    gamma: float = setting(1.0, "exponent is drawn from 1/g to g", low=1, high=10)

    def __post_init__(self) -> None:
        check(self)

    def __call__(self, example: Example, rng: Generator) -> Example:
        """Return a changed copy; what is drawn depends on `rng` and the sizes of the example alone.

        Raises:
            StackError: an example with fewer frames or pixels than are to be cut out of it.
        """
        if self.frames or self.fewest:
            example = subset(example, self._number(len(example), rng), self.sampling, rng, keep_ends=self.keep_ends)
        if self.crop:
            example = (
                centre_crop(example, self.crop) if self.centre else random_crop(example, self.crop, rng, self.known)
            )
        example = random_flips(example, rng, rows=self.flip_rows, columns=self.flip_columns)
        if self.quarter_turns:
            example = random_quarter_turn(example, rng)
        if self.contrast or self.brightness or self.gamma != 1:
            example = random_tone(example, rng, contrast=self.contrast, brightness=self.brightness, gamma=self.gamma)
        return example.contiguous()

    def _number(self, available: int, rng: Generator) -> int:
        """How many frames this time; a random number is at most what there is."""
        if not self.fewest:
            return self.frames
        largest = min(self.frames or available, available)
        return int(rng.integers(self.fewest, max(largest, self.fewest), endpoint=True))
