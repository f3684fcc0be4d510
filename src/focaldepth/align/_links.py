"""Which frames hold together, and roughly where they lie, while matches come in one by one."""

from __future__ import annotations

import numpy as np

from focaldepth.align._geometry import Matrix
from focaldepth.align._pair import Match


class Links:
    """Groups of frames that matches connect, each with transforms from the first frame of its group."""

    def __init__(self, n: int) -> None:
        self._group = list(range(n))
        self._pose = np.tile(np.eye(3), (n, 1, 1))

    def between(self, a: int, b: int) -> Matrix | None:
        """Return the transform of pixels of a to pixels of b as known so far; None when nothing links them."""
        if self._group[a] != self._group[b]:
            return None
        t = self._pose[b] @ np.linalg.inv(self._pose[a])
        out: Matrix = t / t[2, 2]
        return out

    def add(self, match: Match) -> None:
        """Join the groups of the two frames of a match."""
        a, b = match.a, match.b
        if self._group[a] == self._group[b]:
            return
        old, new = self._group[b], self._group[a]
        bridge = np.linalg.inv(self._pose[b]) @ match.transform @ self._pose[a]
        for i, g in enumerate(self._group):
            if g == old:
                self._pose[i] = self._pose[i] @ bridge
                self._group[i] = new

    def largest(self) -> list[int]:
        """Return the frames of the largest group, in order; of equal ones the one nearest to the middle."""
        n = len(self._group)
        groups = {g: [i for i in range(n) if self._group[i] == g] for g in set(self._group)}
        return max(groups.values(), key=lambda f: (len(f), -min(abs(i - n // 2) for i in f)))

    def start(self, reference: int) -> Matrix:
        """Return transforms (N, 3, 3) from the reference; identity for frames outside its group."""
        out = [self.between(reference, i) for i in range(len(self._group))]
        return np.stack([np.eye(3) if t is None else t for t in out])
