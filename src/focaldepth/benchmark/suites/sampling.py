"""Which frames of a stack are used."""

from __future__ import annotations

from focaldepth.benchmark._suite import Arm, Printed, Suite, Wanted, classical, drawn, evenly, listed, trained

_UNIFORM, _CROWDED = (1, 3, 5, 7, 9), (1, 2, 5, 6, 9)
_PRINTED = tuple(
    Printed("aif_sup_t1", row, f"{row.replace(';', ',')} of 10, from {base}")
    for row in ("1;3;5;7;9", "1;2;5;6;9")
    for base in (0, 1)
)

SUITE = Suite(
    title="Choice of frames",
    question="Does it matter that five frames are spaced evenly? Ten and more frames are thinned to five in "
    "several ways.",
    entries=(
        *classical("naive", "classical-fast", "classical", "vdff", "semi-global"),
        trained("aifdepthnet", "hci", published=_PRINTED),
        trained("dfv", "ddff12"),
        trained("dff-in-the-wild", "fod500"),
    ),
    arms=(
        Arm("even", evenly(5)),
        Arm("1,3,5,7,9 of 10, from 0", listed(_UNIFORM, 10)),
        Arm("1,2,5,6,9 of 10, from 0", listed(_CROWDED, 10)),
        Arm("1,3,5,7,9 of 10, from 1", listed(tuple(i - 1 for i in _UNIFORM), 10)),
        Arm("1,2,5,6,9 of 10, from 1", listed(tuple(i - 1 for i in _CROWDED), 10)),
        Arm("by chance, seed 1", drawn(5, 1)),
        Arm("by chance, seed 2", drawn(5, 2)),
    ),
    wanted=(Wanted("hci", "hci-aif"), Wanted("ddff12", "ddff-dfv-val"), Wanted("fod500", "fod-wild")),
    tables=("aif_sup_t1",),
    figures=("arms",),
    arm_axis="choice of frames",
    note="AiFDepthNet lists frames 1 to 9 of ten and leaves open whether they count from 0 or 1 (footnote 8): both are "
    "here. Where the first or the last frame is left out, depth beyond the remaining ones counts no longer.",
)
