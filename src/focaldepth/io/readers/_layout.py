"""Which axis of an array is the focus, the picture, the colour; and which item of the remaining axes is meant."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from focaldepth.core.errors import ReadError
from focaldepth.core.frame import frames_last
from focaldepth.io._reader import ReadOptions

_SAME = str.maketrans({"H": "Y", "W": "X", "N": "Z"})
_WORDS = {"T": "time points", "P": "positions", "B": "stacks", "R": "positions", "C": "channels", "Z": "planes"}
_COLOUR_SAMPLES = {1: 1, 2: 1, 3: 3, 4: 3}
_WHICH_CHANNEL = "Choose one with --channel NUMBER or NAME."
_OR_FRAMES = " If they are the frames of the stack, say so with --axes ZYX."
_COLOURS = ("red", "green", "blue", "alpha")


@dataclass(frozen=True)
class Choice:
    """What the option `dataset` names: an array, and items of its further axes.

    Attributes:
        name: of the array; empty = not said.
        items: axis letter -> item.
        order: items of the axes that are left over, in their order.
    """

    name: str = ""
    items: Mapping[str, int] = field(default_factory=dict)
    order: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str | None, path: Path) -> Choice:
        """Read "name", "name[3]", "[T=2]", "name[T=2,P=0]".

        >>> Choice.parse("stack_train[3]", Path("x.h5"))
        Choice(name='stack_train', items={}, order=(3,))
        """
        name, bracket, inside = (text or "").partition("[")
        if not bracket:
            return cls(name.strip())
        items: dict[str, int] = {}
        order: list[int] = []
        for part in inside.removesuffix("]").split(","):
            found = re.fullmatch(r"\s*(?:([A-Za-z])\s*=)?\s*(\d+)\s*", part)
            if not found or not inside.endswith("]"):
                raise ReadError(
                    f"cannot read the dataset {text!r}.", where=path, hint='Write "name", "name[3]" or "name[T=2]".'
                )
            letter, number = found.groups()
            if letter:
                items[letter.upper().translate(_SAME)] = int(number)
            else:
                order.append(int(number))
        return cls(name.strip(), items, tuple(order))


@dataclass(frozen=True)
class Layout:
    """How frames lie in an array.

    Attributes:
        axes: one letter per axis: Z focus, Y rows, X columns, S or C colour; others are fixed to one item.
        shape: of the array.
        frame: position of the focus axis; None where there is one frame only.
        fixed: position of axis -> item, for every other axis beside rows, columns and colour.
        colour: position of the colour axis; None for grey.
        samples: which of its items make the picture.
        warnings: what was assumed.
    """

    axes: str
    shape: tuple[int, ...]
    frame: int | None
    fixed: Mapping[int, int]
    colour: int | None
    samples: slice
    warnings: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Number of frames."""
        return 1 if self.frame is None else self.shape[self.frame]

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of a frame."""
        channels = self.samples.stop - self.samples.start if self.colour is not None else 1
        return self.shape[self.axes.index("Y")], self.shape[self.axes.index("X")], channels

    def item(self, letter: str) -> int:
        """Return the item that a fixed axis stands at; 0 where the array has no such axis."""
        place = self.axes.find(letter)
        return self.fixed.get(place, 0) if place >= 0 else 0

    def index(self, i: int) -> tuple[int | slice, ...]:
        """Return the index of frame i in the array."""
        full: list[int | slice] = [slice(None)] * len(self.axes)
        for axis, item in self.fixed.items():
            full[axis] = item
        if self.colour is not None:
            full[self.colour] = self.samples
        if self.frame is not None:
            full[self.frame] = i
        return tuple(full)

    def arrange(self, block: NDArray[Any]) -> NDArray[Any]:
        """Bring what `index` selects to (H, W, C)."""
        left = [
            "C" if i == self.colour else a for i, a in enumerate(self.axes) if i != self.frame and i not in self.fixed
        ]
        block = block.transpose([left.index(a) for a in "YXC" if a in left])
        return block if block.ndim == 3 else block[..., None]


def guess_axes(shape: Sequence[int], path: Path) -> str:
    """Return axes of an array that does not name them: a last axis of 1, 3 or 4 is colour, the first one the frames.

    Without a colour axis at the end, one of 1, 3 or 4 before rows and columns is colour; one more axis in front counts
    stacks.

    >>> guess_axes((10, 480, 640, 3), Path("x.npy")), guess_axes((2, 10, 480, 640, 3), Path("x.npy"))
    ('ZYXC', 'BZYXC')
    """
    n = len(shape)
    if frames_last(shape):
        letters = "HWNC"[:n]
        raise ReadError(
            f"an array of shape {tuple(shape)} looks like {letters}, frames last.",
            where=path,
            hint=f"Say so with --axes {letters}, or --axes {'NHWC'[:n]} if the frames do come first.",
        )
    if 3 <= n <= 5 and shape[-1] in (1, 3, 4):
        return {3: "YXC", 4: "ZYXC", 5: "BZYXC"}[n]
    if 4 <= n <= 5 and shape[-3] in (1, 3, 4):
        return {4: "ZCYX", 5: "BZCYX"}[n]
    if 3 <= n <= 4:
        return {3: "ZYX", 4: "BZYX"}[n]
    raise ReadError(
        f"an array of shape {tuple(shape)} is not understood.", where=path, hint='Name its axes, e.g. --axes "BNHWC".'
    )


def resolve(
    axes: str,
    shape: Sequence[int],
    options: ReadOptions,
    choice: Choice,
    path: Path,
    *,
    colour: str = "SC",
    names: Sequence[str] = (),
) -> Layout:
    """Decide what every axis of an array is.

    Args:
        axes: its letters as the file states them; `options.axes` overrules.
        shape: its sizes.
        options: what the user said.
        choice: items chosen of further axes.
        path: for messages.
        colour: letters whose items are the colours of one picture; a C that is not among them counts channels, of which
            one must be chosen.
        names: of the channels.
    """
    letters = _letters(options.axes or axes, shape, path)
    letters, misnamed = _colour_frames(letters, shape)
    sizes = dict(zip(letters, shape, strict=True))
    fixed = _fixed_by_size(letters, shape)
    tone, samples = _colour(letters, sizes, options, colour, names, fixed, path)
    taken = {letters.index("Y"), letters.index("X"), *fixed} | ({tone} if tone is not None else set())
    rest = [i for i in range(len(letters)) if i not in taken]
    for i in rest:
        if letters[i] in choice.items:
            fixed[i] = choice.items[letters[i]]
    rest = [i for i in rest if i not in fixed]
    frame, warnings = _frame_axis(letters, rest, len(choice.order))
    others = [i for i in rest if i != frame]
    singles = [i for i in _fixed_by_size(letters, shape) if letters[i] != "Z"]
    counted = sorted(others + singles) if len(choice.order) == len(others) + len(singles) else others
    fixed |= dict(zip(counted, choice.order, strict=False))
    left = [i for i in others if i not in fixed]
    _check_items(letters, shape, fixed, left, choice, path, too_many=len(choice.order) > len(counted))
    return Layout(letters, tuple(shape), frame, fixed, tone, samples, (*misnamed, *warnings))


def _colour_frames(letters: str, shape: Sequence[int]) -> tuple[str, tuple[str, ...]]:
    """RGB pictures counted as "channels" are frames: no camera has channels that are in colour themselves."""
    wide = {a for a, size in zip(letters, shape, strict=True) if size > 1}
    if "S" not in wide or wide - {"S", "Y", "X"} != {"C"} or shape[letters.index("S")] < 3:
        return letters, ()
    letters = letters.replace("Z", "B").replace("C", "Z")
    return letters, ("There is no focus axis; the colour pictures are taken as the frames of the stack.",)


def _letters(axes: str, shape: Sequence[int], path: Path) -> str:
    letters = axes.strip().upper().translate(_SAME)
    if "Z" in axes.upper() and "N" in axes.upper():
        letters = axes.strip().upper().replace("N", "B").translate(_SAME)
    if len(letters) != len(shape):
        raise ReadError(
            f"axes {axes!r} name {len(letters)} axes, the array has {len(shape)}: {tuple(shape)}.",
            where=path,
            hint="Give one letter per axis (--axes).",
        )
    once = all(letters.count(a) == 1 for a in "YX") and all(letters.count(a) <= 1 for a in "ZCS")
    if not once:
        raise ReadError(
            f"axes {axes!r} do not say which axes are rows and columns.",
            where=path,
            hint='Use N (frames), H, W, C (colour), B (stacks), T (time), e.g. --axes "NHWC".',
        )
    if 0 in shape:
        raise ReadError(f"an array of shape {tuple(shape)} holds no pixels.", where=path, hint="Export it again.")
    return letters


def _fixed_by_size(letters: str, shape: Sequence[int]) -> dict[int, int]:
    """Axes of size 1 need no choice; rows, columns and RGB samples stay."""
    return {i: 0 for i, (a, size) in enumerate(zip(letters, shape, strict=True)) if size == 1 and a not in "YXSC"}


def _colour(
    letters: str,
    sizes: Mapping[str, int],
    options: ReadOptions,
    colour: str,
    names: Sequence[str],
    fixed: dict[int, int],
    path: Path,
) -> tuple[int | None, slice]:
    """Return the colour axis and its part; a C axis of channels goes into `fixed` instead."""
    asked = options.channel
    if "C" in letters and ("C" not in colour or sizes["C"] not in _COLOUR_SAMPLES or "S" in letters):
        if sizes["C"] == 1:
            fixed[letters.index("C")] = 0
        else:
            alone = all(n == 1 for a, n in sizes.items() if a not in "CSYX")
            fixed[letters.index("C")] = pick_channel(asked, sizes["C"], names, path, _OR_FRAMES if alone else "")
            asked = None
    tone = next((letters.index(a) for a in "SC" if a in letters and letters.index(a) not in fixed), None)
    if tone is None:
        if asked is not None:
            pick_channel(asked, 1, names, path)
        return None, slice(0, 1)
    size = sizes[letters[tone]]
    if asked is not None:
        one = pick_channel(asked, size, names if len(names) == size else _COLOURS[:size] if size > 2 else (), path)
        return tone, slice(one, one + 1)
    if size not in _COLOUR_SAMPLES:
        pick_channel(None, size, names, path)
    return tone, slice(0, _COLOUR_SAMPLES[size])


def pick_channel(asked: str | None, size: int, names: Sequence[str], path: Path, more: str = "") -> int:
    """Return the channel that a number or name means, or raise a ReadError that lists the channels."""
    listed = ", ".join(f"{i} {names[i]!r}" if i < len(names) and names[i] else str(i) for i in range(size))
    if asked is None:
        raise ReadError(f"{size} channels: {listed}.", where=path, hint=_WHICH_CHANNEL + more)
    lower = [name.lower() for name in names]
    if asked.lower() in lower:
        return lower.index(asked.lower())
    if asked.isdecimal() and int(asked) < size:
        return int(asked)
    raise ReadError(f"no channel {asked!r}.", where=path, hint=f"Channels: {listed}.")


def _frame_axis(letters: str, rest: list[int], spare: int) -> tuple[int | None, tuple[str, ...]]:
    """Return the focus axis among the axes that are left, with a warning where it is not named so."""
    named = [i for i in rest if letters[i] == "Z"]
    if named:
        return named[0], ()
    if not rest or spare >= len(rest):
        return None, ()
    if len(rest) > 1 and spare != len(rest) - 1:
        return None, ()
    frame = rest[-1]
    if letters[frame] in "TPRB":
        word = _WORDS[letters[frame]]
        return frame, (f"There is no focus axis; the {word} are taken as the frames of the stack.",)
    return frame, ()


def _check_items(
    letters: str,
    shape: Sequence[int],
    fixed: Mapping[int, int],
    open_axes: list[int],
    choice: Choice,
    path: Path,
    *,
    too_many: bool,
) -> None:
    known = ", ".join(f"{letters[i]} {shape[i]}" for i in range(len(shape)))
    if open_axes:
        words = " and ".join(f"{shape[i]} {_WORDS.get(letters[i], f'items of axis {letters[i]}')}" for i in open_axes)
        example = ",".join(f"{letters[i]}=0" for i in open_axes)
        raise ReadError(
            f"the file holds {words}, one focal stack has one (axes: {known}).",
            where=path,
            hint=f'Choose with --dataset "{choice.name}[{example}]", or name the axes with --axes.',
        )
    for axis, item in fixed.items():
        if item >= shape[axis]:
            raise ReadError(f"axis {letters[axis]} has no item {item}.", where=path, hint=f"Sizes: {known}.")
    unknown = [a for a in choice.items if a not in letters]
    if unknown or too_many:
        what = f"axis {unknown[0]}" if unknown else "axis that needs an item"
        raise ReadError(f"there is no {what}.", where=path, hint=f"Sizes: {known}.")
