"""The words and numbers of the page: headline, notices, tables, command, citations."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from focaldepth.core.axis import Unit
from focaldepth.core.errors import FocalDepthError
from focaldepth.core.method import Citation
from focaldepth.core.result import DepthMap, DepthResult
from focaldepth.report.colour import robust_range
from focaldepth.report.scale import Display, display_for, memory, percent, seconds, significant, tick_step

_UNIT_WORDS = {
    Unit.METRE: "depth in metres",
    Unit.DIOPTRE: "depth in dioptres",
    Unit.DISPARITY_PX: "depth in pixels of disparity",
    Unit.MICROMETRE: "depth in micrometres of stage travel",
    Unit.INDEX: "depth in frames, without a unit",
}


@dataclass(frozen=True)
class Number:
    """One figure of the headline row."""

    label: str
    value: str
    unit: str
    note: str

    @property
    def text(self) -> str:
        """Value and unit."""
        return f"{self.value} {self.unit}".rstrip()


@dataclass(frozen=True)
class Row:
    """One line of a table, indented by `level`."""

    key: str
    value: str
    level: int = 0


def headline(result: DepthResult) -> list[Number]:
    """Return the figures that stand first."""
    depth = result.map
    share = percent(float(depth.valid.mean())).removesuffix(" %")
    out = [Number("Valid", share, "%", "of the pixels carry depth"), _range(depth)]
    spread = None if depth.sigma is None else robust_range(depth.sigma, (50.0, 90.0))
    if spread is not None:
        show = display_for(0, spread[1], depth.unit)
        middle, worst = (significant(v * show.factor, 2) for v in spread)
        out.append(Number("Median sigma", middle, show.symbol, f"9 in 10 below {worst} {show.symbol}"))
    return out + _cost(result)


def _range(depth: DepthMap) -> Number:
    limits = robust_range(depth.values)
    if limits is None:
        return Number("Depth range", "none", "", "no pixel carries depth")
    show = display_for(*limits, depth.unit)
    note = "frame numbers from 0" if depth.unit is Unit.INDEX else "1st to 99th percentile"
    return Number("Depth range", " – ".join(_ends(*limits, depth.unit, show)), show.symbol, note)


def _ends(low: float, high: float, unit: Unit, show: Display) -> tuple[str, str]:
    """Write the ends of a range to a hundredth of its width, metres over a wide range with three digits each."""
    if unit is Unit.METRE and 0 < low < high / 3:
        return significant(low * show.factor, 3), significant(high * show.factor, 3)
    step = tick_step(low, high, 100) or abs(low) / 100 or 1.0
    return show.number(low, step), show.number(high, step)


def total_time(times: Mapping[str, float]) -> float | None:
    """Return the seconds of a run: its entry "total", else the sum of its stages."""
    return times.get("total", sum(times.values())) if times else None


def _cost(result: DepthResult) -> list[Number]:
    out, made = [], result.provenance
    total = total_time(made.times_s)
    if total is not None:
        out.append(Number("Time", *_split(seconds(total)), f"{seconds(total / len(result.axis))} a frame"))
    if made.peak_memory_bytes is not None:
        out.append(Number("Peak memory", *_split(memory(made.peak_memory_bytes)), "resident, whole process"))
    return out


def _split(text: str) -> tuple[str, str]:
    """Split a number from its unit; "1 min 15 s" is all number."""
    value, unit = text.rsplit(" ", 1)
    return (value, unit) if " " not in value else (text, "")


def notices(result: DepthResult) -> list[tuple[str, list[str]]]:
    """Return what a reader must know before believing the page: ("warning", sentences), then ("note", sentences)."""
    warnings = [_sentence(t) for t in dict.fromkeys([*result.provenance.warnings, *result.info.warnings])]
    skipped = len(result.info.skipped)
    if skipped:
        some = f"{skipped} frames were" if skipped > 1 else "1 frame was"
        warnings.append(f"{some} left out; the reasons stand below the frame strip.")
    if not result.map.valid.any():
        warnings.append("No pixel carries depth: nothing in the stack comes into focus and leaves it again.")
    notes = []
    told = any("--focus" in warning for warning in warnings)
    if result.map.unit is Unit.INDEX and result.axis.unit is Unit.INDEX and not told:
        notes.append(
            "Depth is counted in frames: the focus positions are unknown. Give them with --focus for real units."
        )
    elif result.map.unit is Unit.INDEX and result.axis.unit is not Unit.INDEX:
        notes.append("Depth is counted in frames, as asked. Focus positions are known, so --unit gives real units.")
    return [(kind, texts) for kind, texts in (("warning", warnings), ("note", notes)) if texts]


def _sentence(text: str) -> str:
    """Begin with a capital letter unless the first word is a file name or an option."""
    return text[:1].upper() + text[1:] if text.split(" ", 1)[0].isalpha() else text


def subtitle(result: DepthResult) -> list[str]:
    """Return the facts under the title."""
    height, width = result.map.shape
    made = result.provenance
    out = [f"{len(result.axis)} frames", f"{width} × {height} px", made.method, _UNIT_WORDS[result.map.unit]]
    if made.created:
        out.append(made.created.replace("T", " ").split(".")[0].replace("+00:00", " UTC").replace("Z", " UTC"))
    return out


def table(values: Mapping[str, Any], level: int = 0) -> list[Row]:
    """Return nested plain values as lines."""
    rows: list[Row] = []
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            rows += [Row(str(key), "", level), *table(value, level + 1)]
        else:
            rows.append(Row(str(key), _plain(value), level))
    return rows


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str):
        return value or "–"
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str) if value else "–"
    return str(value)


def optics_rows(result: DepthResult) -> list[Row]:
    """Return what was known of the lens and where each fact came from."""
    names = {
        "focal_length_m": ("focal length", Unit.METRE),
        "pixel_pitch_m": ("pixel pitch on the sensor", Unit.METRE),
        "pixel_size_m": ("pixel size in the scene", Unit.METRE),
    }
    rows = [Row("focus positions", result.info.focus_origin), Row("order of frames", result.info.order_rule)]
    for fact, value in result.optics.facts().items():
        label, unit = names.get(fact, (fact.replace("_", " "), None))
        text = (
            str(value).replace("_", " ") if unit is None else display_for(0, value, unit).quantity(value, value / 1000)
        )
        origin = result.optics.origin.get(fact, "")
        rows.append(Row(label, f"{text} ({origin})" if origin else text))
    return rows


def stages(times: Mapping[str, float]) -> list[tuple[str, str, float]]:
    """Return name, time and share in percent of every stage."""
    parts = {k: v for k, v in times.items() if k != "total"}
    whole = max(total_time(times) or 0.0, sum(parts.values()), 1e-9)
    return [(name, seconds(t), 100 * t / whole) for name, t in parts.items()]


def command(result: DepthResult) -> str:
    """Return the line that repeats the run; composed from the settings where no command line made it."""
    made = result.provenance
    if made.command:
        return made.command
    line = ["focaldepth", "estimate", result.info.name, "-o", "result", "--method", made.method]
    known = made.settings.get("method", {})
    for key, value in known.items() if isinstance(known, Mapping) else ():
        line += ["--set", f"{key}={value}"]
    return shlex.join(line)


def citations(result: DepthResult) -> tuple[Citation, ...]:
    """Return what to cite for the method of a result; nothing where the method is not installed here."""
    from focaldepth.estimate import METHODS

    try:
        return METHODS.get(result.provenance.method).spec.citations
    except (FocalDepthError, ModuleNotFoundError):
        return ()
