"""The networks of the four papers, each on the data and by the protocol that its table was made with."""

from __future__ import annotations

from collections.abc import Iterator

from focaldepth.benchmark._suite import Entry, Printed, Suite, Wanted, trained

_TRAINED = {
    "ddff12": ("ddffnet", "pspnet-dff", "defocusnet", "aifdepthnet", "fv", "dfv", "dff-in-the-wild"),
    "fod500": ("defocusnet", "aifdepthnet", "fv", "dfv", "dff-in-the-wild"),
    "hci": ("ddffnet", "pspnet-dff", "defocusnet", "aifdepthnet", "dff-in-the-wild"),
    "flyingthings3d": ("defocusnet", "aifdepthnet", "dff-in-the-wild"),
    "smartphone": ("defocusnet", "aifdepthnet", "dff-in-the-wild"),
    "mdff": ("ddffnet", "pspnet-dff"),
}
"""Training data -> networks that a paper trained on it."""
_JUDGED_ON = {"flyingthings3d": "middlebury"}


def _entries() -> Iterator[Entry]:
    for tag, methods in _TRAINED.items():
        for method in methods:
            five = (Printed("dfv_sup_t1", "DFV, 5"),) if (method, tag) == ("dfv", "ddff12") else ()
            yield trained(method, tag, f"{method}.{tag}", data=(_JUDGED_ON.get(tag, tag),), published=five)
    yield from (Entry(name, data=("ddff12",)) for name in ("psp-lf", "dflf"))


SUITE = Suite(
    title="Networks of the papers",
    question="Do the networks reach the numbers that their papers print, on the same data and by the same protocol?",
    entries=tuple(_entries()),
    wanted=(
        Wanted("ddff12", "ddff-dfv-val"),
        Wanted("ddff12", "ddff-official-test"),
        Wanted("ddff12", "ddff-official-val"),
        Wanted("fod500", "fod-dfv"),
        Wanted("fod500", "fod-aif"),
        Wanted("fod500", "fod-wild"),
        Wanted("hci", "hci-aif"),
        Wanted("hci", "hci-wild"),
        Wanted("middlebury", "mid-wild"),
        Wanted("smartphone", "smart-wild"),
        Wanted("mdff", "mdff-ddff"),
    ),
    tables=(
        "ddff_t1", "wild_t1", "dfv_sup_t1", "aif_main_t5", "wild_t2a", "wild_t2b", "wild_t2c", "wild_t3a",
        "sota_ddff_dfvval", "sota_fod", "sota_hci", "sota_middlebury",
    ),
    note="psp-lf and dflf take views of a light field, not frames: their published numbers stand alone.",
)  # fmt: skip
