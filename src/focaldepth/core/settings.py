"""Settings are the fields of frozen dataclasses; help, range and choices stand beside each field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from numbers import Integral, Real
from typing import Any, TypeVar, get_type_hints

from focaldepth.core.errors import SettingError, UnknownNameError

T = TypeVar("T")


@dataclass(frozen=True)
class SettingFact:
    """What is known of one setting: the source of CLI options, forms and documentation."""

    name: str
    type: type
    default: Any
    help: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def range_text(self) -> str:
        """The allowed values in words; empty when anything goes."""
        if self.choices:
            return ", ".join(self.choices)
        low = f">= {self.low:g}" if self.low is not None else ""
        high = f"<= {self.high:g}" if self.high is not None else ""
        return " and ".join(t for t in (low, high) if t)

    @property
    def allowed(self) -> str:
        """What may be given, in words: the range, else the kind of value."""
        return self.range_text or _KINDS.get(self.type, f"a {self.type.__name__}")

    def accepts(self, value: Any) -> bool:
        """True for a value of the setting's type and range; whole numbers pass for numbers."""
        if self.choices:
            return str(value) in self.choices
        if self.type is bool or isinstance(value, bool):
            return self.type is bool and isinstance(value, bool)
        if self.type not in (int, float):
            return isinstance(value, self.type)
        if not isinstance(value, Integral if self.type is int else Real):
            return False
        number: Any = value
        low = number if self.low is None else self.low
        high = number if self.high is None else self.high
        return bool(low <= number <= high)  # false for NaN


_KINDS: dict[type, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def setting(
    default: T,
    help: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
) -> T:
    """Declare a field of a settings dataclass with its help, unit and allowed values."""
    facts = {"help": help, "unit": unit, "low": low, "high": high, "choices": choices}
    return field(default=default, metadata=facts)


def facts(owner: Any) -> tuple[SettingFact, ...]:
    """List the settings of a settings class or instance in their order."""
    cls = owner if isinstance(owner, type) else type(owner)
    hints = get_type_hints(cls)
    return tuple(_fact(f, hints[f.name]) for f in fields(cls) if f.metadata)


def _fact(f: Field[Any], hint: type) -> SettingFact:
    default = None if f.default is MISSING else f.default
    return SettingFact(f.name, hint, default, **f.metadata)


def check(settings: Any) -> None:
    """Raise SettingError for the first setting of a wrong type or outside its range; call it in __post_init__."""
    for fact in facts(settings):
        value = getattr(settings, fact.name)
        if not fact.accepts(value):
            where = type(settings).__name__
            raise SettingError(f"{fact.name} is {value!r}.", where=where, hint=f"Allowed: {fact.allowed}.")


def parse(cls: type[T], texts: Mapping[str, str]) -> T:
    """Make settings from texts such as those of ``--set key=value``.

    Raises:
        UnknownNameError: a key that is no setting (suggests the nearest).
        SettingError: a text that is not of the setting's type or range.
    """
    known = {f.name: f for f in facts(cls)}
    values = {}
    for key, text in texts.items():
        name = key.replace("-", "_")
        if name not in known:
            raise UnknownNameError("setting", key, known, where=cls.__name__)
        values[name] = _value(known[name], text, cls.__name__)
    return cls(**values)


def _value(fact: SettingFact, text: str, where: str) -> Any:
    if fact.type is bool:
        if text.lower() in _WORDS:
            return _WORDS[text.lower()]
        raise SettingError(f"{fact.name} is {text!r}.", where=where, hint=f"Allowed: {fact.allowed}.")
    try:
        return fact.type(text)
    except ValueError:
        kind = _KINDS.get(fact.type, fact.allowed)
        raise SettingError(f"{fact.name} is {text!r}.", where=where, hint=f"Give {kind}.") from None


_WORDS = {**dict.fromkeys(("true", "yes", "on", "1"), True), **dict.fromkeys(("false", "no", "off", "0"), False)}
