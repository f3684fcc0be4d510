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


def keep_freed_memory() -> None:
    """Let the allocator keep what is freed, in huge pages, so that the planes of every frame do not fault in anew.

    A third of the time of a large stack went into page faults. Nothing is held that is not used: the reserved range
    is address space only. Only glibc has these knobs; elsewhere nothing happens.
    """
    import ctypes

    try:
        libc = ctypes.CDLL(None)
        mallopt, malloc, free, madvise = libc.mallopt, libc.malloc, libc.free, libc.madvise
    except (AttributeError, OSError, TypeError):
        return
    malloc.restype, malloc.argtypes, free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    trim_threshold, mmap_max, arena_max, huge = -1, -4, -8, 14
    for knob, value in ((trim_threshold, 2**31 - 1), (mmap_max, 0), (arena_max, 1)):
        mallopt(knob, value)
    page, size = 2**21, 2**31 - 2**25
    start = malloc(size)
    if start:
        aligned = -(-start // page) * page
        madvise(aligned, size - page, huge)
        free(start)
