"""``focaldepth simulate``: a focal stack, with the faults of a camera, out of a picture and its depth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from focaldepth import __version__
from focaldepth.cli import _options, _show, _summary, _work
from focaldepth.cli._json import print_json
from focaldepth.cli._optics import parse_optics
from focaldepth.cli._session import current
from focaldepth.cli._types import mapping, pair, words
from focaldepth.core.alignment import Alignment
from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.errors import AxisError, UnknownNameError
from focaldepth.core.optics import Optics
from focaldepth.core.progress import Run
from focaldepth.core.result import DepthMap
from focaldepth.core.sample import Sample
from focaldepth.core.stack import FocalStack, Transfer
from focaldepth.optics.faults import geometry, tone
from focaldepth.optics.faults._apply import Camera, Fault, Geometric, Matrices, apply
from focaldepth.optics.faults.geometry import MOTORS, Motor

TRANSFORMS = "transforms.json"
_FRAMES = 10
_SENSOR_M = 36e-3
_FAR_M = 300.0
_IDEAL = "slr"
_FAULTS: dict[str, Fault] = {
    "breathing": geometry.Breathing(),
    "drift": geometry.PrincipalShift(),
    "shake": geometry.HandShake(),
    "flicker": tone.Flicker(),
    "vignetting": tone.Vignetting(),
    "noise": tone.SensorNoise(),
    "jpeg": tone.Jpeg(),
}


@click.command("simulate", short_help="A focal stack, with camera faults, out of a picture and its depth.")
@click.argument("scene", metavar="IN")
@_options.output("FOLDER", "Folder for the frames, focus.csv, truth.tiff, the sharp picture and transforms.json.")
@click.option("--depth", type=click.Path(), help="Depth map of a picture: npy, pfm, tif, exr in metres or 16-bit png.")
@click.option(
    "--depth-scale", type=float, metavar="METRES", help="Metres per value of it.  [default: 1, or 0.001 of png]"
)
@click.option(
    "--index", type=click.IntRange(min=0), default=0, show_default=True, help="Scene of NYUv2, or of two folders."
)
@click.option("--focus", metavar="NUMBERS", help="Focus distances in metres.  [default: 10, even in dioptres]")
@click.option(
    "--camera",
    type=click.Choice([_IDEAL, *MOTORS]),
    default=_IDEAL,
    show_default=True,
    help="Lens and sensor: 50 mm f/2.8 on 36 mm, or a phone; a phone brings the errors of its focus motor.",
)
@click.option(
    "--calibration",
    type=click.Path(exists=True),
    metavar="FILE",
    help="calibration.json of `focaldepth calibrate stack`: your own camera in place of --camera.",
)
@click.option(
    "--optics", type=pair, metavar="KEY=VALUE", multiple=True, help="Fact that goes before the camera's: f_number=1.8."
)
@click.option(
    "--renderer",
    type=click.Choice(["layered", "per-pixel-disc", "gaussian", "disparity-blur"]),
    default="layered",
    show_default=True,
    help="How defocus is rendered.",
)
@click.option(
    "--faults", type=words, default="", metavar="NAMES", help=f"Faults, joined by commas: {', '.join(_FAULTS)}."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of all that is random.")
@_options.OVERWRITE
@_options.THREADS
@_options.printing
def command(scene: str, output: str, **options: Any) -> None:
    """Render a focal stack from a picture with depth, and put the faults of a camera on it.

    IN is a folder with a picture and its depth or with a folder of pictures and one of depth maps, a picture (with
    --depth), a Middlebury 2014 scene, NYUv2's .mat, or a rendered stack as .npz. The true transforms are written as
    transforms.json, so that an alignment can be judged.
    """
    from focaldepth.io._atomic import check_target
    from focaldepth.io.rgbd import load_rgbd
    from focaldepth.io.stack_folder import RECORD, write_stack
    from focaldepth.io.transforms import TransformFile, write_transforms

    out = Path(output)
    check_target(out, options["overwrite"], inputs=(scene,), record=RECORD)
    motor, measured = chosen_motor(options["camera"], options["calibration"])
    faults = chosen_faults(options["faults"], options["camera"], motor)
    held = load_rgbd(scene, options["depth"], depth_scale_m=options["depth_scale"], index=options["index"])
    optics = camera_optics(motor, held.picture.shape[1], parse_optics(mapping(options["optics"], "--optics")))
    axis = focus_of(options["focus"], held.depth_m, optics)
    if np.nanmedian(held.depth_m) > _FAR_M and not options["quiet"]:
        far = f"half of the scene lies beyond {np.nanmedian(held.depth_m):.0f} m"
        _show.warn([f"{far}; if its depth is in millimetres, give --depth-scale 0.001."])
    beyond = [f for f in axis.values if not measured[0] * (1 - 1e-6) <= f <= measured[1] * (1 + 1e-6)]
    if beyond and not options["quiet"]:
        told = f"{len(beyond)} focus distances lie outside {measured[0]:.4g} to {measured[1]:.4g} m"
        _show.warn([f"{told}, where the calibration measured the camera; its line is drawn on."])
    with _work.running({**options, "max_memory": None}) as run:
        made = render(held.picture, held.depth_m, axis, optics, options["renderer"], faults, options["seed"], run)
        names = tuple(f"frame_{i:02d}.png" for i in range(len(axis)))
        true = TransformFile.of_alignment(alignment_of(made, names), made.sample.stack.shape[:2])
        facts = {
            "camera": options["calibration"] or options["camera"],
            "renderer": options["renderer"],
            "faults": [repr(f) for f in faults],
        }
        files = write_stack(
            out,
            made.sample,
            {**facts, "seed": options["seed"], "name": held.name},
            overwrite=options["overwrite"],
            inputs=held.files,
            beside={TRANSFORMS: lambda path: write_transforms(path, true)},
            run=run,
        )
        current().written = str(out)
    stack = made.sample.stack
    if not options["quiet"]:
        h, w, _ = stack.shape
        _show.fact("simulated", f"{len(stack)} frames of {w} x {h} px, {_summary.axis_text(stack.axis, 'metres')}")
        _show.fact("optics", _show.optics_text(stack.optics))
        _show.written([str(out / n) for n in files[-4:]])
    if options["as_json"]:
        print_json(
            {
                "command": "simulate",
                "version": __version__,
                "output": str(out),
                "files": [str(out / n) for n in files],
                "input": _summary.stack_facts(stack),
            }
        )


@dataclass(frozen=True, eq=False)
class Simulated:
    """A rendered stack, and where its frames truly lie."""

    sample: Sample
    transforms: Matrices
    reference: int


def render(
    picture: np.ndarray,
    depth_m: np.ndarray,
    axis: FocusAxis,
    optics: Optics,
    renderer: str,
    faults: list[Fault],
    seed: int,
    run: Run,
) -> Simulated:
    """Blur, then put on the faults; the truth stays that of the reference frame, NaN where depth was unknown."""
    from focaldepth.optics.refocus._views import linear_light
    from focaldepth.optics.render._renderer import RENDERERS, blur_scale, fill_unknown, nearness_of
    from focaldepth.scenes.world import encode

    focus, scale = blur_scale(axis, optics)
    nearness = nearness_of(fill_unknown(depth_m))
    frames = RENDERERS.get(renderer)(linear_light(picture), nearness, focus, scale, run)
    moves = any(isinstance(f, Geometric) for f in faults)
    reference = len(axis) // 2
    focal_m = optics.need("focal_length_m", "simulating")
    camera = Camera(
        tuple(axis.to(Unit.METRE).values.tolist()), focal_m, (picture.shape[0], picture.shape[1]), reference
    )
    coded = [f for f in faults if isinstance(f, tone.Jpeg)]
    made, transforms = apply(frames, camera, [f for f in faults if f not in coded], seed)
    final = encode(made)
    if coded:
        shares = (final / np.float32(255)).astype(np.float32)
        final = np.rint(coded[0].change(shares, camera, np.random.default_rng(seed)) * 255).astype(np.uint8)
    stack = FocalStack.from_arrays(final, axis, optics=optics, transfer=Transfer.SRGB, name="simulated")
    truth = DepthMap(depth_m, Unit.METRE, np.isfinite(depth_m))
    sharp = np.rint(picture * 255).astype(np.uint8)
    return Simulated(Sample(stack, truth, sharp, reference if moves else None, "simulated"), transforms, reference)


def alignment_of(made: Simulated, names: tuple[str, ...]) -> Alignment:
    """Return the true transforms as an alignment."""
    n = len(names)
    return Alignment(
        made.transforms,
        made.reference,
        np.ones(n, bool),
        ("",) * n,
        "simulated",
        np.full(n, np.nan),
        size=made.sample.stack.shape[:2],
        frame_names=names,
    )


def chosen_motor(camera: str, calibration: str | None) -> tuple[Motor | None, tuple[float, float]]:
    """Return the focus motor, and between which focus distances it was measured; no motor for an ideal camera."""
    anywhere = (0.0, float("inf"))
    if calibration is None:
        return MOTORS.get(camera), anywhere
    if camera != _IDEAL:
        raise click.UsageError(f"--calibration brings a camera of its own; leave --camera {camera} away.")
    from focaldepth.io.calibration import read_calibration

    facts, measured = read_calibration(calibration)
    return Motor(**facts), measured


def chosen_faults(names: tuple[str, ...], camera: str, motor: Motor | None) -> list[Fault]:
    """Return faults by name; a focus motor goes first, and breathes by itself."""
    unknown = next((n for n in names if n not in _FAULTS), None)
    if unknown is not None:
        raise UnknownNameError("fault", unknown, _FAULTS, where="--faults")
    first: list[Fault] = [] if motor is None else [geometry.FocusMotor(camera) if camera in MOTORS else motor]
    return first + [_FAULTS[n] for n in names if not (first and n == "breathing")]


def camera_optics(motor: Motor | None, width: int, given: Optics | None) -> Optics:
    """Return lens facts of a camera for pictures of some width; given ones go before."""
    if motor is None:
        facts: dict[str, float | None] = {"focal_length_m": 0.05, "f_number": 2.8, "pixel_pitch_m": _SENSOR_M / width}
    else:
        pitch = None if motor.pixel_pitch_m is None else motor.pixel_pitch_m * motor.sensor_px / width
        facts = {"focal_length_m": motor.focal_length_m, "f_number": motor.f_number, "pixel_pitch_m": pitch}
    return (given or Optics()).with_facts("camera", **facts)


def focus_of(text: str | None, depth_m: np.ndarray, optics: Optics) -> FocusAxis:
    """Read focus distances; without any, even steps in dioptres over the depth of the scene, near to far."""
    if text is None:
        low, high = (float(v) for v in np.nanpercentile(depth_m, (1, 99)))
        focal_m = optics.need("focal_length_m", "simulating")
        if low <= focal_m:
            raise AxisError(
                f"the scene begins at {low * 1e3:.4g} mm, inside the focal length {focal_m * 1e3:.4g} mm.",
                where="depth",
                hint="Give the unit of the depth (--depth-scale), focus distances (--focus), or a shorter lens "
                "(--camera, --optics focal_length=5mm).",
            )
        return FocusAxis(1 / np.linspace(1 / low, 1 / max(high, low * 1.01), _FRAMES), Unit.METRE)
    from focaldepth.io._focus import from_argument, locate_container

    given = from_argument(text)
    found = locate_container(len(given.values), given, given.unit or "m", ()) if given is not None else None
    if found is None or found.values is None:
        raise UnknownNameError("focus", text, ["0.3,0.5,1", "0.3:5:10"], where="--focus")
    return FocusAxis(FocusAxis(found.values, found.unit).to(Unit.METRE).values, Unit.METRE)
