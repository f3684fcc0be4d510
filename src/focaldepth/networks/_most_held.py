"""How much memory tensors hold while something runs, counted without computing."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from focaldepth.networks._tape import is_view


def most_held(call: Callable[[], Any]) -> int:
    """Return the most bytes that tensors made by a call hold at once; on tensors of device "meta" nothing is computed.

    What a library needs inside of an operation is not in it.
    """
    tally = _Tally()
    with tally:
        call()
    return tally.most


class _Tally(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the tensors that show each piece of memory; the last one to go gives it back."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.held = self.most = 0
        self._shown: dict[int, int] = {}
        self._results: dict[Any, Any] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = self._made(func, args, kwargs or {})
        given = {_memory(one) for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)}
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor) and (_memory(tensor) in self._shown or _memory(tensor) not in given):
                self._see(tensor)
        self.most = max(self.most, self.held)
        return made

    def _made(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Do it; what was done before with tensors of the same facts is known, and some shapes take long to find."""
        if is_view(func):
            return func(*args, **kwargs)
        key = func, *kwargs, *(str(_facts(one)) for one in tree_leaves((args, kwargs)))
        if key not in self._results:
            made = func(*args, **kwargs)
            self._results[key] = tree_map(_facts, made)
            return made
        return tree_map(_like, self._results[key])

    def _see(self, tensor: Tensor) -> None:
        memory, size = _memory(tensor), tensor.untyped_storage().nbytes()
        if memory not in self._shown:
            self._shown[memory] = 0
            self.held += size
        self._shown[memory] += 1
        weakref.finalize(tensor, self._forget, memory, size)

    def _forget(self, memory: int, size: int) -> None:
        self._shown[memory] -= 1
        if not self._shown[memory]:
            del self._shown[memory]
            self.held -= size


@dataclass(frozen=True)
class _Facts:
    """What is to be known of a tensor without numbers."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype

    def like(self) -> Tensor:
        """Return another such tensor."""
        return torch.empty_strided(self.shape, self.stride, dtype=self.dtype, device="meta")


def _facts(one: Any) -> Any:
    """Return the facts of a tensor; anything else as it is."""
    return _Facts(tuple(one.shape), one.stride(), one.dtype) if isinstance(one, Tensor) else one


def _like(known: Any) -> Any:
    """Return a tensor of these facts; anything else, such as a gradient that nobody wants, as it is."""
    return known.like() if isinstance(known, _Facts) else known


def _memory(tensor: Tensor) -> int:
    address: int = tensor.untyped_storage()._cdata
    return address
