"""Recipes: a paper's training as a file of plain values, read into typed settings.

A recipe file is YAML or JSON: a flat mapping of `TrainSettings`, and mappings called `options` (of the network),
`convention`, `augment`, `loss_options` and `data_options`. A name in `stages` is a mapping of changes that hold in that
stage; `with_scenes` holds changes for rendered scenes in the place of the data set. `also` lists further data sets that
are trained on together with `data`; a mapping of that name holds what differs for it. In mappings of these three kinds
and on the command line, ``group.key`` reaches into a group.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from focaldepth.core.errors import ReadError, SettingError, UnknownNameError
from focaldepth.core.settings import facts, parse
from focaldepth.networks._spec import NETWORKS, Convention, NetworkSpec, Options
from focaldepth.training._keys import (
    ALSO,
    GROUPS,
    SCENES,
    SCENES_CHANGE,
    Texts,
    alone,
    also,
    changed,
    check_keys,
    further,
    group,
    groups,
    may_differ,
    over,
)
from focaldepth.training._settings import SceneData, TrainSettings

FOLDER = Path(__file__).parent / "recipes"
SUFFIXES = (".yaml", ".yml", ".json")
_STAGES, _WITH_SCENES = "stages", "with_scenes"
_ONE_STAGE = "train"
T = TypeVar("T")


@dataclass(frozen=True)
class Stage:
    """One stage of a training, typed.

    Attributes:
        name: of the stage.
        texts: every key that was given, as text; groups as ``group.key``.
        settings: plain settings.
        options: of the network's architecture.
        convention: how pixels and positions become inputs.
        further: the same for each further data set, under its name: the stage as its examples see it.
    """

    name: str
    texts: Mapping[str, str]
    settings: TrainSettings
    options: Options
    convention: Convention
    further: tuple[Stage, ...] = ()

    @property
    def parts(self) -> Mapping[str, Stage]:
        """Name of each data set -> the stage as its examples see it; the first is the stage itself."""
        return {self.settings.data: self, **{part.name: part for part in self.further}}

    @property
    def judged(self) -> Stage:
        """The stage as the stacks of the validation see it."""
        return self.parts[self.settings.validate_on or self.settings.data]

    @cached_property
    def augment(self) -> Any:
        """The random changes of the examples (`Augmentation`)."""
        from focaldepth.training.augment import Augmentation

        return _parsed(Augmentation, self.texts, "augment")

    @cached_property
    def loss(self) -> Any:
        """The loss (`focaldepth.training.losses._loss.Loss`)."""
        from focaldepth.training.losses._loss import LOSSES

        return _parsed(LOSSES.get(self.settings.loss), self.texts, "loss_options")

    @property
    def scenes(self) -> SceneData:
        """Settings of rendered scenes."""
        return _parsed(SceneData, self.texts, "data_options")


@dataclass(frozen=True)
class Recipe:
    """A training.

    Attributes:
        name: of the recipe.
        stages: one after the other, on the same network.
    """

    name: str
    stages: tuple[Stage, ...]

    @property
    def first(self) -> Stage:
        """The first stage; network, options and convention are the same in all."""
        return self.stages[0]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values from which `from_dict` makes the same recipe."""
        return {"name": self.name, "stages": {stage.name: dict(stage.texts) for stage in self.stages}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """Go back from `as_dict`."""
        return cls(values["name"], tuple(_stage(name, texts) for name, texts in values["stages"].items()))

    def everything(self) -> Iterator[tuple[str, str, str]]:
        """Yield stage, key and value of all settings, those that were not given included."""
        for stage in self.stages:
            yield from ((stage.name, key, value) for key, value in _everything(stage))
            for part in stage.further:
                own = ((key, value) for key, value in _everything(part) if may_differ(key))
                yield from ((stage.name, f"{part.name}.{key}", value) for key, value in own)


def _everything(stage: Stage) -> Iterator[tuple[str, str]]:
    for name, value in asdict(stage.settings).items():
        yield name, str(value)
    for name, (cls, _) in groups(stage.texts).items():
        held = {**_plain(cls), **group(stage.texts, name)}
        if name == "convention":
            held = {k: str(v) for k, v in stage.convention.as_dict().items()}
        for key, value in held.items():
            yield f"{name}.{key}", str(value)


def names() -> list[str]:
    """Return the names of the packaged recipes."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_recipe(name: str | Path, changes: Mapping[str, str] | None = None, *, data: str = "") -> Recipe:
    """Read a recipe.

    Args:
        name: of a packaged recipe, with or without its suffix and folder, or path of a file.
        changes: settings as texts; a key is that of a setting, ``group.key``, ``stage.key`` for one stage alone, or
            ``NAME.key`` for a further data set. A key of a group that no other group has may stand alone.
        data: the one data set in the place of the recipe's; empty = the recipe's.

    Raises:
        ReadError: there is no such file, or it is no recipe.
        UnknownNameError: an unknown recipe, setting, network, loss or data set; the nearest are suggested.
        SettingError: a value of a wrong type or outside its range.
    """
    path = _find(str(name))
    values = _read(path)
    base, stages, with_scenes = _split(values, path)
    base.setdefault("data", SCENES)
    if data:
        known = {name for texts in (base, *stages.values()) for name in also(texts)}
        stages = {stage: _without(texts, {*known, ALSO}) for stage, texts in stages.items()}
        base = alone(base, data)
    named = {**SCENES_CHANGE, **with_scenes} if base["data"] == SCENES else {}
    common, own = _sorted_changes(changes or {}, tuple(stages))
    made = []
    for stage, texts in stages.items():
        whole = over(over(base, named), texts)
        for more in (common, own.get(stage, {})):
            whole = changed(whole, more, path.stem)
        made.append(_stage(stage, whole))
    _check_stages(made)
    return Recipe(path.stem, tuple(made))


def title_of(name: str) -> tuple[str, str, str]:
    """Return network, data sets and title of a packaged recipe."""
    path = _find(name)
    base = _split(_read(path), path)[0]
    return base["network"], " + ".join((base["data"], *also(base))), base["title"]


def _without(texts: Texts, heads: set[str]) -> Texts:
    return {key: value for key, value in texts.items() if key.partition(".")[0] not in heads}


def _parsed(cls: type[T], texts: Mapping[str, str], name: str = "") -> T:
    """Make the settings of a group, or the plain ones; what is wrong is said to stand in the recipe."""
    given = group(texts, name) if name else {key: text for key, text in texts.items() if "." not in key}
    try:
        return parse(cls, given)
    except SettingError as error:
        if error.where == cls.__name__:
            error.where = f"recipe, {name}" if name else "recipe"
        raise


def _find(name: str) -> Path:
    path = Path(name)
    if path.is_file():
        return path
    packaged = FOLDER / f"{path.stem if path.suffix in SUFFIXES else path.name}.yaml"
    if packaged.is_file() and path.parent.name in ("", "recipes"):
        return packaged
    if path.suffix in SUFFIXES or len(path.parts) > 1:
        raise ReadError("there is no such recipe.", where=path, hint=f"Packaged ones: {', '.join(names())}.")
    raise UnknownNameError("recipe", name, names())


def _read(path: Path) -> dict[str, Any]:
    from focaldepth.io._yaml import parse_yaml

    try:
        text = path.read_text("utf-8")
        values = json.loads(text) if path.suffix == ".json" else parse_yaml(text, path)
    except (OSError, ValueError) as error:
        if isinstance(error, ReadError):
            raise
        raise ReadError(f"cannot be read: {error}.", where=path, hint="Give a recipe in YAML or JSON.") from error
    if not isinstance(values, dict):
        raise ReadError("is no recipe.", where=path, hint="Write one `key: value` per line.")
    return values


def _split(values: Mapping[str, Any], path: Path) -> tuple[Texts, dict[str, Texts], Texts]:
    """Return the keys of all stages and of further data sets, those of each stage, and those for rendered scenes."""
    listed = values.get(_STAGES, [_ONE_STAGE])
    if not isinstance(listed, list) or not listed:
        raise ReadError("`stages` is no list of names.", where=path, hint="Write stages: [align, depth].")
    stages: dict[str, Texts] = {str(stage): {} for stage in listed}
    base: Texts = {ALSO: _words(values[ALSO])} if ALSO in values else {}
    with_scenes: Texts = {}
    for key, value in values.items():
        if key in (_STAGES, ALSO):
            continue
        if not isinstance(value, Mapping):
            base[key] = str(value)
            continue
        inner = {str(k): _words(v) if k == ALSO else str(v) for k, v in value.items()}
        if key in GROUPS or key in also(base):
            base |= {f"{key}.{k}": v for k, v in inner.items()}
        elif key == _WITH_SCENES:
            with_scenes = inner
        elif key in stages:
            stages[key] = inner
        else:
            raise UnknownNameError("group", key, [*GROUPS, _WITH_SCENES, *stages, *also(base)], where=path)
    return base, stages, with_scenes


def _words(value: Any) -> str:
    """A list of names, or names by spaces, as a text."""
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _sorted_changes(changes: Mapping[str, str], stages: tuple[str, ...]) -> tuple[Texts, dict[str, Texts]]:
    """Tell changes of all stages from those of one."""
    common: Texts = {}
    own: dict[str, Texts] = {}
    for key, value in changes.items():
        stage, _, rest = key.partition(".")
        if rest and stage in stages:
            own.setdefault(stage, {})[rest] = value
        else:
            common[key] = value
    return common, own


def _plain(cls: Any) -> Texts:
    """Defaults of a class of settings."""
    return {fact.name: str(fact.default) for fact in facts(cls)}


def _stage(name: str, texts: Mapping[str, str]) -> Stage:
    """Make a stage of texts; every key is checked."""
    check_keys(texts, name)
    stage = _part(name, texts, tuple(_further(other, texts) for other in also(texts)))
    asked = stage.settings.validate_on
    if asked not in ("", *stage.parts):
        raise UnknownNameError("data set", asked, stage.parts, where="recipe, validate_on")
    drawn = {(part.augment.fewest, part.augment.fewest and part.augment.frames) for part in stage.parts.values()}
    if len(drawn) > 1:
        raise SettingError(
            "data sets draw another number of frames, which is one for a whole batch.",
            where=f"recipe, {ALSO}",
            hint="Give augment.fewest and augment.frames once for all of them.",
        )
    return stage


def _further(name: str, texts: Mapping[str, str]) -> Stage:
    """Make the stage of a further data set; what is wrong is said to stand in it."""
    try:
        return _part(name, further(texts, name))
    except SettingError as error:
        error.where = f"{error.where}, {name}"
        raise


def _part(name: str, texts: Mapping[str, str], others: tuple[Stage, ...] = ()) -> Stage:
    """Make a stage as the examples of one data set see it."""
    settings = _parsed(TrainSettings, texts)
    spec = NETWORKS.get(settings.network)
    convention = _convention(spec, group(texts, "convention"))
    stage = Stage(name, dict(texts), settings, _options(spec, texts), convention, others)
    _parsed(groups(texts)["data_options"][0], texts, "data_options")
    _ = stage.augment, stage.loss
    return stage


def _convention(spec: NetworkSpec, given: Mapping[str, str]) -> Convention:
    """Return the convention of the official weights with what was given."""
    for name, kind in get_type_hints(Convention).items():
        if isinstance(kind, type) and issubclass(kind, StrEnum) and name in given:
            allowed = [str(member) for member in kind]
            if given[name] not in allowed:
                hint = f"Allowed: {', '.join(allowed)}."
                raise SettingError(f"{name} is {given[name]!r}.", where="recipe, convention", hint=hint)
    return spec.convention.changed(given)


def _options(spec: NetworkSpec, texts: Mapping[str, str]) -> Options:
    """Return the network's own default with what was given."""
    given = group(texts, "options")
    default: Any = spec.default
    parsed = _parsed(type(default), texts, "options")
    changed: Options = replace(default, **{name: getattr(parsed, name) for name in given})
    return changed


def _check_stages(stages: list[Stage]) -> None:
    first = stages[0]
    for stage in stages[1:]:
        if (stage.settings.network, stage.options, stage.convention) != (
            first.settings.network,
            first.options,
            first.convention,
        ):
            raise SettingError(
                f"trains another network than {first.name}.",
                where=f"stage {stage.name}",
                hint="Network, options and convention are the same in all stages.",
            )
