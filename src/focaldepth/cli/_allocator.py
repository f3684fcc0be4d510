"""What the allocator of this process keeps."""

from __future__ import annotations


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
