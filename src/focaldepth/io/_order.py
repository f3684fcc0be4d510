"""In which order frames stand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray


class Named(Protocol):
    """Anything with a file name."""

    @property
    def name(self) -> str:
        """File name."""


F = TypeVar("F", bound=Named)
_NUMBERS = re.compile(r"(\d+)")
_LAST_NUMBER = re.compile(r"^(.*?)(\d+)(\D*)$")


def natural_key(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Return a key that sorts numbers in names by value, whatever their zero padding and the case of letters.

    >>> sorted(["img10.png", "IMG2.png", "img1.png", "img.png"], key=natural_key)
    ['img.png', 'img1.png', 'IMG2.png', 'img10.png']
    """
    stem = name.rpartition(".")[0] or name
    parts = _NUMBERS.split(stem)
    return tuple((0, int(p), "") if i % 2 else (1, 0, p.casefold()) for i, p in enumerate(parts) if p), name


def natural_order(files: Sequence[F]) -> tuple[list[F], str]:
    """Return files in natural name order, and the rule in words.

    A camera counter that wraps (IMG_9998, IMG_9999, IMG_0001) goes on after its highest number.
    """
    ordered = sorted(files, key=lambda f: natural_key(f.name))
    start = _wrap([f.name for f in ordered])
    if start:
        return ordered[start:] + ordered[:start], "file name, counter wraps"
    return ordered, "file name"


def _wrap(names: Sequence[str]) -> int:
    """Index of the first frame where a counter of 4 or more digits wraps inside the stack; 0 where it does not."""
    matches = [_LAST_NUMBER.match(n.rpartition(".")[0] or n) for n in names]
    found = [m for m in matches if m]
    if len(found) != len(names) or len({(m[1], m[3], len(m[2])) for m in found}) != 1:
        return 0
    counter, top = [int(m[2]) for m in found], 10 ** len(found[0][2]) - 1
    gaps = [i for i in range(1, len(counter)) if counter[i] != counter[i - 1] + 1]
    wraps = len(found[0][2]) >= 4 and counter[0] in (0, 1) and counter[-1] == top and len(gaps) == 1
    return gaps[0] if wraps else 0


def looks_expanded(names: Sequence[str]) -> bool:
    """True when names stand as a shell or file dialog lists them: then their order is nobody's wish.

    >>> looks_expanded(["img1", "img10", "img2"]), looks_expanded(["b", "a"])
    (True, False)
    """
    listed = list(names)
    return listed in (sorted(listed), sorted(listed, key=str.casefold), sorted(listed, key=natural_key))


def order_by(values: NDArray[np.float64]) -> NDArray[np.intp] | None:
    """Return the order that makes values rise; None where they rise or fall throughout already."""
    steps = values[1:] > values[:-1]
    return None if steps.all() or not steps.any() else np.argsort(values, kind="stable")
