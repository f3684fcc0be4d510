"""Keys of a recipe: which there are, what a short one stands for, and how further data sets keep theirs apart.

A stage is a flat mapping of texts. ``key`` is one of `TrainSettings`, ``group.key`` of a group, and ``NAME.key`` of the
further data set NAME, which is one of those that the key ``also`` lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from focaldepth.core.errors import SettingError, UnknownNameError
from focaldepth.core.settings import facts
from focaldepth.networks._spec import NETWORKS, Convention
from focaldepth.training._settings import SceneData, TrainSettings

Texts = dict[str, str]
SCENES = "scenes"
GROUPS = ("options", "convention", "augment", "loss_options", "data_options")
"""Mappings of a recipe; all other keys are those of `TrainSettings`, or names of stages and further data sets."""
PLAIN = tuple(f.name for f in fields(TrainSettings))
ALSO = "also"
SCENES_CHANGE: Texts = {
    "convention.unit": "dioptre",
    "convention.focus_factor": "1",
    "convention.depth_factor": "1",
    "convention.order": "near first",
    "low": "-inf",
    "high": "inf",
    "clip_truth": "false",
    "train_split": "",
    "validation_split": "validation",
    "augment.known": "0",
}
"""What rendered scenes change in every recipe: they are in dioptres, have no missing truth, and splits of their own."""
ELSEWHERE = {
    "lr": "learning_rate", "wd": "weight_decay", "bs": "batch", "compile": "engine=compiled",
    "amp": "precision=bfloat16", "bf16": "precision=bfloat16", "optim": "optimiser", "scheduler": "schedule",
    "grad_accum": "accumulate", "gradient_clip": "clip", "val_every": "validate_epochs", "device": "--device",
    "steps": "--max-steps", "max_steps": "--max-steps", "iterations": "--max-steps", "workers": "--workers",
    "num_workers": "--workers", "root": "--root", "resume": "--resume",
}  # fmt: skip
"""What other programs call a setting, or take for one -> what it is called here."""
_OWN = (
    "data", "train_split", "validation_split", "low", "high", "in_focus_range", "clip_truth", "focal_length_m",
    "f_number", "circle_unit", "circle_limit", "misaligned", "convention.unit", "convention.focus_factor",
    "convention.depth_factor",
)  # fmt: skip
_OWN_GROUPS = ("augment", "data_options")
"""What a further data set may have of its own; everything else belongs to the network and its steps."""


def group(texts: Mapping[str, str], name: str) -> Texts:
    """Return the keys of one group, or of one further data set."""
    return {key[len(name) + 1 :]: value for key, value in texts.items() if key.startswith(name + ".")}


def groups(texts: Mapping[str, str]) -> dict[str, tuple[Any, tuple[str, ...]]]:
    """Return group -> class of its settings and their names, for the network, loss and data that are chosen."""
    from focaldepth.training.augment import Augmentation
    from focaldepth.training.losses._loss import LOSSES

    spec = NETWORKS.get(texts.get("network", TrainSettings.network))
    classes: dict[str, Any] = {
        "options": type(spec.default),
        "augment": Augmentation,
        "loss_options": LOSSES.get(texts.get("loss", TrainSettings.loss)),
        "data_options": _data_class(texts.get("data", SCENES)),
    }
    found = {name: (cls, tuple(fact.name for fact in facts(cls))) for name, cls in classes.items()}
    return {**found, "convention": (Convention, tuple(f.name for f in fields(Convention)))}


def _data_class(name: str) -> Any:
    if name == SCENES:
        return SceneData
    from focaldepth.datasets._dataset import DATASETS

    if name not in DATASETS.names():
        raise UnknownNameError("data set", name, [*DATASETS.names(), SCENES])
    return DATASETS.get(name)


def also(texts: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of further data sets."""
    return tuple(texts.get(ALSO, "").split())


def further(texts: Mapping[str, str], name: str) -> Texts:
    """Return all texts of a further data set: those of the first one, and over them its own."""
    names = also(texts)
    own = group(texts, name)
    shared = {k: v for k, v in texts.items() if k.partition(".")[0] not in (*names, ALSO, "data_options")}
    data = own.get("data", name)
    rendered = {k: v for k, v in SCENES_CHANGE.items() if data == SCENES and may_differ(k)}
    return {**shared, "data": data, **rendered, **own}


def alone(texts: Mapping[str, str], name: str) -> Texts:
    """Return the texts with one data set: a further one of the recipe, the first, or another in its place."""
    names = also(texts)
    kept = further(texts, name) if name in names else texts
    kept = {k: v for k, v in kept.items() if k.partition(".")[0] not in (*names, ALSO, "validate_on")}
    if name in names:
        return kept
    if name != texts.get("data"):
        kept = {k: v for k, v in kept.items() if not k.startswith("data_options.")}
    return {**kept, "data": name}


def over(texts: Mapping[str, str], changes: Mapping[str, str]) -> Texts:
    """Return texts with changes; what belongs to a further data set that is listed no more falls away."""
    whole = {**texts, **changes}
    gone = set(also(texts)) - set(also(whole))
    return {key: value for key, value in whole.items() if key.partition(".")[0] not in gone}


def changed(texts: Mapping[str, str], changes: Mapping[str, str], where: str) -> Texts:
    """Return texts with changes by short keys; network, loss and data first, because they say which others there are.

    Raises:
        UnknownNameError: an unknown key; the nearest are suggested.
        SettingError: a short key that can mean several things.
    """
    whole = over(texts, {key: value for key, value in _underlined(changes).items() if key in PLAIN})
    own = {name: _underlined(group(changes, name)) for name in also(whole)}
    common = _underlined({key: value for key, value in changes.items() if key.partition(".")[0] not in own})
    whole |= {_full(key, whole, where): value for key, value in common.items()}
    for name, given in own.items():
        whole |= {f"{name}.{key}": value for key, value in given.items() if key in PLAIN}
        texts_of = further(whole, name)
        whole |= {f"{name}.{_full(key, texts_of, f'{where}, {name}')}": value for key, value in given.items()}
    return whole


def _underlined(texts: Mapping[str, str]) -> Texts:
    return {key.replace("-", "_"): value for key, value in texts.items()}


def _full(key: str, texts: Mapping[str, str], where: str) -> str:
    """Return the full name of a key."""
    if key in PLAIN:
        return key
    inner = {name: known for name, (_, known) in groups(texts).items()}
    prefix, _, rest = key.partition(".")
    if prefix in inner and rest:
        if rest not in inner[prefix]:
            raise UnknownNameError("setting", rest, inner[prefix], where=f"{where}, {prefix}")
        return key
    homes = [name for name, known in inner.items() if key in known]
    if len(homes) > 1:
        listed = " or ".join(f"{name}.{key}" for name in homes)
        raise SettingError(f"{key} can mean several things.", where=where, hint=f"Write {listed}.")
    if not homes:
        every = {*PLAIN, *also(texts)}.union(*inner.values(), _dotted(inner))
        raise UnknownNameError("setting", key, every, where=where, meant=ELSEWHERE.get(key, ""))
    return f"{homes[0]}.{key}"


def _dotted(inner: Mapping[str, Iterable[str]]) -> list[str]:
    return [f"{name}.{key}" for name, keys in inner.items() for key in keys]


def check_keys(texts: Mapping[str, str], stage: str) -> None:
    """Check the keys of a stage, and of its further data sets what they may have of their own.

    Raises:
        UnknownNameError: no such key, or no such data set.
        SettingError: a data set that is named twice or like something else; a key that is one for all data sets.
    """
    names = also(texts)
    taken = [texts.get("data", SCENES), *GROUPS, *PLAIN, stage]
    for place, name in enumerate(names):
        if name in (*taken, *names[:place]):
            raise SettingError(
                f"{name} is named twice, or the name of something else.",
                where=f"recipe, {ALSO}",
                hint="Name each further data set once; NAME.data=DATASET says which one a name of your own stands for.",
            )
    _check_known({k: v for k, v in texts.items() if k.partition(".")[0] not in names}, texts, f"recipe, stage {stage}")
    for name in names:
        own = group(texts, name)
        _check_known(own, further(texts, name), f"recipe, {name}")
        for key in own:
            if not may_differ(key):
                listed = ", ".join((*_OWN, *(f"{g}.*" for g in _OWN_GROUPS)))
                raise SettingError(
                    f"{key} is one for all data sets.",
                    where=f"recipe, {name}",
                    hint=f"A data set has its own {listed}.",
                )


def may_differ(key: str) -> bool:
    """Return whether a further data set may have its own value of a key."""
    return key in _OWN or key.partition(".")[0] in _OWN_GROUPS


def _check_known(keys: Iterable[str], texts: Mapping[str, str], where: str) -> None:
    inner = {name: known for name, (_, known) in groups(texts).items()}
    for key in keys:
        head, _, rest = key.partition(".")
        if not rest and key not in PLAIN:
            raise UnknownNameError("setting", key, [*PLAIN, *_dotted(inner)], where=where)
        if rest and rest not in inner.get(head, ()):
            raise UnknownNameError("setting", key, _dotted(inner), where=where)
