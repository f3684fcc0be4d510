"""How much memory tensors hold while something runs, counted without computing."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


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

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        given = {_memory(one) for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)}
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor) and (_memory(tensor) in self._shown or _memory(tensor) not in given):
                self._see(tensor)
        self.most = max(self.most, self.held)
        return made

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


def _memory(tensor: Tensor) -> int:
    address: int = tensor.untyped_storage()._cdata
    return address
