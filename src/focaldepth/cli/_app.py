"""The command ``focaldepth`` itself: a table of sub-commands, each imported only when it is used."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from keyword import iskeyword

import click

from focaldepth._version import __version__
from focaldepth.cli._allocator import keep_freed_memory
from focaldepth.cli._session import debug_option

SECTIONS: dict[str, dict[str, str]] = {
    "Pictures in, depth out": {
        "estimate": "Depth, error bar and all-in-focus picture of a focal stack.",
        "fuse": "Only the all-in-focus picture.",
        "align": "Frames brought into one geometry, for other tools.",
        "rerun": "Repeat a run from its result folder.",
        "demo": "Run the bundled stack and compare with its ground truth.",
    },
    "Networks": {
        "import": "Turn a checkpoint of the authors' code into weights.",
        "weights": "The weights that are there, or the card of one.",
        "export": "A network and its weights as an ONNX file.",
        "train": "A network by the recipe of a paper.",
    },
    "Against the truth": {
        "evaluate": "Errors of a method on stacks with truth, by a protocol.",
        "benchmark": "Methods over data sets, beside the published numbers.",
    },
    "Data": {
        "data": "Data sets: what is known of them, checks, preparation, miniatures.",
        "refocus": "A focal stack out of a light field.",
        "scenes": "Rendered scenes with exact depth, as a data set.",
        "simulate": "A focal stack, with camera faults, out of a picture and its depth.",
        "calibrate": "A camera's focus errors from stacks of dots; depth of a rig.",
    },
    "Facts": {
        "methods": "The methods, or all about one of them.",
        "cite": "What to cite when using a method.",
        "doctor": "Check the installation: libraries, codecs, memory, disk.",
    },
}
"""Heading -> command -> its one line; a test compares the lines with the commands."""

COMMANDS = {name: line for section in SECTIONS.values() for name, line in section.items()}

EPILOG = """\b
Begin with:   focaldepth demo
              focaldepth estimate PICTURES/ -o RESULT
Completion:   eval "$(_FOCALDEPTH_COMPLETE=bash_source focaldepth)"   in ~/.bashrc
              (zsh: zsh_source in ~/.zshrc; fish: fish_source | source)
Exit codes:   0 good, 1 failed, 2 wrong input or usage, 130 interrupted
"""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports ``focaldepth.cli.<name>`` on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        if cmd_name not in SECTIONS["Facts"]:
            # Before any library starts threads, which would get heaps of their own.
            keep_freed_memory()
        module = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command: click.Command = import_module(f"focaldepth.cli.{module}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest command for an unknown one."""
        name = args[0]
        if name in COMMANDS or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        near = get_close_matches(name, COMMANDS, n=1, cutoff=0.4)
        hint = f"Did you mean {near[0]!r}?" if near else f"Commands: {', '.join(COMMANDS)}."
        raise click.UsageError(f"No such command {name!r}. {hint}", ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table without importing any command."""
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()), col_max=12)


@click.group("focaldepth", cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", message="focaldepth %(version)s")
@debug_option
def app() -> None:
    """Depth from focus.

    A focal stack in; depth in real units, a per-pixel error bar and an all-in-focus picture out.
    """
