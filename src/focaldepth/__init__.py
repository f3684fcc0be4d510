"""Depth from focus: a focal stack in; depth in real units, an all-in-focus picture and an error bar out."""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from focaldepth._version import __version__

_SURFACE = {
    "Alignment": "focaldepth.core.alignment",
    "DepthMap": "focaldepth.core.result",
    "DepthResult": "focaldepth.core.result",
    "Estimate": "focaldepth.core.result",
    "EstimateSettings": "focaldepth.estimate",
    "Evaluation": "focaldepth.benchmark._evaluate",
    "FocalDepthError": "focaldepth.core.errors",
    "FocalStack": "focaldepth.core.stack",
    "FocusAxis": "focaldepth.core.axis",
    "Item": "focaldepth.core.sample",
    "LensModel": "focaldepth.core.optics",
    "LightField": "focaldepth.core.light_field",
    "Method": "focaldepth.core.method",
    "MethodSpec": "focaldepth.core.method",
    "Optics": "focaldepth.core.optics",
    "Progress": "focaldepth.core.progress",
    "Recipe": "focaldepth.training._recipe",
    "Run": "focaldepth.core.progress",
    "Sample": "focaldepth.core.sample",
    "TrainOptions": "focaldepth.training._loop",
    "Trained": "focaldepth.training._loop",
    "Transfer": "focaldepth.core.stack",
    "Unit": "focaldepth.core.axis",
    "dataset": "focaldepth.datasets._dataset",
    "estimate": "focaldepth.estimate",
    "evaluate": "focaldepth.benchmark._evaluate",
    "fuse": "focaldepth.estimate",
    "load_recipe": "focaldepth.training._recipe",
    "load_stack": "focaldepth.io.load",
    "train": "focaldepth.training._loop",
}
"""The public surface: name -> module, loaded on first use. Everything else may change without notice."""

__all__ = [
    "Alignment",
    "DepthMap",
    "DepthResult",
    "Estimate",
    "EstimateSettings",
    "Evaluation",
    "FocalDepthError",
    "FocalStack",
    "FocusAxis",
    "Item",
    "LensModel",
    "LightField",
    "Method",
    "MethodSpec",
    "Optics",
    "Progress",
    "Recipe",
    "Run",
    "Sample",
    "TrainOptions",
    "Trained",
    "Transfer",
    "Unit",
    "__version__",
    "dataset",
    "estimate",
    "evaluate",
    "fuse",
    "load_recipe",
    "load_stack",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _SURFACE:
        raise AttributeError(f"module 'focaldepth' has no attribute {name!r}")
    from focaldepth.core.registry import extra_for

    with extra_for(f"focaldepth.{name}"):
        return getattr(import_module(_SURFACE[name]), name)


def __dir__() -> list[str]:
    return __all__


class _Package(ModuleType):
    """Keeps `focaldepth.estimate` the function: importing the module of that name would bind the module here."""

    @property
    def estimate(self) -> Any:
        return __getattr__("estimate")

    @estimate.setter
    def estimate(self, module: ModuleType) -> None:
        """Called by the import system; `from focaldepth.estimate import ...` finds the module without it."""


sys.modules[__name__].__class__ = _Package
