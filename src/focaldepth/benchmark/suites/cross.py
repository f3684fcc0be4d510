"""Networks on data that they were not trained on."""

from __future__ import annotations

from focaldepth.benchmark._suite import Entry, Printed, Suite, Wanted, trained

_NETWORKS = {"defocusnet": "DefocusNet", "aifdepthnet": "AiFDepthNet", "dff-in-the-wild": "Wild"}
_SETS = {"ddff12": "DDFF 12-Scene", "fod500": "FoD500", "hci": "HCI", "flyingthings3d": "FlyingThings3D"}


def _entry(method: str, tag: str) -> Entry:
    printed = _NETWORKS.get(method, "")
    rows = tuple(Printed(t, f"{printed}, FlyingThings3D") for t in ("wild_t3a", "wild_t3b"))
    known = rows if printed and tag == "flyingthings3d" else ()
    return trained(method, tag, f"{method}, trained on {_SETS[tag]}", published=known)


SUITE = Suite(
    title="Across data sets",
    question="What is left of the accuracy of a network on data that it was not trained on?",
    entries=tuple(_entry(method, tag) for tag in _SETS for method in (*_NETWORKS, "dfv")),
    wanted=(
        Wanted("middlebury", "mid-wild"),
        Wanted("fod500", "fod-cross-wild"),
        Wanted("ddff12", "ddff-dfv-val"),
        Wanted("hci", "hci-wild"),
    ),
    tables=("wild_t3a", "wild_t3b"),
    figures=("time",),
    note="A network that gets frames of another data set is told its focus positions.",
)
