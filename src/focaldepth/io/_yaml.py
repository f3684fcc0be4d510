"""The few lines of YAML that a focus sidecar needs; the full language is no dependency worth having."""

from __future__ import annotations

import re
from typing import Any

from focaldepth.core.errors import ReadError

_PAIR = re.compile(r"""^(?:"([^"]*)"|'([^']*)'|([^:#"']+?|[^:"']*\S))\s*:(?:\s+(.*))?$""")


def parse_yaml(text: str, where: object) -> Any:
    """Read a mapping of scalars, lists and one level of mappings, or a list of scalars.

    >>> parse_yaml("unit: mm  # lens\\nvalues: [100, 200]", "focus.yaml")
    {'unit': 'mm', 'values': [100, 200]}
    """
    out: dict[str, Any] = {}
    items: list[Any] = []
    key = ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = _without_comment(raw)
        if not line.strip() or line.strip() == "---":
            continue
        indented, line = line[0] in " \t", line.strip()
        if line == "-" or line.startswith("- "):
            (out.setdefault(key, []) if key else items).append(_scalar(line[1:].strip(), where, number))
            continue
        pair = _PAIR.match(line)
        if pair is None:
            raise _error(where, number, line)
        name = next(g for g in pair.groups()[:3] if g is not None).strip()
        value = _scalar(pair[4], where, number) if pair[4] else None
        if indented and key:
            _child(out, key, where, number)[name] = value
        else:
            out[name] = value
            key = name if value is None else ""
            if value is None:
                del out[name]
    return items or out


def _child(out: dict[str, Any], key: str, where: object, number: int) -> dict[str, Any]:
    child = out.setdefault(key, {})
    if not isinstance(child, dict):
        raise _error(where, number, key)
    return child


def _without_comment(line: str) -> str:
    return re.sub(r"(^|\s)#.*$", "", line).rstrip()


def _scalar(text: str, where: object, number: int) -> Any:
    if text.startswith("["):
        if not text.endswith("]"):
            raise _error(where, number, text)
        return [_scalar(t.strip(), where, number) for t in text[1:-1].split(",") if t.strip()]
    if text.startswith("{") or text[:1] in ("&", "*", "!", "|", ">"):
        raise _error(where, number, text)
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    for kind in (int, float):
        try:
            return kind(text.replace(".inf", "inf").replace(".nan", "nan") if kind is float else text)
        except ValueError:
            continue
    return text


def _error(where: object, number: int, text: str) -> ReadError:
    return ReadError(
        f"line {number} is not understood: {text!r}.",
        where=where,
        hint="Write `unit: metre` and `values: [0.1, 0.2]`, one `file: value` per line, or use focus.json.",
    )
