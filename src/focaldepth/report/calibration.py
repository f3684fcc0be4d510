"""Files of a calibration: the record that `simulate` reads, a table for people, a figure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from math import isfinite
from os import PathLike
from pathlib import Path
from typing import Any

from focaldepth._version import __version__
from focaldepth.io.calibration import RECORD, SCHEMA
from focaldepth.optics.calibration.dots import Board
from focaldepth.optics.calibration.motor import Calibration, Spread

TABLE, FIGURE = "calibration.txt", "calibration.png"


def record(found: Calibration, board: Board, run: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything of a calibration as plain values; what is not a number is None.

    Args:
        found: the numbers.
        board: the grid of dots.
        run: how it came about: command, inputs.
    """
    content = {
        "schema": SCHEMA,
        "software": f"focaldepth {__version__}",
        "motor": asdict(found.motor),
        "standard_errors": {
            "slope": found.slope_se,
            "intercept": found.intercept_se,
            "right": [found.right.mean_se, found.right.deviation_se],
            "down": [found.down.mean_se, found.down.deviation_se],
        },
        "zoom_scatter": found.zoom_scatter,
        "focus_m": list(found.focus_m),
        "board": asdict(board),
        "by_focus_distance": [asdict(mean) for mean in found.means],
        "stacks": [asdict(stack) for stack in found.stacks],
        "warnings": list(found.warnings),
        **run,
    }
    plain: dict[str, Any] = _plain(content)
    return plain


def ranges(found: Calibration) -> list[tuple[str, str]]:
    """Return the error ranges as label and text, the last one as Python writes a `Motor`."""
    motor = found.motor
    return [
        ("slope", f"{motor.slope:.6g} +- {found.slope_se:.2g} m of 1/F"),
        ("intercept", f"{motor.intercept:.6g} +- {found.intercept_se:.2g}"),
        ("right", _shift(found.right)),
        ("down", _shift(found.down)),
        ("zoom scatter", f"{found.zoom_scatter:.2g} about that line (standard deviation)"),
        ("motor", repr(motor)),
    ]


def _shift(spread: Spread) -> str:
    mean, deviation = (
        f"{spread.mean:.4g} +- {spread.mean_se:.2g}",
        f"{spread.deviation:.4g} +- {spread.deviation_se:.2g}",
    )
    return f"mean {mean}, standard deviation {deviation} px"


def frame_rows(found: Calibration) -> list[tuple[str, ...]]:
    """Return one row of texts per frame with dots, below a row of headings."""
    rows: list[tuple[str, ...]] = []
    rows.append(
        ("stack", "frame", "focus m", "alpha", "se", "beta px", "se", "gamma px", "se", "rms px", "dots", "how")
    )
    for stack in found.stacks:
        for i, frame in enumerate(stack.frames):
            m = frame.motion
            how = "target" if i == stack.target else frame.how
            numbers = (
                ("-",) * 8 if m is None else _numbers((m.alpha, m.alpha_se), (m.beta, m.beta_se), (m.gamma, m.gamma_se))
            )
            tail = () if m is None else (f"{m.rms_px:.3f}", str(m.dots))
            rows.append((stack.name, frame.name, f"{frame.focus_m:.4g}", *numbers, *tail, how))
    return rows


def mean_rows(found: Calibration) -> list[tuple[str, ...]]:
    """Return one row of texts per focus distance, below a row of headings."""
    rows: list[tuple[str, ...]] = []
    rows.append(("focus m", "stacks", "dots", "alpha", "se", "beta px", "se", "gamma px", "se", "between stacks"))
    for m in found.means:
        numbers = _numbers((m.alpha, m.alpha_se), (m.beta, m.beta_se), (m.gamma, m.gamma_se))
        between = f"{m.alpha_spread:.1e}, {m.beta_spread:.3f} px, {m.gamma_spread:.3f} px" if m.stacks > 1 else "-"
        rows.append((f"{m.focus_m:.4g}", str(m.stacks), str(m.dots), *numbers, between))
    return rows


def _numbers(*pairs: tuple[float, float]) -> tuple[str, ...]:
    (alpha, alpha_se), *shifts = pairs
    texts = [f"{alpha:+.6f}", f"{alpha_se:.6f}"]
    for value, error in shifts:
        texts += [f"{value:+.3f}", f"{error:.3f}"]
    return tuple(texts)


def table(found: Calibration, board: Board) -> str:
    """Return the text of calibration.txt."""
    motor, stacks = found.motor, found.stacks
    h, w = stacks[0].size
    head = [
        f"Focus motor of a lens of {motor.focal_length_m * 1e3:g} mm, frames of {w} x {h} px",
        f"{len(stacks)} stacks of {board.rows} x {board.columns} {board.dots} dots ({board.pattern}), "
        f"focus distances {found.focus_m[0]:.4g} to {found.focus_m[1]:.4g} m",
        "",
        "Place of a dot: p = c + z (1 + alpha) (p_target - c) + (beta, gamma), z = s'/s'_target of the thin lens;",
        "px of the frames, right and down.",
        "",
        *aligned(mean_rows(found)),
        "",
        *aligned(frame_rows(found)),
        "",
        f"Error ranges: relative field of view = s'(near)/s' + slope/F + intercept, near F = {motor.nearest_m:.4g} m",
        *(f"{label:<14}{text}" for label, text in ranges(found)),
        "",
        *(f"Note: {sentence}" for sentence in found.warnings),
    ]
    return "\n".join(head).rstrip() + "\n"


def aligned(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Return rows of texts as lines with even columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def save_calibration(
    found: Calibration,
    board: Board,
    out: str | PathLike[str],
    run: Mapping[str, Any],
    *,
    overwrite: bool = False,
    inputs: Sequence[str] = (),
) -> list[str]:
    """Write calibration.json, calibration.txt and calibration.png into a new folder, all or nothing.

    Args:
        found: the numbers.
        board: the grid of dots.
        out: the folder.
        run: see `record`.
        overwrite: replace an earlier calibration.
        inputs: files that were read; a folder that holds one is never replaced.

    Returns:
        Paths of the files.
    """
    from focaldepth.io._atomic import staged_folder
    from focaldepth.io.picture import write_picture
    from focaldepth.io.result_folder import file_facts
    from focaldepth.report._calibration_figure import calibration_figure

    what = {TABLE: "the same as a table", FIGURE: "zoom and shift over focus distance"}
    with staged_folder(out, overwrite, inputs=inputs, record=RECORD) as folder:
        (folder / TABLE).write_text(table(found, board), encoding="utf-8")
        write_picture(folder / FIGURE, calibration_figure(found))
        facts = {name: file_facts(folder / name, text).model_dump() for name, text in what.items()}
        content = record(found, board, run) | {"files": facts}
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        (folder / RECORD).write_text(text + "\n", encoding="utf-8")
    return [str(Path(out) / name) for name in (*what, RECORD)]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value
