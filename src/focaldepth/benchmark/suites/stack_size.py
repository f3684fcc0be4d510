"""Error and time against the number of frames."""

from __future__ import annotations

from focaldepth.benchmark._suite import Arm, Entry, Printed, Suite, Wanted, classical, evenly, trained

_DFV = tuple(Printed("dfv_sup_t1", f"DFV, {n}", f"N = {n}") for n in range(2, 11))
_TRAINED = {
    "fixed10": "trained on 10 frames",
    "arbitrary2-10": "trained on 2 to 10",
    "same_as_test": "trained on as many",
}


def _aif(stack: str, tag: str) -> Entry:
    rows = tuple(Printed("aif_sup_t2", f"{n}, {stack}", f"N = {n}") for n in (3, 5, 9))
    return trained("aifdepthnet", f"hci-{tag}", f"aifdepthnet, {_TRAINED[stack]}", published=rows, data=("hci",))


SUITE = Suite(
    title="Number of frames",
    question="How many frames does a method need? N frames are taken evenly from the first to the last of a stack.",
    entries=(
        *classical("naive", "classical-fast", "classical", "vdff", "semi-global"),
        trained("dfv", "ddff12", published=_DFV, data=("ddff12",)),
        _aif("fixed10", "fixed"),
        _aif("arbitrary2-10", "arbitrary"),
        _aif("same_as_test", "same"),
        trained("dff-in-the-wild", "fod500-5", "dff-in-the-wild, trained on 5", data=("fod500",)),
        trained("dff-in-the-wild", "fod500-same", "dff-in-the-wild, trained on as many", data=("fod500",)),
        trained("dff-in-the-wild", "fod500-random", "dff-in-the-wild, trained on random numbers", data=("fod500",)),
    ),
    arms=tuple(Arm(f"N = {n}", evenly(n), x=n) for n in range(2, 11)),
    wanted=(Wanted("ddff12", "ddff-dfv-val"), Wanted("hci", "hci-aif"), Wanted("fod500", "fod-wild")),
    tables=("dfv_sup_t1", "aif_sup_t2"),
    figures=("arms", "arm-time"),
    arm_axis="number of frames",
    note="Figure 12(a) of Depth from Focus in the Wild (trained on 5, as many, random numbers of frames) has no "
    "readable values. AiFDepthNet lists the frames 1,5,9 / 1,3,5,7,9 / 1..9 of ten (footnote 8): the suite sampling "
    "tries both bases.",
)
