"""Methods without training on all stacks with truth."""

from __future__ import annotations

from focaldepth.benchmark._suite import Suite, Wanted, classical

SUITE = Suite(
    title="Classical methods",
    question="How accurate are methods that need no training, how long do they take, and how well do they know their "
    "own error?",
    entries=classical("naive", "classical-fast", "classical", "vdff", "semi-global"),
    wanted=(
        Wanted("ddff12", "ddff-dfv-val"),
        Wanted("fod500", "fod-wild"),
        Wanted("hci", "hci-ddff"),
        Wanted("middlebury", "mid-wild"),
        Wanted("mdff", "mdff-ddff"),
    ),
    tables=("ddff_t1", "ddff_s2", "ddff_s3"),
)
