"""Energy of the alternating over that of the constant coefficient of a cosine transform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.settings import check, setting
from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips
from focaldepth.measures._window import mean, ratio, variance


@dataclass(frozen=True)
class DctEnergyRatio:
    """Sum of F(u,v)^2 over (u,v) != (0,0), divided by F(0,0)^2, F the cosine transform of the block around a pixel.

    The transform keeps energy, so this is the variance of the block over its squared mean; no transform is needed.
    """

    title: ClassVar[str] = "DCT energy ratio"
    source: ClassVar[str] = "Shen, Chen, Robust focus measure for low-contrast images, ICCE 2006"
    facts: ClassVar[MeasureFacts] = MeasureFacts("dct", ("DCT1", "DCTE"), degree=0, offset=False)

    side: int = setting(8, "rows and columns of a block", unit="px", low=2, high=64)

    def __post_init__(self) -> None:
        check(self)

    @property
    def reach(self) -> int:
        """Half a block."""
        return self.side // 2

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> DctEnergyRatio(side=2)(np.float32([[0, 0], [0, 4]]))[1, 1]
        np.float32(3.0)
        """
        return in_strips(grey, self.reach, self._score)

    def _score(self, strip: NDArray[Any]) -> NDArray[Any]:
        exact = strip.astype(np.float64)
        return ratio(variance(exact, self.side), mean(exact, self.side) ** 2)


MEASURE = DctEnergyRatio()
