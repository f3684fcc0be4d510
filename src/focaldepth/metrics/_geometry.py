"""Truth on the pixels of a result."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.errors import StackError
from focaldepth.core.result import DepthMap, DepthResult
from focaldepth.core.sample import Sample


def in_geometry(truth: DepthMap, transform: NDArray[np.float64], shape: tuple[int, int]) -> DepthMap:
    """Return a truth as another picture sees it: every pixel takes the nearest one, none is made up.

    Args:
        truth: (H, W).
        transform: (3, 3); pixel of the truth ~ transform @ (x, y, 1) of the other picture.
        shape: (h, w) of the other picture.

    >>> from focaldepth.core.axis import Unit
    >>> one = DepthMap(np.array([[1.0, 2.0, 3.0]], np.float32), Unit.METRE, np.ones((1, 3), bool))
    >>> in_geometry(one, np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1.0]]), (1, 3)).values
    array([[ 2.,  3., nan]], dtype=float32)
    """
    if shape == truth.shape and np.allclose(transform, np.eye(3), atol=1e-9):
        return truth
    place, inside = _nearest(transform, shape, truth.shape)
    return DepthMap(truth.values[place], truth.unit, truth.valid[place] & inside)


def confidence_in_geometry(
    confidence: NDArray[np.float32], transform: NDArray[np.float64], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Return the confidence of a truth as another picture sees it, 0 where it sees none; as `in_geometry`."""
    if shape == confidence.shape and np.allclose(transform, np.eye(3), atol=1e-9):
        return confidence
    place, inside = _nearest(transform, shape, confidence.shape)
    return np.where(inside, confidence[place], np.float32(0))


def _nearest(
    transform: NDArray[np.float64], shape: tuple[int, int], size: tuple[int, ...]
) -> tuple[tuple[NDArray[np.intp], NDArray[np.intp]], NDArray[np.bool_]]:
    """Row and column of the nearest pixel in a plane of `size`, and whether there is one."""
    rows, cols = np.indices(shape, np.float64)
    x, y, w = np.tensordot(transform, np.stack([cols, rows, np.ones(shape)]), 1)
    x, y = np.rint(x / w), np.rint(y / w)
    inside = (x >= 0) & (y >= 0) & (x < size[1]) & (y < size[0])
    return (np.where(inside, y, 0).astype(np.intp), np.where(inside, x, 0).astype(np.intp)), inside


def place_of_truth(result: DepthResult, sample: Sample) -> NDArray[np.float64]:
    """Return the (3, 3) from pixels of a result to those of its truth: through the frame that the truth belongs to."""
    if result.alignment is None or result.transforms is None:
        return np.eye(3)
    found = result.alignment
    used = found.aligned if len(result.transforms) != len(found.transforms) else np.ones(len(found.transforms), bool)
    shift = np.linalg.solve(found.transforms[used][0], result.transforms[0])
    place: NDArray[np.float64] = shift if sample.reference is None else found.transforms[sample.reference] @ shift
    return place


def enlarge(values: NDArray[np.floating], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Repeat every pixel of a truth stored at a whole fraction of the size; pixel (x, y) covers its block.

    >>> enlarge(np.array([[1.0, 2.0]]), (2, 4))
    array([[1., 1., 2., 2.],
           [1., 1., 2., 2.]], dtype=float32)
    """
    rows, cols = shape[0] // values.shape[0], shape[1] // values.shape[1]
    if (values.shape[0] * rows, values.shape[1] * cols) != shape:
        raise StackError(f"a truth of {values.shape} is no whole fraction of {shape}.")
    return np.repeat(np.repeat(values, rows, 0), cols, 1).astype(np.float32)
