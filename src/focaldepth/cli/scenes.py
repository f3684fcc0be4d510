"""``focaldepth scenes``: rendered scenes with exact depth, as a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from focaldepth import __version__
from focaldepth.cli import _options, _show, _work
from focaldepth.cli._json import print_json
from focaldepth.cli._session import current
from focaldepth.core.errors import SettingError
from focaldepth.scenes.world import SceneSettings

PREVIEW = "preview.png"


@click.command("scenes", short_help="Rendered scenes with exact depth, as a data set.")
@_options.output("FOLDER", "Folder of the data set; one that was begun with the same settings is gone on with.")
@click.option("-n", "--count", type=click.IntRange(min=1), default=100, show_default=True, help="Number of scenes.")
@_options.settings(SceneSettings)
@click.option(
    "--format",
    type=click.Choice(["fod500", "hdf5"]),
    default="fod500",
    show_default=True,
    help="Files of FoD500 (TIFF frames, EXR depth), or HDF5 with one group per scene.",
)
@click.option("--shard", type=click.IntRange(min=1), default=100, show_default=True, help="Scenes per folder or file.")
@click.option(
    "--photographs",
    type=click.Path(exists=True, file_okay=False),
    help="Folder of pictures for textures, searched with its sub-folders.  [default: procedural textures]",
)
@click.option(
    "--device",
    default="cpu",
    show_default=True,
    help="What samples the lens: cpu, in as many processes as threads, or a GPU such as cuda (extra networks).",
)
@click.option("--preview", is_flag=True, help="Write preview.png too: a contact sheet of the first scenes.")
@_options.THREADS
@_options.printing
def command(output: str, **options: Any) -> None:
    """Render random scenes through a lens: focal stacks of 8 bits with exact depth in metres and the sharp picture.

    Frames are averages of views from many points of the aperture. Every scene is drawn from its number and --seed.
    A run that was stopped goes on where it was; complete shards are never touched.
    """
    from focaldepth.scenes.write import Job, write_scenes

    names = ("height", "width", "frames", "scale", "samples", "blur", "aperture", "seed")
    settings = SceneSettings(**{name: options[name] for name in names})
    photographs = str(Path(options["photographs"]).resolve()) if options["photographs"] else ""
    out = Path(output)
    if out.exists() and not out.is_dir():
        raise SettingError("is a file, not a folder.", where=out, hint="Give the name of a folder.")
    job = Job(settings, options["count"], options["format"], options["shard"], photographs, options["device"])
    with _work.running({**options, "max_memory": None}) as run:
        made = write_scenes(out, job, run)
        files = [str(out / name) for name in made]
        if options["preview"]:
            files.append(str(_preview(out, job)))
        current().written = str(out)
    whole = [name for name, _ in job.shards()]
    if not options["quiet"]:
        _show.fact("scenes", f"{job.count} in {len(whole)} shards; {len(made)} made now")
        _show.written(files if len(files) <= 6 else [*files[:2], f"... {len(files) - 4} more", *files[-2:]])
    if options["as_json"]:
        print_json({"command": "scenes", "version": __version__, "output": str(out), "files": files, "shards": whole})


def _preview(out: Path, job: Any) -> Path:
    from focaldepth.io._atomic import staged_file
    from focaldepth.io.picture import write_picture
    from focaldepth.scenes.preview import contact_sheet
    from focaldepth.scenes.textures import Photographs
    from focaldepth.scenes.world import make_world

    photographs = Photographs.of(job.photographs) if job.photographs else None
    samples = [make_world(job.settings, n, photographs).sample(job.device) for n in range(min(job.count, 16))]
    with staged_file(out / PREVIEW, overwrite=True) as part:
        write_picture(part, contact_sheet(samples))
    return out / PREVIEW
