"""Hashes of input files, so that a result can say what it was made from."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from focaldepth.core.errors import ReadError
from focaldepth.core.stack import FocalStack

_CHUNK = 1 << 20


def hash_inputs(stack: FocalStack, threads: int = 2) -> dict[str, str]:
    """Return the sha256 of every file that a stack was read from.

    Args:
        stack: files are named by `stack.info.files`; a stack of arrays has none.
        threads: files hashed at a time; each is streamed.

    >>> import numpy as np
    >>> hash_inputs(FocalStack.from_arrays(np.zeros((2, 4, 4), np.uint8)))
    {}
    """
    files = list(dict.fromkeys(stack.info.files))
    with ThreadPoolExecutor(max(1, threads), thread_name_prefix="focaldepth-hash") as pool:
        return dict(zip(files, pool.map(_sha256, files), strict=True))


def _sha256(file: str) -> str:
    digest = hashlib.sha256()
    path = Path(file)
    parts = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    try:
        for part in parts:
            if part != path:
                digest.update(str(part.relative_to(path).as_posix()).encode())
            with part.open("rb") as stream:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
    except OSError as error:
        raise ReadError(f"cannot be hashed ({error.strerror}).", where=file, hint="Was it moved?") from error
    return digest.hexdigest()
