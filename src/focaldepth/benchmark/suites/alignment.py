"""How frames that were taken by hand, or by a lens that breathes, are brought into one geometry."""

from __future__ import annotations

from focaldepth.benchmark._suite import Arm, Printed, Suite, Wanted, classical, trained

_ROWS = {"none": "without_alignment", "metadata": "initial_FoVs", "features": "homography", "auto": "alignment_network"}

SUITE = Suite(
    title="Alignment",
    question="What does alignment bring on stacks whose frames do not fit on one another: none, the field of view by "
    "the lens (metadata), features, ECC, the choice of the program, and a network that aligns by itself?",
    entries=(
        *classical("naive", "classical-fast", "classical"),
        trained(
            "dff-in-the-wild-e2e",
            "smartphone",
            published=tuple(Printed("wild_t4", row, arm) for arm, row in _ROWS.items()),
        ),
    ),
    arms=(
        Arm("none", align="none"),
        Arm("metadata", align="metadata"),
        Arm("features", align="features"),
        Arm("ecc", align="ecc"),
        Arm("auto", align="auto"),
    ),
    wanted=(Wanted("wild-simulator", "alignment-ablation"),),
    unregistered=True,
    tables=("wild_t4",),
    figures=("arms", "time"),
    arm_axis="alignment",
    note="Of the published rows, initial FoVs is metadata here, homography is features or ECC, and the alignment "
    "network is auto: a network that aligns by itself gets the frames as they are.",
)
