"""Suites: what they find, how runs are kept, and how numbers become tables."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from focaldepth.benchmark import _run_suite
from focaldepth.benchmark._evaluate import evaluate
from focaldepth.benchmark._found import Found, find_data
from focaldepth.benchmark._outcome import KNOWN, MEASURED, POOLED, PRINTED, TIME, blocks, overview
from focaldepth.benchmark._run_suite import judged_by, ready, run_suite, tasks
from focaldepth.benchmark._store import RunRecord, RunStore
from focaldepth.benchmark._suite import (
    SUITES,
    Arm,
    Entry,
    Printed,
    Suite,
    Wanted,
    classical,
    drawn,
    evenly,
    trained,
)
from focaldepth.core.errors import Cancelled, ReadError, SettingError, StackError, UnknownNameError
from focaldepth.core.progress import Run, Silent
from focaldepth.datasets._dataset import DATASETS, dataset
from focaldepth.estimate import EstimateSettings
from focaldepth.scenes.layers import LayeredScene, Rendered, render

SETTINGS = EstimateSettings()
TOY = Suite("Toy", "Does it run?", classical("naive", "classical-fast"), wanted=(Wanted("fod500", "fod-wild"),))


@cache
def scene(seed: int, frames: int = 6) -> Rendered:
    return render(LayeredScene(height=48, width=64, frames=frames, seed=seed))


def write(path: Path, seed: int, **more: object) -> Path:
    made = scene(seed)
    axis = made.stack.axis
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path, frames=made.stack.read_all(), focus=axis.values, focus_unit=axis.unit.value,
        depth=made.truth.to(axis.unit).values, **more,
    )  # fmt: skip
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two families and a folder of pictures."""
    folder = tmp_path / "data"
    for seed in (1, 2):
        write(folder / "rendered" / f"phone_{seed:02d}.npz", seed)
    write(folder / "rendered" / "macro_01.npz", 3)
    write(folder / "shelf" / "books.npz", 4)
    pictures = folder / "stacks" / "slope"
    pictures.mkdir(parents=True)
    for i, frame in enumerate(scene(4).stack.read_all()):
        cv2.imwrite(str(pictures / f"f{i}.png"), frame)
    np.save(pictures / "ground_truth_frames.npy", np.full((48, 64), 1.5))
    return folder


def run_all(suite: Suite, found: list[Found], store: RunStore, given: dict[str, str] | None = None, **more: object):
    entries = ready(suite, given or {})
    records = run_suite(suite, tasks(suite, found, entries), store, SETTINGS, **more)
    return records, blocks(suite, found, entries, records)


class TestFinding:
    def test_stacks_are_classed_by_name_and_folder(self, root: Path) -> None:
        found = find_data(TOY, root)
        assert {f.name: [i.name for i in f.items] for f in found} == {
            "phone": ["phone_01", "phone_02"], "macro": ["macro_01"], "shelf": ["books"], "stacks": ["slope"],
            "fod500": [],
        }  # fmt: skip
        assert "fs_6" in found[-1].missing

    def test_a_data_set_is_found_by_its_reader_and_is_no_family(self, root: Path) -> None:
        dataset("fod500").fake(root / "FoD500")
        found = {f.name: f for f in find_data(TOY, root)}
        assert found["fod500"].published
        assert found["fod500"].place == str(root / "FoD500")
        assert {i.split for i in found["fod500"].items} == {"test"}
        assert set(found) == {"phone", "macro", "shelf", "stacks", "fod500"}

    def test_a_file_alone(self, root: Path) -> None:
        found = find_data(TOY, root / "shelf" / "books.npz")
        assert [(f.name, len(f.items)) for f in found if f.items] == [("books", 1)]

    def test_only_what_is_asked_for(self, root: Path) -> None:
        assert [f.name for f in find_data(TOY, root, ["macro"])] == ["macro"]
        with pytest.raises(UnknownNameError, match="Did you mean phone"):
            find_data(TOY, root, ["phon"])
        with pytest.raises(StackError, match=r"no stack with a truth that the suite can use\. .*fs_6"):
            find_data(TOY, root, ["fod500"])

    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(ReadError, match="does not exist"):
            find_data(TOY, tmp_path / "nowhere")
        with pytest.raises(StackError, match="Leave --root away"):
            find_data(TOY, tmp_path)

    def test_alignment_takes_stacks_whose_frames_moved(self, root: Path) -> None:
        move = [np.array([[1, 0, 0.5 * i], [0, 1, 0], [0, 0, 1.0]]).tolist() for i in range(6)]
        attrs = json.dumps({"homography_ref_to_frame": move, "reference_frame": 0})
        write(root / "rendered" / "handheld_01.npz", 1, attrs=attrs)
        assert [f.name for f in find_data(replace(TOY, unregistered=True), root) if f.items] == ["handheld"]


def test_every_reader_feeds_the_suites(tmp_path: Path) -> None:
    """The miniature of every data set under one root: those of the suite are found, read and judged."""
    for name in DATASETS.names():
        if name != "plain":
            dataset(name).fake(tmp_path / name)
    suite = replace(SUITES.get("networks"), entries=classical("naive"))
    found = [replace(f, items=f.items[:1]) for f in find_data(suite, tmp_path) if f.published]
    assert [f.protocol for f in found if not f.items] == ["ddff-official-test"], "its truth is on a server"
    records, _ = run_all(suite, found, RunStore(tmp_path / "runs"))
    assert len(records) == len(suite.wanted) - 1
    assert [(r.data, r.refused, r.failed) for r in records if not r.scored] == []


class TestRuns:
    def test_numbers_are_those_of_evaluate(self, root: Path, tmp_path: Path) -> None:
        """Mean of images and number of all pixels, column by column."""
        found = find_data(TOY, root, ["phone"])
        _, made = run_all(TOY, found, RunStore(tmp_path / "runs"))
        record = judged_by("plain")
        for name in ("naive", "classical-fast"):
            settings = EstimateSettings(name, "none")
            theirs = evaluate(found[0].items, settings, "plain", record=record)
            line = made[0].line(name)
            assert line is not None
            assert line.images == 2
            for column in record.columns:
                assert line.of(column.heading).value == pytest.approx(theirs.mean(column), rel=1e-12, nan_ok=True)
            assert line.of(POOLED).value == pytest.approx(theirs.pooled(record.columns[1]), rel=1e-12)
            assert line.of(TIME).value > 0
        assert set(made[0].curves) == {"bad-pix", "sparsification"}
        bad = made[0].curves["bad-pix"]["naive"]
        assert bad == sorted(bad, reverse=True)
        assert 0 <= bad[-1] < bad[0] <= 1

    def test_a_rerun_goes_on(self, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stopped after three of four runs: the fourth alone is run, and the tables are those of one go."""
        found = find_data(TOY, root, ["phone"])
        real, calls = _run_suite.score_sample, []

        class Impatient(Silent):
            def cancelled(self) -> bool:
                return len(calls) == 3

        def counted(sample, *rest):  # type: ignore[no-untyped-def]
            calls.append(sample.name)
            return real(sample, *rest)

        monkeypatch.setattr(_run_suite, "score_sample", counted)
        path = tmp_path / "runs"
        with pytest.raises(Cancelled):
            run_all(TOY, found, RunStore(path), run=Run(Impatient()))
        assert len(RunStore(path)) == 2  # the third was stopped inside
        calls.clear()
        _, made = run_all(TOY, found, RunStore(path))
        assert len(calls) == 2
        calls.clear()
        _, again = run_all(TOY, found, RunStore(path))
        assert calls == []
        assert str(again[0].lines) == str(made[0].lines)

    def test_equal_runs_are_shared(self, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Two lines that mean the same method with the same settings: it runs once, both have the numbers."""
        real, calls = _run_suite.score_sample, []
        monkeypatch.setattr(_run_suite, "score_sample", lambda *rest: calls.append(1) or real(*rest))
        suite = replace(TOY, entries=(Entry("a", "naive"), Entry("b", "naive")))
        records, _ = run_all(suite, find_data(suite, root, ["macro"]), RunStore(tmp_path / "runs"))
        assert [r.entry for r in records] == ["a", "b"]
        assert len(calls) == 1
        assert records[0].filled == records[1].filled

    def test_other_settings_are_other_runs(self, root: Path, tmp_path: Path) -> None:
        found = find_data(TOY, root, ["macro"])
        store = RunStore(tmp_path / "runs")
        one, _ = run_all(replace(TOY, entries=(Entry("mine", "naive"),)), found, store)
        other, _ = run_all(replace(TOY, entries=(Entry("mine", "naive", {"sigma": "9"}),)), found, store)
        assert one[0].filled["mae"] != other[0].filled["mae"]
        assert len(store) == 1

    def test_what_a_method_cannot_take_is_told_and_no_failure(self, root: Path, tmp_path: Path) -> None:
        suite = replace(TOY, arms=(Arm("N = 3", evenly(3), x=3), Arm("N = 9", evenly(9), x=9)), arm_axis="N")
        records, made = run_all(suite, find_data(suite, root, ["macro"]), RunStore(tmp_path / "runs"))
        assert [bool(r.refused) for r in records] == [False, True] * 2
        assert not any(r.failed for r in records)
        line = made[0].line("naive", "N = 9")
        assert line is not None
        assert "has 6 frames, too few for N = 9" in line.note
        assert line.images == 0

    def test_failures_are_kept_and_tried_again(
        self, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*rest):  # type: ignore[no-untyped-def]
            raise ReadError("is gone.", where="frame 3")

        found, store = find_data(TOY, root, ["macro"]), RunStore(tmp_path / "runs")
        with monkeypatch.context() as patch:
            patch.setattr(_run_suite, "score_sample", broken)
            records, _ = run_all(TOY, found, store)
        assert [r.failed for r in records] == ["frame 3: is gone."] * 2
        records, _ = run_all(TOY, found, RunStore(tmp_path / "runs"))
        assert all(r.scored for r in records)

    def test_the_frame_of_the_truth_is_kept(self) -> None:
        """Of ten frames five are taken; the reference replaces its nearest neighbour."""
        from focaldepth.benchmark._run_suite import Ready, Task, _frames
        from focaldepth.core.sample import Item, Sample

        made = scene(1, 10)
        sample = Sample(made.stack, made.truth, reference=5)
        task = Task(Found("a", "plain"), Item("a", lambda: sample), Ready(Entry("naive", "naive")), Arm("5", evenly(5)))
        chosen = _frames(sample, task, TOY)
        assert chosen.stack.info.frame_names == tuple(f"frame {i}" for i in (0, 2, 5, 6, 9))
        assert chosen.reference == 2


class TestStore:
    RUN = RunRecord("d", "i", "e", "", "x", 1.5, filled={"mae": [float("nan"), float("inf"), 2.0]}, compared=(3, 2))

    def test_what_is_written_is_read(self, tmp_path: Path) -> None:
        RunStore(tmp_path / "runs").add(self.RUN)
        read = RunStore(tmp_path / "runs").get(self.RUN.key, "x")
        assert read is not None
        assert str(read) == str(self.RUN)
        json.loads((tmp_path / "runs").read_text(), parse_constant=pytest.fail)

    def test_a_line_cut_off_is_dropped(self, tmp_path: Path) -> None:
        path = tmp_path / "runs"
        store = RunStore(path)
        store.add(self.RUN)
        whole = path.read_bytes()
        store.add(replace(self.RUN, image="j"))
        path.write_bytes(path.read_bytes()[:-7])
        assert len(RunStore(path)) == 1
        assert path.read_bytes() == whole

    def test_damage_inside_is_told(self, tmp_path: Path) -> None:
        path = tmp_path / "runs"
        RunStore(path).add(self.RUN)
        path.write_bytes(b"{}\n" + path.read_bytes())
        with pytest.raises(ReadError, match="line 1 is damaged"):
            RunStore(path)

    def test_runs_of_another_version_are_made_anew(self, tmp_path: Path) -> None:
        """A line with other fields is no damage, and no run."""
        path = tmp_path / "runs"
        RunStore(path).add(self.RUN)
        path.write_bytes(b'{"data": "d", "image": "i", "entry": "e", "arm": "", "peak_bytes": 1}\n' + path.read_bytes())
        assert len(RunStore(path)) == 1


class TestTables:
    def test_measured_beside_published_beside_best(self, tmp_path: Path) -> None:
        """VDFF is in the table of the protocol: its printed MSE stands beside ours, the best known below."""
        dataset("ddff12-dfv").fake(tmp_path / "ddff12_dfv")
        rows = (Printed("dfv_sup_t1", "DFV, 5"),)
        suite = replace(
            TOY, entries=(Entry("mine", "naive", published=rows), *classical("naive")),
            wanted=(Wanted("ddff12", "ddff-dfv-val"),),
        )  # fmt: skip
        found = [f for f in find_data(suite, tmp_path) if f.published]
        _, made = run_all(suite, found, RunStore(tmp_path / "runs"))
        line = made[0].line("mine")
        assert line is not None
        assert (line.of("MSE").beside, line.of("MSE").digits) == (6.63e-4, 3)
        assert line.of("delta 1 %").beside == pytest.approx(70.17)
        assert line.of("MSE").value > 0
        assert line.of("MSE").notes == ("12",)
        plain = made[0].line("naive")
        assert plain is not None
        assert plain.of("MSE").beside != plain.of("MSE").beside
        kinds = [x.kind for x in made[0].lines]
        assert kinds == [MEASURED, MEASURED, KNOWN, *[PRINTED] * 20]
        known = made[0].lines[2]
        assert (known.of("MSE").value, known.of("MSE").who) == (3e-4, "FOSSA-B finetuned 2026")
        assert {n.mark for n in made[0].footnotes} == {"12", "13", "16", "a"}

    def test_the_best_measured_number_is_marked(self, root: Path, tmp_path: Path) -> None:
        _, made = run_all(TOY, find_data(TOY, root, ["phone"]), RunStore(tmp_path / "runs"))
        lines = made[0].measured()
        assert sorted(line.of("MAE").best for line in lines) == [False, True]
        best = next(line for line in lines if line.of("MAE").best)
        assert best.of("MAE").value == min(line.of("MAE").value for line in lines)
        assert not any(line.of("AUSE").best for line in lines), "naive has none: one number is no race"

    def test_all_data_at_one_glance(self, root: Path, tmp_path: Path) -> None:
        """The ratio is the geometric mean over families."""
        _, made = run_all(TOY, find_data(TOY, root, ["phone", "macro"]), RunStore(tmp_path / "runs"))
        found = {label: (marks, ratio) for label, marks, ratio, _, _ in overview(made)}
        assert found["naive"][1] == pytest.approx(1)
        ratios = [found["classical-fast"][0][n].value / found["naive"][0][n].value for n in ("phone", "macro")]
        assert found["classical-fast"][1] == pytest.approx((ratios[0] * ratios[1]) ** 0.5)


class TestEntries:
    def test_methods_replace_or_come_on_top(self) -> None:
        assert [e.label for e in TOY.with_methods(("vdff",)).entries] == ["vdff"]
        assert [e.label for e in TOY.with_methods(("+vdff",)).entries] == ["naive", "classical-fast", "vdff"]
        assert [e.label for e in TOY.with_methods(("naive", "+vdff")).entries] == ["naive", "vdff"]
        assert [e.label for e in TOY.with_methods(("auto", "+dfv")).entries] == ["classical", "dfv"]
        with pytest.raises(UnknownNameError, match="Did you mean vdff"):
            TOY.with_methods(("+vdf",))

    def test_a_name_finds_all_entries_of_its_method(self) -> None:
        chosen = SUITES.get("networks").with_methods(("dfv",)).entries
        assert {e.label for e in chosen} == {"dfv.ddff12", "dfv.fod500"}

    def test_weights_are_found_by_label_name_or_method(self) -> None:
        suite = replace(TOY, entries=(trained("dfv", "ddff12", "mine"), trained("fv", "ddff12"), *classical("naive")))
        for key in ("mine", "dfv.ddff12", "dfv"):
            assert [e.weights for e in ready(suite, {key: "random"})] == ["random", "", ""]
        assert [e.weights for e in ready(suite, {"": "random"})] == ["random", "random", ""]
        with pytest.raises(UnknownNameError, match="network of the suite 'naive'"):
            ready(suite, {"naive": "random"})
        with pytest.raises(ReadError, match="no such file"):
            ready(suite, {"dfv": "gone.safetensors"})

    def test_random_weights_are_of_the_published_architecture_only(self) -> None:
        suite = SUITES.get("ablations")
        runs = [e.entry.label for e in ready(suite, {"": "random"}) if not e.missing]
        assert runs == [
            "dff-in-the-wild, as published", "ddffnet, skip at 1/4", "aifdepthnet, 3D convolutions, with attention",
            "fv", "dfv",
        ]  # fmt: skip


def test_frames_by_chance_are_the_same_every_time() -> None:
    rule = drawn(5, 1)
    assert rule(12) == rule(12) == drawn(5, 1)(12)
    assert rule(12) != drawn(5, 2)(12)
    chosen = rule(12)
    assert chosen is not None
    assert (chosen[0], chosen[-1], len(chosen)) == (0, 11, 5)
    assert rule(4) is None


def test_a_folder_of_another_suite_is_refused(tmp_path: Path) -> None:
    from focaldepth.report.suite import begin_suite, check_suite_folder

    check_suite_folder(tmp_path / "new", "classical")
    begin_suite(tmp_path / "old", "networks", {})
    check_suite_folder(tmp_path / "old", "networks")
    with pytest.raises(SettingError, match="results of the suite 'networks', not of 'classical'"):
        check_suite_folder(tmp_path / "old", "classical")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"")
    with pytest.raises(SettingError, match="no folder of a suite"):
        check_suite_folder(tmp_path / "pictures", "classical")
    with pytest.raises(SettingError, match="is a file"):
        check_suite_folder(tmp_path / "pictures" / "a.png", "classical")
