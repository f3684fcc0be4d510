"""Write the pages of the documentation that come from the program itself; a test compares them.

Run: python docs/_generate.py
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

import click

from focaldepth.benchmark import _published as published
from focaldepth.cli._app import SECTIONS, app
from focaldepth.core.settings import facts as facts_of
from focaldepth.datasets._dataset import DATASETS, Dataset
from focaldepth.metrics._metric import METRICS
from focaldepth.networks._spec import NETWORKS, FocusForm
from focaldepth.report.suite import published_table

HERE = Path(__file__).parent
HEAD = """<!-- Written by docs/_generate.py from the commands themselves; do not edit. -->

# The command line

`focaldepth COMMAND --help` shows the same. Messages and progress go to stderr; stdout carries only what was asked for:
one JSON object with `--json`, and the texts of `methods`, `cite` and `doctor`.

| exit code | meaning |
|---|---|
| 0 | good |
| 1 | failed: disk full, no permission, alignment impossible, an unexpected error (`--debug` shows its traceback) |
| 2 | wrong input or usage |
| 130 | interrupted by Ctrl-C or SIGTERM; nothing half-written stays |

Completion: put `eval "$(_FOCALDEPTH_COMPLETE=bash_source focaldepth)"` into `~/.bashrc` (zsh: `zsh_source`; fish:
`_FOCALDEPTH_COMPLETE=fish_source focaldepth | source`).
"""

MARKS = "<!-- networks: written by docs/_generate.py -->", "<!-- /networks -->"


METRICS_HEAD = """<!-- Written by docs/_generate.py from the metrics themselves; do not edit. -->

# Metrics

One definition each, `NAME` or `NAME.VARIANT`. e is estimate - truth, t the truth, p the estimate; means and shares are
over the compared pixels: truth known and counted by the protocol, estimate known. Every value exists per image, as the
mean over images (what papers print), and pooled over all pixels unless a rank within the image makes that impossible.

An estimate up to a scale (a Lytro depth, one image, frames without positions) is compared after `scale` (DDFF eq. 6,
k* = sum(p t) / sum(p^2)), `affine` (least squares) or `median` fitting, and the result names the fit.

| name | symbol | definition | better | in | needs | pooled | source |
|---|---|---|---|---|---|---|---|
"""


def metrics_page() -> str:
    """Return docs/metrics.md."""
    lines, variants = [METRICS_HEAD], ["\n## Variants\n\n| name | settings |\n|---|---|\n"]
    for name in METRICS.names():
        facts = METRICS.get(name).facts
        needs, pools = ", ".join(facts.needs), "yes" if facts.pools else "no"
        cells = (f"`{name}`", facts.symbol, facts.formula, facts.better, facts.scale, needs, pools, facts.source)
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |\n")
        for variant, chosen in facts.variants.items():
            text = ", ".join(f"{key} = {value}" for key, value in chosen.items())
            variants.append(f"| `{name}.{variant}` | {text} |\n")
    settings = ["\n## Settings\n\n| metric | setting | default | meaning |\n|---|---|---|---|\n"]
    for name in METRICS.names():
        rows = facts_of(METRICS.get(name))
        settings += [f"| `{name}` | {s.name} | {s.default} | {_cell(s.help)} |\n" for s in rows]
    return "".join([*lines, *variants, *settings])


DATASETS_HEAD = """<!-- Written by docs/_generate.py from the data sets themselves; do not edit. -->

# Data sets

Nothing is downloaded: get a data set from its page, then `focaldepth data check NAME --root DIR` says whether all is
there. `focaldepth data fake NAME --root DIR` writes a miniature with the same files, names, keys and types.

| name | what | frames | truth in | splits |
|---|---|---|---|---|
"""


def datasets_page() -> str:
    """Return docs/datasets.md."""
    lines, parts = [DATASETS_HEAD], []
    for name in DATASETS.names():
        cls = DATASETS.get(name)
        spec = cls.spec
        unit, splits = spec.unit.value if spec.unit else "-", ", ".join(spec.splits) or "-"
        cells = (f"[`{name}`](#{name})", spec.title, spec.frames, unit, splits)
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |\n")
        parts.append(_dataset_section(name, cls))
    return "".join([*lines, *parts])


def _dataset_section(name: str, cls: type[Dataset]) -> str:
    spec = cls.spec
    facts = {
        "Got from": spec.address,
        "Licence": spec.licence,
        "Cite": spec.citation.text if spec.citation else "",
        "Focus": spec.focus,
        "Splits": spec.split_rule,
        "Protocols": ", ".join(f"`{p}`" for p in spec.protocols),
    }
    rows = [f"- {key}: {text}\n" for key, text in facts.items() if text]
    disk = ["\nOn disk:\n\n```\n", *(f"{line}\n" for line in spec.layout), "```\n"] if spec.layout else []
    notes = ["\nBeware:\n\n", *(f"- {_cell(note)}\n" for note in spec.notes)] if spec.notes else []
    known = facts_of(cls)
    table = ["\n| setting | default | allowed | meaning |\n|---|---|---|---|\n"] if known else []
    table += [f"| `{s.name}` | {s.default} | {_cell(s.allowed)} | {_cell(s.help)} |\n" for s in known]
    return "".join([f"\n## {name}\n\n{spec.title}. {spec.summary}\n\n", *rows, *disk, *notes, *table])


def page() -> str:
    """Return docs/cli.md."""
    parts = [HEAD]
    root = click.Context(app, info_name="focaldepth", **app.context_settings)
    for title, commands in SECTIONS.items():
        parts.append(f"## {title}\n")
        for name in commands:
            command = app.get_command(root, name)
            assert command is not None
            ctx = click.Context(command, parent=root, info_name=name)
            parts.append(_section(command, ctx))
            inner = command.commands if isinstance(command, click.Group) else {}
            parts += [_section(one, click.Context(one, parent=ctx, info_name=n)) for n, one in inner.items()]
    return "\n".join(parts)


def _section(command: click.Command, ctx: click.Context) -> str:
    usage = command.get_usage(ctx).removeprefix("Usage: ")
    text = inspect.cleandoc(command.help or "")
    options = [p for p in command.get_params(ctx) if isinstance(p, click.Option)]
    rows = [record for option in options if (record := option.get_help_record(ctx))]
    lines = [f"### {ctx.command_path}\n", f"```\n{usage}\n```\n", f"{text}\n", "| option | meaning |", "|---|---|"]
    lines += [f"| `{_cell(option)}` | {_cell(meaning)} |" for option, meaning in rows]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def networks_page() -> str:
    """Return docs/networks.md with its table of networks made anew."""
    text = (HERE / "networks.md").read_text(encoding="utf-8")
    head, rest = text.split(MARKS[0])
    return "\n".join((head + MARKS[0], *_networks(), MARKS[1])) + rest.split(MARKS[1])[1]


def _networks() -> list[str]:
    """One row per network."""
    lines = ["| network | what | N | sides | positions | depth in | gives | checkpoints of |", "|" + "---|" * 8]
    for name in NETWORKS.names():
        spec = NETWORKS.get(name)
        limits, told = spec.default.limits, spec.convention
        frames = f"{len(spec.views)} views" if spec.views else "any" if limits.min_frames < 2 else "2 or more"
        frames = frames if spec.views or not limits.fixed_frames else "fixed by the weights"
        focus = "unused" if told.focus is FocusForm.UNUSED else str(told.focus)
        cells = (
            f"`{name}`", spec.title, frames, f"x {limits.stride}", focus, str(told.unit),
            ", ".join(spec.gives).replace("_", " "), spec.official,
        )  # fmt: skip
        lines.append("| " + " | ".join(map(_cell, cells)) + " |")
    return lines


PUBLISHED_HEAD = """<!-- Written by docs/_generate.py from the tables in the package; do not edit. -->

# Published numbers

As printed. Marks in brackets are footnotes, below; a number in round brackets takes no part in rankings.
`focaldepth.benchmark._published.cell(table, row, column)` gives one of them.

"""


def published_page() -> str:
    """Return docs/published.md."""
    parts = [PUBLISHED_HEAD]
    for name in published.tables():
        table = published.table(name)
        facts = [f"{k} {v}" for k, v in table.facts.items() if k not in ("paper", "table", "ids", "reading")]
        whole = [n.mark for n in table.footnotes if n.scope == "table"]
        marks = f" Footnotes {', '.join(whole)}." if whole else ""
        said = f"{'; '.join(facts).replace('_', ' ')}.{marks}"
        parts.append(f"## `{name}`: {table.title}\n\n{said}\n\n{published_table(name)[0].markdown()}\n\n")
    notes = {n.mark: n.text for name in published.tables() for n in published.table(name).footnotes}
    order = sorted(notes, key=lambda mark: (not mark.isdigit(), int(mark) if mark.isdigit() else 0, mark))
    parts.append("## Footnotes\n\n" + "".join(f"- **{mark}** {_cell(notes[mark])}\n" for mark in order))
    parts.append("\n## Sources\n\n" + "".join(f"- {key}: {text}\n" for key, text in published.sources().items()))
    return "".join(parts)


def main() -> int:
    """Write the pages."""
    (HERE / "cli.md").write_text(page(), encoding="utf-8")
    (HERE / "networks.md").write_text(networks_page(), encoding="utf-8")
    (HERE / "datasets.md").write_text(datasets_page(), encoding="utf-8")
    (HERE / "metrics.md").write_text(metrics_page(), encoding="utf-8")
    (HERE / "published.md").write_text(published_page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
