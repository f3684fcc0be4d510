"""The published tables: every block, cell by cell, with its footnotes."""

from __future__ import annotations

import csv
import json

import pytest

from focaldepth.benchmark import _published as published
from focaldepth.benchmark._protocol import PROTOCOLS
from focaldepth.core.errors import UnknownNameError
from focaldepth.metrics._metric import metric

SIZES = {
    "dfv_sup_t1": (11, 11), "aif_sup_t1": (2, 3), "aif_sup_t2": (9, 3), "aif_sup_t3": (4, 8), "aif_sup_t4": (5, 8),
    "aif_sup_t5": (2, 6), "aif_main_t4": (8, 9), "aif_main_t5": (6, 3), "wild_t1": (9, 8), "wild_t2a": (3, 3),
    "wild_t2b": (3, 3), "wild_t2c": (3, 3), "wild_t3a": (3, 5), "wild_t3b": (3, 5), "wild_t4": (4, 10),
    "wild_t5": (7, 8), "ddff_t1": (11, 9), "ddff_t2": (9, 2), "ddff_s1": (10, 1), "ddff_s2": (3, 3),
    "ddff_s3": (3, 3), "sota_ddff_dfvval": (9, 9), "sota_ddff_officialval": (4, 8), "sota_fod": (8, 6),
    "sota_hci": (2, 2), "sota_middlebury": (2, 5), "sota_ft": (1, 1), "sota_nyu": (11, 5),
    "sota_defocusnet_dered": (8, 5), "sota_arkit": (4, 3), "sota_fossa": (18, 4), "sota_cost": (5, 3),
}  # fmt: skip
"""Table -> rows, columns without identifiers; counted by hand."""

SPOTS = {
    ("dfv_sup_t1", "DFV, 2", "MSE"): "9.68e-4", ("dfv_sup_t1", "DFV, 10", "time_ms"): "59.6",
    ("dfv_sup_t1", "DDFF, 5", "avgUnc"): "", ("aif_sup_t1", "1;2;5;6;9", "RMSE"): "0.3374",
    ("aif_sup_t2", "9, arbitrary2-10", "MSE"): "0.0616", ("aif_sup_t3", "2D, yes", "BadPix007"): "0.3063",
    ("aif_sup_t4", "no, 37, yes", "MAE"): "0.1116", ("aif_sup_t5", "DefocusNet", "SqRel"): "3.3104",
    ("aif_main_t4", "VDFF", "d1"): "8.42", ("aif_main_t5", "PSPNet, yes_pretrained_ddff12", "Bump"): "1.21",
    ("wild_t1", "Wild", "d3"): "97.94", ("wild_t2a", "Wild", "AbsRel"): "0.0809", ("wild_t2b", "Wild", "Bump"): "1.29",
    ("wild_t2c", "Wild", "secs"): "0.1269", ("wild_t3a", "DefocusNet, FlyingThings3D", "MSE"): "157.440",
    ("wild_t3b", "Wild, FlyingThings3D", "RMSE"): "0.259", ("wild_t4", "homography", "device"): "R3600",
    ("wild_t5", "EFD_to_StridedConv", "d1"): "0.9144", ("ddff_t1", "DDFFNet-CC3", "d3"): "92.99",
    ("ddff_t2", "Lytro", "runtime_s"): "25.26", ("ddff_s1", "k_2", "value"): "-0.0361",
    ("ddff_s2", "VDFF", "RMS"): "1.15", ("ddff_s3", "PSPNet", "Bump"): "1.72",
    ("sota_ddff_dfvval", "DualFocus, 2025, N", "d1"): "80.0", ("sota_fod", "DFV, 2022, N, fod-dfv", "Bump"): "1.43",
    ("sota_ddff_officialval", "DDFT, 2026, T", "MSE"): "2.22e-5", ("sota_hci", "DDFT, 2026, T", "MSE"): "0.0210",
    ("sota_middlebury", "DDFT, 2026, T", "RMSE"): "2.296", ("sota_ft", "DFV, 2022, A", "MAE"): "5.51",
    ("sota_nyu", "DEReD, 2023, I, nyu-dered", "RMSE"): "0.325", ("sota_arkit", "DFV, 2025, A", "RMSE"): "0.43",
    ("sota_defocusnet_dered", "DFF-FV, I, below_0.5m", "d3"): "0.999",
    ("sota_fossa", "HAMMER, synthetic_stack, FOSSA-B, R", "d115"): "0.9974",
    ("sota_cost", "DDFT_amp", "time_ms"): "10.1",
}  # fmt: skip

PLACES = {
    "1": {"aif_sup_t5", "wild_t2a"}, "2": {"wild_t4"}, "3": {"wild_t1"}, "4": {"wild_t2c"},
    "5": {"wild_t1", "aif_main_t4", "ddff_t1"}, "6": {"aif_main_t5", "aif_sup_t4"}, "7": {"aif_sup_t3", "aif_sup_t4"},
    "8": {"aif_sup_t1", "aif_sup_t2"}, "9": {"ddff_s1"}, "10": {"ddff_s2", "aif_main_t5"}, "11": {"ddff_t2"},
    "12": {"dfv_sup_t1", "sota_ddff_dfvval"}, "13": {"dfv_sup_t1"}, "14": {"ddff_t1", "ddff_s1"}, "15": {"ddff_t1"},
}  # fmt: skip
"""Footnote -> tables; 16 is on all that print a root of squares."""


def test_every_block_is_there_with_all_its_cells() -> None:
    found = {name: published.table(name) for name in published.tables()}
    sizes = {name: {(len(t.rows), len(row.cells)) for row in t.rows.values()} for name, t in found.items()}
    assert sizes == {name: {size} for name, size in SIZES.items()}
    cells = [c for t in found.values() for row in t.rows.values() for c in row.cells.values()]
    assert len(cells) == 1068
    assert sum(c.number is not None for c in cells) == 965


def test_no_row_was_lost_to_an_equal_name() -> None:
    """Identifiers of a table tell its rows apart."""
    for name in published.tables():
        with (published.FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            assert len(list(csv.reader(file))) == len(published.table(name).rows) + 1


@pytest.mark.parametrize(("table", "row", "heading"), SPOTS, ids=lambda text: text)
def test_cells_are_as_printed(table: str, row: str, heading: str) -> None:
    assert published.cell(table, row, heading).printed == SPOTS[table, row, heading]


def test_footnotes_stand_where_they_belong() -> None:
    found: dict[str, set[str]] = {}
    for name in published.tables():
        for note in published.table(name).footnotes:
            assert len(note.text) > 40
            found.setdefault(note.mark, set()).add(name)
    roots = found.pop("16")
    assert {"ddff_t1", "dfv_sup_t1", "aif_sup_t2", "wild_t3a"} <= roots
    assert {mark: names for mark, names in found.items() if mark.isdigit()} == PLACES
    assert [n.mark for n in published.cell("wild_t4", "without_alignment", "AbsRel").footnotes] == ["2"]
    assert [n.mark for n in published.cell("wild_t4", "homography", "AbsRel").footnotes] == []
    assert [n.mark for n in published.cell("ddff_t1", "DDFFNet-CC3", "d3").footnotes] == ["5", "14", "15"]


def test_the_index_names_rows_and_columns_that_exist() -> None:
    index = json.loads((published.FOLDER / "index.json").read_text("utf-8"))
    for note in index["footnotes"].values():
        for place in [*note["places"], *note.get("suspect", []), *note.get("cells", [])]:
            table = published.table(place["table"])
            assert set(place.get("rows", [])) <= set(table.rows)
            with (published.FOLDER / f"{table.name}.csv").open(encoding="utf-8") as file:
                assert set(place.get("metrics", [])) <= set(next(csv.reader(file)))


class TestComparing:
    def test_sums_over_images_are_divided(self) -> None:
        """Footnote 1: 11.1528 is 100 x 0.1115, as the later paper prints it."""
        theirs = published.cell("aif_sup_t5", "AiFDepthNet", "AbsRel")
        assert theirs.number == 11.1528
        assert theirs.value == pytest.approx(0.111528, rel=1e-12)
        assert theirs.value == pytest.approx(published.cell("wild_t2a", "AiFDepthNet", "AbsRel").value, abs=5e-5)
        assert published.cell("aif_sup_t5", "AiFDepthNet", "MAE").value == 0.0549

    def test_a_misprint_takes_no_part_in_rankings(self) -> None:
        """Footnote 2: 0.0067 is not the best AbsRel, 0.0365 is."""
        assert published.cell("wild_t4", "without_alignment", "AbsRel").suspect
        best = published.best_known("alignment-ablation", "abs-rel")
        assert best is not None
        assert best[1].value == 0.0365

    def test_a_wrong_heading_is_renamed(self) -> None:
        """Footnote 3."""
        row = published.table("wild_t1").row("Wild")
        assert row.cells["MSE"].printed == "5.6e-4"
        assert row.of("mse") is row.cells["MSE"]
        assert row.of("mae") is None

    def test_shares_are_fractions_and_times_seconds(self) -> None:
        assert published.cell("ddff_t1", "VDFF", "d1").value == pytest.approx(0.0842)
        assert published.cell("wild_t5", "Wild", "d1").value == 0.9137
        assert published.cell("dfv_sup_t1", "DFV, 5", "time_ms").value == pytest.approx(0.0333)

    @pytest.mark.parametrize(
        ("protocol", "name", "row"),
        [
            ("ddff-official-test", "mse", "Wild"),
            ("ddff-official-test", "delta.1", "Wild"),
            ("ddff-dfv-val", "mse", "FOSSA-B_finetuned, 2026, R+N"),
            ("ddff-dfv-val", "abs-rel", "FOSSA-S_finetuned, 2026, R"),
            ("fod-wild", "mse", "DDFT, 2026, T, fod-wild"),
            ("fod-dfv", "mse", "DualFocus, 2025, N, fod-dfv"),
            ("mid-wild", "mae", "DDFT, 2026, T"),
            ("nyu-hybrid", "rmse", "DualFocus, 2025, N, nyu-hybrid"),
            ("zedd", "abs-rel", "ZEDD, val, FOSSA-B, R"),
            ("fod-wild", "abs-rel", "Wild"),  # not DfFintheWild 0.08, a rounded copy of its 0.0809
        ],
    )
    def test_anchors(self, protocol: str, name: str, row: str) -> None:
        best = published.best_known(protocol, name)
        assert best is not None
        assert best[0].name == row

    def test_tables_of_mixed_units_have_no_best(self) -> None:
        assert published.best_known("ddff-official-val", "mse") is None

    def test_depth_errors_do_not_compare_with_disparities(self) -> None:
        row = published.table("ddff_t2").row("VDFF")
        assert row.of("rmse") is None
        assert row.of(published.SECONDS) is row.cells["runtime_s"]


def test_every_protocol_of_a_table_has_a_record() -> None:
    """Calibration is none; DDL-GRU is another program on FoD500, which nobody here has seen."""
    named = {row.protocol for name in published.tables() for row in published.table(name).rows.values()} - {""}
    assert named - set(PROTOCOLS.names()) == {"calibration", "ddl-gru"}


def test_every_printed_metric_is_one_of_ours() -> None:
    cells = [c for n in published.tables() for r in published.table(n).rows.values() for c in r.cells.values()]
    for name in {c.metric for c in cells} - {"", published.SECONDS}:
        assert metric(name).facts.title
    unmapped = {c.heading for c in cells if not c.metric}
    assert unmapped == {"device", "value", "depth_error_m", "flops_G", "params_M"}


def test_unknown_names_are_told_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean wild_t1"):
        published.table("wild_t11")
    with pytest.raises(UnknownNameError, match="Did you mean VDFF"):
        published.cell("ddff_t1", "VDF", "MSE")
    with pytest.raises(UnknownNameError, match="Did you mean AbsRel"):
        published.cell("ddff_t1", "VDFF", "Absrel")
