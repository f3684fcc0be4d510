"""Reproducible weights for the parity cases, from the table of keys alone.

Every tensor is made of raw PCG64 words whose seed is the sha256 of "seed:key", so it does not depend on the others.
Only integers, multiplications, divisions and square roots are used: the same bits everywhere, as `checksum` proves.
"""

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

HALF = 2**31
ZERO_MEAN_FROM = 16
"""Inputs per filter from which on filters are made zero-mean."""


def make_weights(keys: Mapping[str, Mapping[str, Any]], seed: int) -> dict[str, NDArray[Any]]:
    """Key -> array for the ``keys`` of a keys.json."""
    return {key: _tensor(key, spec, seed) for key, spec in keys.items()}


def checksum(weights: Mapping[str, NDArray[Any]]) -> str:
    """sha256 over names and bytes in the order of the names."""
    total = hashlib.sha256()
    for key in sorted(weights):
        total.update(key.encode())
        total.update(np.ascontiguousarray(weights[key]).tobytes())
    return total.hexdigest()


def _tensor(key: str, spec: Mapping[str, Any], seed: int) -> NDArray[Any]:
    shape, kind = tuple(spec["shape"]), key.rsplit(".", 1)[-1]
    if kind == "num_batches_tracked":
        return np.zeros(shape, np.int64)
    words = _words(f"{seed}:{key}", math.prod(shape)).reshape(shape)
    if len(shape) > 1:
        return _filters(words, spec)
    uniform = words / float(HALF)
    if kind == "running_mean":
        return (0.1 * uniform).astype(np.float32)
    if kind == "running_var":
        return (1 + 0.4 * uniform).astype(np.float32)
    if kind == "weight" and shape:
        return (1 + 0.2 * uniform).astype(np.float32)
    return (0.05 * uniform).astype(np.float32)


def _words(label: str, count: int) -> NDArray[np.int64]:
    """Integers in [-2^31, 2^31): the upper half of PCG64's words."""
    seed = int.from_bytes(hashlib.sha256(label.encode()).digest()[:16], "little")
    raw = np.random.PCG64(seed).random_raw(count)
    raw >>= np.uint64(32)
    words: NDArray[np.int64] = raw.view(np.int64)
    words -= HALF
    return words


def _filters(words: NDArray[np.int64], spec: Mapping[str, Any]) -> NDArray[np.float32]:
    """He-uniform; the mean is taken off in whole numbers, so that nothing is rounded before the last step."""
    outputs = 1 if spec.get("transposed") else 0
    fan_in = words.size // words.shape[outputs]
    total = words.sum(tuple(a for a in range(words.ndim) if a != outputs), keepdims=True)
    words *= fan_in
    if fan_in >= ZERO_MEAN_FROM:
        words -= total
    bound = float(spec.get("gain", 1.0)) * np.sqrt(6.0 / fan_in)
    filters = words / (fan_in * float(HALF))
    filters *= bound
    return filters.astype(np.float32)
