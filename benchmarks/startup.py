"""Start-up in fresh processes against an empty interpreter; writes benchmarks/results/startup.json."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from _record import record

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import focaldepth": ["-c", "import focaldepth"],
    "focaldepth --help": ["-m", "focaldepth", "--help"],
    "focaldepth estimate --help": ["-m", "focaldepth", "estimate", "--help"],
}
LIMITS = {"import focaldepth": 0.1, "focaldepth --help": 0.3}


def seconds(arguments: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - begin


def main() -> None:
    rows = []
    for name, arguments in COMMANDS.items():
        seconds(arguments)
        median = statistics.median(seconds(arguments) for _ in range(5))
        rows.append({"command": name, "s": round(median, 3), "limit s": LIMITS.get(name, "")})
    record("startup", "Start-up", rows, "Medians of 5, after one run that fills the file cache.")


if __name__ == "__main__":
    main()
