"""Names that will go: each says since when, until when, and what to use instead."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Deprecation:
    """One deprecated function or class.

    Attributes:
        name: what goes, with its module.
        since: version that warns first.
        gone: version in which it no longer exists; a test fails once that version is reached.
        use: what to use instead.
    """

    name: str
    since: str
    gone: str
    use: str

    @property
    def due(self) -> tuple[int, ...]:
        """Version numbers of `gone`, to compare."""
        return tuple(int(n) for n in self.gone.split("."))


DEPRECATIONS: list[Deprecation] = []
"""Everything deprecated in the modules that were imported."""


def deprecated(*, since: str, gone: str, use: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Warn at every call of a function (or construction by a factory) that will go.

    >>> import warnings
    >>> @deprecated(since="0.1", gone="0.3", use="focaldepth.estimate")
    ... def depth(): return 1
    >>> with warnings.catch_warnings(record=True) as heard:
    ...     warnings.simplefilter("always")
    ...     print(depth(), heard[0].message)
    1 ...depth is deprecated since 0.1 and gone in 0.3. Use focaldepth.estimate.
    """

    def mark(function: Callable[P, T]) -> Callable[P, T]:
        fact = Deprecation(f"{function.__module__}.{function.__qualname__}", since, gone, use)
        if function.__module__.partition(".")[0] == "focaldepth":
            DEPRECATIONS.append(fact)

        @wraps(function)
        def warn(*args: P.args, **kwargs: P.kwargs) -> T:
            message = f"{fact.name} is deprecated since {since} and gone in {gone}. Use {use}."
            warnings.warn(message, DeprecationWarning, stacklevel=2)
            return function(*args, **kwargs)

        return warn

    return mark
