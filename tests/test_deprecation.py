"""Deprecated names warn with dates, and are gone in time."""

import importlib
import pkgutil
import warnings

import pytest

import focaldepth
from focaldepth import _deprecation as deprecation
from focaldepth._deprecation import DEPRECATIONS, Deprecation, deprecated
from focaldepth.core.errors import MissingExtraError


@deprecated(since="0.1", gone="0.3", use="new_name")
def old_name(value: int, *, twice: bool = False) -> int:
    """Say a number."""
    return value * (2 if twice else 1)


def test_a_call_warns_since_until_and_what_instead() -> None:
    with pytest.warns(DeprecationWarning, match=r"old_name is deprecated since 0.1 and gone in 0.3. Use new_name\."):
        assert old_name(2, twice=True) == 4


def test_the_warning_points_at_the_caller() -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        old_name(1)
    assert heard[0].filename == __file__


def test_name_and_documentation_stay() -> None:
    assert (old_name.__name__, old_name.__doc__) == ("old_name", "Say a number.")


def test_only_names_of_the_package_are_kept_in_mind(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Deprecation] = []
    monkeypatch.setattr(deprecation, "DEPRECATIONS", kept)
    deprecated(since="0.1", gone="0.3", use="x")(lambda: None)
    assert kept == []

    def ours() -> None: ...

    ours.__module__ = "focaldepth.core.stack"
    deprecated(since="0.1", gone="0.10", use="x")(ours)
    assert [(d.name.rpartition(".")[2], d.due) for d in kept] == [("ours", (0, 10))]


def test_nothing_outlives_its_date() -> None:
    """Fails once the version reaches `gone`: remove the name, then."""
    for module in pkgutil.walk_packages(focaldepth.__path__, "focaldepth."):
        try:
            importlib.import_module(module.name)
        except (MissingExtraError, ModuleNotFoundError):
            continue
    version = tuple(int(n) for n in focaldepth.__version__.split(".")[:3])
    overdue = [d.name for d in DEPRECATIONS if d.due <= version]
    assert overdue == []
