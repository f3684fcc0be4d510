"""Parts of the networks left out or replaced, as the papers did."""

from __future__ import annotations

from focaldepth.benchmark._suite import Entry, Printed, Suite, Wanted, trained


def _wild(row: str, tag: str, label: str) -> Entry:
    return trained(
        "dff-in-the-wild",
        f"fod500-{tag}",
        f"dff-in-the-wild, {label}",
        published=(Printed("wild_t5", row),),
        data=("fod500",),
        default_network=tag == "full",
    )


def _ddff(variant: str, label: str) -> Entry:
    return trained(
        "ddffnet",
        f"ddff12-{variant.lower()}",
        f"ddffnet, {label}",
        published=(Printed("ddff_t1", f"DDFFNet-{variant}"), Printed("ddff_t2", f"DDFFNet-{variant}")),
        data=("ddff12",),
        default_network=variant == "CC3",
    )


def _aif(conv: str, attention: str) -> Entry:
    full = attention == "yes"
    return trained(
        "aifdepthnet",
        f"hci-{conv.lower()}{'' if full else '-plain'}",
        f"aifdepthnet, {conv} convolutions, {'with' if full else 'without'} attention",
        published=(Printed("aif_sup_t3", f"{conv}, {attention}"),),
        data=("hci",),
        default_network=full and conv == "3D",
    )


SUITE = Suite(
    title="Ablations",
    question="What do the parts of the networks contribute: sharp region detector and focal down-sampling (in the "
    "wild), decoder and skips (DDFFNet), 3D convolutions and attention (AiFDepthNet), the differential volume (DFV)?",
    entries=(
        _wild("SRD_to_2D_ResNet", "srd-2d", "2D residual blocks for its detector"),
        _wild("SRD_to_3D_ResNet", "srd-3d", "3D residual blocks for its detector"),
        _wild("EFD_to_Maxpool_3DConv", "efd-max", "maximum and 3D convolution for its down-sampling"),
        _wild("EFD_to_Avgpool_3DConv", "efd-mean", "mean and 3D convolution for its down-sampling"),
        _wild("EFD_to_StridedConv", "efd-stride", "strides for its down-sampling"),
        _wild("EFD_to_3DPooling", "efd-3d", "3D pooling for its down-sampling"),
        _wild("Wild", "full", "as published"),
        _ddff("Unpool", "un-pooling"),
        _ddff("BL", "bilinear"),
        _ddff("UpConv", "up-convolution"),
        _ddff("CC1", "skip at full size"),
        _ddff("CC2", "skip at 1/2"),
        _ddff("CC3", "skip at 1/4"),
        *(_aif(conv, attention) for conv in ("3D", "2D") for attention in ("yes", "no")),
        trained("fv", "ddff12"),
        trained("dfv", "ddff12"),
    ),
    wanted=(Wanted("fod500", "fod-wild"), Wanted("ddff12", "ddff-official-test"), Wanted("hci", "hci-aif")),
    tables=("wild_t5", "ddff_t1", "ddff_t2", "aif_sup_t3", "aif_sup_t4"),
    figures=("time",),
    note="Variants are trained with --set of the network's options; each needs weights of its own.",
)
