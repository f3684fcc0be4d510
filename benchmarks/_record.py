"""What every benchmark shares: where data lies, the machine's facts, one JSON file per table."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("FOCALDEPTH_SHARED", ROOT.parent / "shared")) / "data"
RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, object]:
    """Facts that a figure depends on."""
    from focaldepth.core.machine import cores, processor

    return {
        "processor": processor(), "cores": cores(), "python": platform.python_version(), "system": platform.system(),
    }  # fmt: skip


def record(name: str, title: str, rows: list[dict[str, object]], note: str = "") -> None:
    """Print a table and store it as benchmarks/results/NAME.json."""
    print(f"\n## {title}\n\n{markdown(rows)}\n{note}\n")
    RESULTS.mkdir(exist_ok=True)
    facts = {"title": title, "note": note, "made": datetime.now(UTC).isoformat(timespec="seconds")}
    text = json.dumps({**facts, "machine": machine(), "rows": rows}, indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def markdown(rows: list[dict[str, object]]) -> str:
    """A table; columns in the order in which rows bring them."""
    if not rows:
        return "(no rows)"
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, ["---"] * len(names)] + [[str(row.get(n, "")) for n in names] for row in rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
