"""Lists of metrics and protocols for ``focaldepth methods``."""

from __future__ import annotations

from typing import Any

import click

from focaldepth.benchmark._protocol import PROTOCOLS
from focaldepth.cli._json import print_json
from focaldepth.cli._listing import print_facts, print_settings, print_table, setting_facts
from focaldepth.metrics._metric import METRICS, metric


def list_metrics(name: str | None, as_json: bool) -> None:
    """Print all metrics, or all about one; a variant is NAME.VARIANT."""
    names = [name] if name else METRICS.names()
    found = {n: metric_facts(n) for n in names}
    if as_json:
        print_json({"metrics": found})
    elif name:
        one = found[name]
        click.echo(f"{name}: {one['title']}")
        variants = ", ".join(one["variants"])
        print_facts({"definition": one["formula"], "better": one["better"], "in": one["scale"], "variants": variants})
        print_facts({"needs": ", ".join(one["needs"]), "source": one["source"]})
        print_settings(one["settings"], "as in its variants")
    else:
        rows = [(n, f["symbol"], f["better"], f["scale"], f["formula"]) for n, f in found.items()]
        print_table([("metric", "symbol", "better", "in", "definition"), *rows])


def metric_facts(name: str) -> dict[str, Any]:
    """Return all facts of a metric."""
    chosen = metric(name)
    facts = chosen.facts
    return {
        "title": facts.title,
        "symbol": facts.symbol,
        "formula": facts.formula,
        "better": facts.better,
        "scale": facts.scale,
        "needs": list(facts.needs),
        "pools": facts.pools,
        "source": facts.source,
        "variants": {variant: dict(settings) for variant, settings in facts.variants.items()},
        "settings": setting_facts(chosen),
    }


def list_protocols(name: str | None, as_json: bool) -> None:
    """Print all protocols, or all about one."""
    names = [PROTOCOLS.resolve(name)] if name else PROTOCOLS.names()
    found = {n: protocol_facts(n) for n in names}
    if as_json:
        print_json({"protocols": found})
    elif name:
        one = found[names[0]]
        click.echo(f"{names[0]}: {one['title']}")
        print_facts({"data": one["dataset"], "source": one["source"], "metrics": ", ".join(one["metrics"])})
        print_facts(
            {"frames": one["frames"], "errors in": one["errors_in"], "counts": one["counts"], "note": one["note"]}
        )
    else:
        rows = [(n, f["dataset"], f["source"]) for n, f in found.items()]
        print_table([("protocol", "data", "source"), *rows])


def protocol_facts(name: str) -> dict[str, Any]:
    """Return all facts of a protocol, in words where these are shorter."""
    one = PROTOCOLS.get(name)
    rules = one.rules
    limits = [f"truth from {rules.low:g}" if rules.low is not None else ""]
    limits.append(f"to {rules.high:g}" if rules.high is not None else "")
    limits.append("truth within the focus range" if one.in_focus_range else "")
    limits.append(f"estimates clipped to {rules.clip[0]:g} ... {rules.clip[1]:g}" if rules.clip else "")
    unit = "where blur is linear" if one.blur_linear else rules.unit.value if rules.unit else "unit of the truth"
    frames = f"{', '.join(map(str, one.frames))} of {one.of}" if one.frames else "all"
    return {
        "title": one.title,
        "source": one.source,
        "dataset": one.dataset,
        "metrics": [column.heading for column in one.columns],
        "frames": frames,
        "errors_in": unit + ("" if rules.fit == "none" else f", after {rules.fit} fit"),
        "counts": " ".join(filter(None, limits)) or "all known truth",
        "note": one.note,
    }
