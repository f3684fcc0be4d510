"""What the machine offers."""

from __future__ import annotations

import os
from pathlib import Path


def memory() -> dict[str, int]:
    """Bytes of memory in all and free now; a limit of the container counts. Empty where the system does not tell."""
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        found = {"total": page * os.sysconf("SC_PHYS_PAGES"), "free": page * os.sysconf("SC_AVPHYS_PAGES")}
    except (AttributeError, ValueError, OSError):
        return {}
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        found["free"] = int(lines.get("MemAvailable", "0 kB").split()[0]) * 1024 or found["free"]
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.exists() and limit.read_text().strip().isdigit():
        found["total"] = min(found["total"], int(limit.read_text()))
        found["free"] = min(found["free"], found["total"])
    return found
