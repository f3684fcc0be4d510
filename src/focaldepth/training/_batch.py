"""What a network is trained on in one step: examples as it wants to see them, as tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from focaldepth.core.errors import StackError
from focaldepth.networks._spec import Convention

Plane = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Fed:
    """One example in the form that a network with a convention wants.

    Attributes:
        frames: (N, 3, H, W) float32, normalised.
        focus: (N,) float32, what the network is told of focus positions.
        truth: (H, W) float32 depth in the coordinate of the network's output; 0 where not valid.
        valid: (H, W) bool, pixels that count.
        confidence: (H, W) float32, 0 to 1, or None.
        sharp: (3, H, W) float32 all-in-focus picture, normalised like the frames, or None.
        circles: (N, H, W) float32 circles of confusion, or None.
        extra: name -> (N,) float32, further inputs of the network.
    """

    frames: Plane
    focus: Plane
    truth: Plane
    valid: NDArray[np.bool_]
    confidence: Plane | None = None
    sharp: Plane | None = None
    circles: Plane | None = None
    extra: Mapping[str, Plane] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Batch:
    """Examples together; a stack with fewer frames than others is filled up with its last frame, which counts nothing.

    Attributes:
        frames: (B, N, 3, H, W).
        focus: (B, N).
        truth: (B, 1, H, W); `valid` (B, 1, H, W) bool says where it counts.
        frame_valid: (B, N) bool, or None where all stacks are equally long.
        confidence: (B, 1, H, W) or None.
        sharp: (B, 3, H, W) or None.
        circles: (B, N, H, W) or None.
        extra: name -> (B, N).
        black, white, mean, std: how values from 0 to 1 became those of `frames`; see `Convention`.
    """

    frames: Tensor
    focus: Tensor
    truth: Tensor
    valid: Tensor
    frame_valid: Tensor | None = None
    confidence: Tensor | None = None
    sharp: Tensor | None = None
    circles: Tensor | None = None
    extra: Mapping[str, Tensor] = field(default_factory=dict)
    black: float = 0.0
    white: float = 1.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __len__(self) -> int:
        return len(self.frames)

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        return self._changed(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """Return the batch in memory that a GPU copies from without waiting."""
        return self._changed(lambda tensor: tensor.pin_memory())

    def _changed(self, change: Callable[[Tensor], Tensor]) -> Batch:
        changed: dict[str, Any] = {name: change(tensor) for name, tensor in self.tensors().items()}
        return replace(self, **changed, extra={name: change(tensor) for name, tensor in self.extra.items()})

    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors by name, further inputs excepted."""
        held = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in held.items() if isinstance(value, Tensor)}

    def as_light(self, pictures: Tensor) -> Tensor:
        """Bring pictures (..., 3, H, W) in the range of `frames` back to values from 0 to 1."""
        std = torch.tensor(self.std, device=pictures.device).view(3, 1, 1)
        mean = torch.tensor(self.mean, device=pictures.device).view(3, 1, 1)
        return (pictures * std + mean - self.black) / (self.white - self.black)


def collate(examples: Sequence[Fed], convention: Convention) -> Batch:
    """Put examples together.

    Raises:
        StackError: pictures of different sizes.
    """
    sizes = {e.truth.shape for e in examples}
    if len(sizes) > 1:
        listed = ", ".join(f"{w} x {h}" for h, w in sorted(sizes))
        raise StackError(f"pictures of {listed} px.", where="batch", hint="Cut them to one size: --set crop=224.")
    longest = max(len(e.focus) for e in examples)
    counts = torch.tensor([len(e.focus) for e in examples])
    frame_valid = None if int(counts.min()) == longest else torch.arange(longest) < counts[:, None]
    weighted = any(e.confidence is not None for e in examples)
    confidence = [np.ones_like(e.truth) if e.confidence is None else e.confidence for e in examples]
    circles = [e.circles for e in examples if e.circles is not None]
    sharp = [e.sharp for e in examples if e.sharp is not None]
    return Batch(
        frames=_stacked([e.frames for e in examples], longest),
        focus=_stacked([e.focus for e in examples], longest),
        truth=torch.from_numpy(np.stack([e.truth for e in examples]))[:, None],
        valid=torch.from_numpy(np.stack([e.valid for e in examples]))[:, None],
        frame_valid=frame_valid,
        confidence=torch.from_numpy(np.stack(confidence))[:, None] if weighted else None,
        sharp=torch.from_numpy(np.stack(sharp)) if len(sharp) == len(examples) else None,
        circles=_stacked(circles, longest) if len(circles) == len(examples) else None,
        extra={name: _stacked([e.extra[name] for e in examples], longest) for name in examples[0].extra},
        black=convention.black,
        white=convention.white,
        mean=convention.mean,
        std=convention.std,
    )


def _stacked(arrays: Sequence[NDArray[np.float32]], longest: int) -> Tensor:
    """(N_i, ...) -> (B, N, ...), the last frame repeated."""
    filled = [np.concatenate([a, np.repeat(a[-1:], longest - len(a), 0)]) if len(a) < longest else a for a in arrays]
    return torch.from_numpy(np.stack(filled))
