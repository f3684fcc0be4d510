"""Numbers that papers and later sources printed: every cell as printed, with what has to be known to compare it.

The tables lie in ``focaldepth/data/published``: one csv file each, and ``index.json`` with their facts (paper, data
set, protocol, unit of shares), the footnotes on their inconsistencies and where those apply.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from math import isclose
from pathlib import Path
from typing import Any

from focaldepth.core.errors import UnknownNameError
from focaldepth.metrics._metric import metric

FOLDER = Path(__file__).parent.parent / "data" / "published"

SECONDS = "seconds"
_METRICS = {
    "MAE": "mae", "MSE": "mse", "RMS": "rmse", "RMSE": "rmse", "logRMS": "log-rmse", "RMSElog": "log-rmse",
    "AbsRel": "abs-rel", "SqRel": "sq-rel", "d1": "delta.1", "d2": "delta.2", "d3": "delta.3", "d105": "delta.1-05",
    "d115": "delta.1-15", "d125": "delta.1", "Bump": "bumpiness", "BadPix007": "bad-pix.0-07",
    "avgUnc": "average-uncertainty.dfv", "MAE_conf": "confident-mae", "MSE_conf": "confident-mse",
    "secs": SECONDS, "runtime_s": SECONDS, "time_ms": SECONDS,
}  # fmt: skip
"""Printed heading -> metric; the variant that a program defines is that of the protocol."""
_MANY = 8
"""Places from which on a footnote is one on the papers in general."""
_DIVISORS = {"time_ms": 1000.0}

SAME = {
    "vdff": ("VDFF", "Moeller_VDFF"),
    "ddffnet": ("DDFF", "DDFFNet-CC3"),
    "pspnet-dff": ("PSPNet",),
    "psp-lf": ("PSP-LF",),
    "dflf": ("DFLF",),
    "defocusnet": ("DefocusNet", "Defocus-Net"),
    "aifdepthnet": ("AiFDepthNet",),
    "fv": ("DFF-FV",),
    "dfv": ("DFV", "DFV_DDFF+FoD", "DFV_best_variant", "DFF-DFV"),
    "dff-in-the-wild": ("Wild", "DfFintheWild"),
}
"""Method of this package -> names under which tables print it."""


@dataclass(frozen=True)
class Footnote:
    """What is inconsistent, or has to be known of a number.

    Attributes:
        mark: "1" ... "16", or a letter for later sources.
        text: the finding.
        scope: "table" (or the papers in general), "row", or "cell".
    """

    mark: str
    text: str
    scope: str = "table"


@dataclass(frozen=True)
class Cell:
    """One printed number.

    Attributes:
        table: id of the table.
        row: identifiers joined by commas, as in "DFV, 5".
        heading: of the column as printed; after footnote 3 renamed.
        printed: the text; empty = not reported.
        metric: name of the metric here; empty = none has this definition.
        divisor: value in the unit of the metric = printed number / divisor: 100 for shares in per cent and for sums
            over 100 images.
        suspect: takes no part in rankings.
        footnotes: what has to be known.
    """

    table: str
    row: str
    heading: str
    printed: str
    metric: str = ""
    divisor: float = 1.0
    suspect: bool = False
    footnotes: tuple[Footnote, ...] = ()

    @property
    def number(self) -> float | None:
        """The number as printed; None for a text or an empty cell."""
        try:
            return float(self.printed)
        except ValueError:
            return None

    @property
    def digits(self) -> int:
        """Significant digits as printed.

        >>> cell("ddff_t1", "DDFFNet-CC3", "MSE").digits, cell("ddff_t1", "DDFFNet-CC3", "RMS").digits
        (2, 2)
        """
        mantissa = self.printed.lower().partition("e")[0].lstrip("-").replace(".", "")
        return max(1, len(mantissa.lstrip("0")))

    @property
    def value(self) -> float | None:
        """The number to compare with, in the unit of the metric: shares as fractions, times in seconds."""
        return None if self.number is None else self.number / self.divisor


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        name: identifiers joined by commas.
        ids: heading -> identifier.
        cells: heading -> cell.
        protocol: by which it was measured; empty where it is not known.
    """

    name: str
    ids: Mapping[str, str]
    cells: Mapping[str, Cell]
    protocol: str

    @property
    def method(self) -> str:
        """The method, or what stands in its place in the table."""
        return self.ids.get("method") or next(iter(self.ids.values()))

    def of(self, name: str) -> Cell | None:
        """Return the cell of a metric ("mse"; a variant also finds the plain metric); None where it is not printed."""
        wanted = (name, name.partition(".")[0])
        return next((c for c in self.cells.values() if c.metric in wanted and c.value is not None), None)


@dataclass(frozen=True)
class Table:
    """One published table.

    Attributes:
        name: id, such as "wild_t1".
        facts: key -> value of its header (paper, table, dataset, protocol, space ...).
        rows: name -> row.
        footnotes: all that concern it or one of its cells.
    """

    name: str
    facts: Mapping[str, Any]
    rows: Mapping[str, Row]
    footnotes: tuple[Footnote, ...]

    @property
    def title(self) -> str:
        """Where it was printed.

        >>> table("wild_t1").title
        'WILD, table 1'
        """
        paper = self.facts.get("paper")
        return f"{paper}, table {self.facts['table']}" if paper else "since 2022"

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return str(self.facts["dataset"])

    def row(self, name: str) -> Row:
        """Return a row by its identifiers.

        Raises:
            UnknownNameError: no such row.
        """
        if name not in self.rows:
            raise UnknownNameError(f"row of {self.name}", name, self.rows)
        return self.rows[name]


def tables() -> list[str]:
    """Return the ids of all tables."""
    return list(_index()["tables"])


def sources() -> dict[str, str]:
    """Return the keys of papers and kinds of sources -> what they stand for."""
    index = _index()
    return {**index["papers"], **index["sources"]}


@cache
def table(name: str) -> Table:
    """Return a table.

    Raises:
        UnknownNameError: no such table.

    >>> table("dfv_sup_t1").row("DFV, 5").cells["MSE"].printed
    '6.63e-4'
    """
    index = _index()
    if name not in index["tables"]:
        raise UnknownNameError("published table", name, index["tables"])
    facts = index["tables"][name]
    notes = {mark: note for mark, note in index["footnotes"].items() if _concerns(note["places"], name)}
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    rows = {}
    for line in lines:
        ids = dict(list(line.items())[: facts["ids"]])
        key = ", ".join(ids.values())
        printed = list(line.items())[facts["ids"] :]
        cells = {cell.heading: cell for cell in (_cell(name, facts, notes, key, *pair) for pair in printed)}
        rows[key] = Row(key, ids, cells, _protocol(facts, ids))
    return Table(name, facts, rows, tuple(_footnote(mark, note, name, "", "") for mark, note in notes.items()))


def cell(name: str, method: str, heading: str) -> Cell:
    """Return one number by table, row and column.

    Raises:
        UnknownNameError: no such table, row or column.

    >>> round(cell("aif_sup_t5", "AiFDepthNet", "AbsRel").value, 6)
    0.111528
    """
    cells = table(name).row(method).cells
    if heading not in cells:
        raise UnknownNameError(f"column of {name}", heading, cells)
    return cells[heading]


def printed_by(protocol: str) -> Iterator[tuple[Table, Row]]:
    """Yield all rows that were measured by a protocol, with their tables."""
    for name in tables():
        for row in table(name).rows.values():
            if row.protocol == protocol:
                yield table(name), row


def best_known(protocol: str, name: str) -> tuple[Row, Cell] | None:
    """Return the best number of a metric by a protocol; None where none was printed.

    Suspect numbers are left out, and copies that were rounded (0.08 of what another table prints as 0.0809).
    """
    better = metric(name).facts.better
    found = [(row, c) for _, row in printed_by(protocol) if (c := row.of(name)) is not None and not c.suspect]
    if not found or better not in ("lower", "higher"):
        return None
    sign = 1 if better == "lower" else -1
    found = [pair for pair in found if not any(_rounded(other, pair[1]) for _, other in found)]
    return min(found, key=lambda pair: sign * (pair[1].value or 0.0))


def _rounded(exact: Cell, copy: Cell) -> bool:
    """True where the copy is what is left of a number with more digits."""
    if exact.digits <= copy.digits or exact.value is None or copy.value is None:
        return False
    return isclose(float(f"{exact.value:.{copy.digits - 1}e}"), copy.value, rel_tol=1e-9)


def _cell(name: str, facts: Mapping[str, Any], notes: Mapping[str, Any], row: str, heading: str, text: str) -> Cell:
    mine = {mark: note for mark, note in notes.items() if _concerns(note["places"], name, row, heading)}
    suspect = any(_concerns(note.get("suspect", []), name, row, heading) for note in mine.values())
    shown = next((note["rename"][heading] for note in mine.values() if heading in note.get("rename", {})), heading)
    divisor = _DIVISORS.get(heading, 1.0)
    if shown in ("d1", "d2", "d3", "d125", "d105", "d115") and _fact(facts, "delta") == "percent":
        divisor = 100.0
    for note in mine.values():
        if _concerns(note.get("cells", []), name, row, heading):
            divisor *= note["divide"]
    marks = tuple(_footnote(mark, note, name, row, heading) for mark, note in mine.items())
    return Cell(name, row, shown, text or "", _METRICS.get(shown, ""), divisor, suspect, marks)


def _footnote(mark: str, note: Mapping[str, Any], name: str, row: str, heading: str) -> Footnote:
    here = [place for place in note["places"] if _concerns([place], name, row, heading)]
    if any(set(place) == {"table"} for place in here) or len(note["places"]) > _MANY:
        return Footnote(mark, note["text"], "table")
    return Footnote(mark, note["text"], "row" if any("metrics" not in place for place in here) else "cell")


def _concerns(places: list[dict[str, Any]], name: str, row: str = "", heading: str = "") -> bool:
    """True where a footnote stands: its table, and the row and column where it names any."""
    return any(
        place["table"] == name
        and (not row or row in place.get("rows", [row]))
        and (not heading or heading in place.get("metrics", [heading]))
        for place in places
    )


def _protocol(facts: Mapping[str, Any], ids: Mapping[str, str]) -> str:
    column = _fact(facts, "protocol_column")
    if not column:
        return str(_fact(facts, "protocol") or "")
    named: Mapping[str, str] = _fact(facts, "protocols") or {}
    key = ", ".join(ids[part] for part in str(column).split(", "))
    return named.get(key, "" if named else key)


def _fact(facts: Mapping[str, Any], key: str) -> Any:
    """A fact of the header, else how it is read here where the header leaves it open."""
    return facts.get(key) or facts.get("reading", {}).get(key)


@cache
def _index() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))
    return found
