"""All benchmarks of `make bench`, one after the other, then the page docs/benchmarks.md from their results."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from _record import RESULTS, ROOT, markdown

HERE = Path(__file__).parent
ORDER = (
    "startup", "accuracy", "measures", "alignment", "speed", "memory", "networks", "networks_memory", "networks_onnx",
    "networks_tiles", "refocus", "rendering", "scenes", "training", "science",
)  # fmt: skip


def page() -> str:
    """The tables of all result files as one page."""
    parts = ["# Benchmarks", "", "Made by `make bench`; every table lies in `benchmarks/results/` as JSON."]
    for path in sorted(RESULTS.glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, dict) and "rows" in found and "title" in found:
            facts = found["machine"]
            parts += ["", f"## {found['title']}", "", markdown(found["rows"]), "", found["note"]]
            parts += [
                "",
                f"{facts['processor']}, {facts['cores']} cores, Python {facts['python']}, {found['made'][:10]}",
            ]
    return "\n".join(parts).replace("\n\n\n", "\n\n") + "\n"


def main() -> None:
    for name in ORDER:
        subprocess.run([sys.executable, str(HERE / f"{name}.py")], check=True)
    (ROOT / "docs/benchmarks.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
