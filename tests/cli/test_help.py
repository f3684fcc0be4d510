"""Help: every command explains itself, and the options are the fields of the settings."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click
import pytest

from focaldepth.cli._app import COMMANDS, app
from focaldepth.core.settings import facts
from focaldepth.estimate import EstimateSettings

DOCS = Path(__file__).parents[2] / "docs"


def command_of(name: str) -> click.Command:
    found = app.get_command(click.Context(app), name)
    assert found is not None
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command(cli, name: str) -> None:
    """Help goes to stdout, ends well and shows every option with a help text."""
    out = cli(name, "--help")
    assert (out.code, out.err) == (0, "")
    assert out.out.startswith(f"Usage: focaldepth {name}")
    options = [p for p in command_of(name).params if isinstance(p, click.Option)]
    assert all(p.help for p in options)
    assert all(max(p.opts, key=len) in out.out for p in options)


@pytest.mark.parametrize("name", COMMANDS)
def test_table_line_is_the_short_help(name: str) -> None:
    """The line in ``focaldepth --help`` is the one that the command gives itself."""
    assert command_of(name).get_short_help_str(limit=200) == COMMANDS[name]


def test_every_setting_is_an_option() -> None:
    """Name, default, choices and help come from the field, so they cannot disagree."""
    options = {p.name: p for p in command_of("estimate").params}
    for fact in facts(EstimateSettings):
        option = options[fact.name]
        assert option.default == fact.default
        assert option.help.lower().startswith(fact.help.lower())
        if fact.choices:
            assert tuple(option.type.choices) == fact.choices


@pytest.mark.parametrize("name", ["fuse", "align", "demo"])
def test_shared_options_are_the_same(name: str) -> None:
    """One name means one thing in every command."""
    main = {p.name: p for p in command_of("estimate").params}
    for option in command_of(name).params:
        if option.name in main and option.name not in ("output", "inputs"):
            assert option.opts == main[option.name].opts
            assert option.default == main[option.name].default


def test_docs_pages_are_current() -> None:
    """docs/cli.md, datasets.md, metrics.md, published.md and the table of networks.md are as _generate.py writes."""
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "_generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (DOCS / "cli.md").read_text(encoding="utf-8") == module.page(), "run python docs/_generate.py"
    assert (DOCS / "networks.md").read_text(encoding="utf-8") == module.networks_page(), "run python docs/_generate.py"
    assert (DOCS / "datasets.md").read_text(encoding="utf-8") == module.datasets_page(), "run python docs/_generate.py"
    assert (DOCS / "metrics.md").read_text(encoding="utf-8") == module.metrics_page(), "run python docs/_generate.py"
    assert (DOCS / "published.md").read_text(encoding="utf-8") == module.published_page(), "run docs/_generate.py"


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (("estimat",), "Did you mean 'estimate'?"),
        (("estimate", "x", "-o", "y", "--foccus", "1"), "--focus"),
        (("zzzz",), "Commands: estimate"),
        (("estimate", "x"), "--output"),
        (("estimate", "-o", "y"), "IN..."),
        (("estimate", "x", "-o", "y", "--area", "half"), "'mask', 'crop'"),
        (("estimate", "x", "-o", "y", "--max-memory", "lots"), "Write for example 2GiB"),
        (("estimate", "x", "-o", "y", "--threads", "0"), "x>=1"),
        (("estimate", "x", "-o", "y", "--set", "key"), "not key=value"),
        (("estimate", "x", "-o", "y", "--transforms", "nowhere.json"), "does not exist"),
    ],
)
def test_usage_errors(cli, args: tuple[str, ...], hint: str) -> None:
    """A wrong command, option or value exits with 2 and says what would be right; stdout stays empty."""
    out = cli(*args)
    assert (out.code, out.out) == (2, "")
    assert hint in out.err


def test_nothing_given_shows_help(cli) -> None:
    """The bare command explains itself."""
    out = cli()
    assert out.code == 2
    assert "estimate" in out.err + out.out
