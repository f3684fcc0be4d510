"""``focaldepth cite``: what to cite."""

from __future__ import annotations

import click

from focaldepth.cli._json import print_json
from focaldepth.cli._session import debug_option
from focaldepth.core.method import Citation
from focaldepth.estimate import METHODS


@click.command("cite", short_help="What to cite when using a method.")
@click.argument("method")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@debug_option
def command(method: str, as_json: bool) -> None:
    """Print what to cite when using METHOD: the text, and BibTeX to copy."""
    name = METHODS.resolve(method)
    citations = METHODS.get(name).spec.citations
    if as_json:
        print_json({"method": name, "citations": [{**vars(c), "bibtex": bibtex(c)} for c in citations]})
        return
    if not citations:
        click.echo(f"{name} comes from no paper; cite focaldepth itself.")
    for i, citation in enumerate(citations):
        click.echo(("\n" if i else "") + citation.text)
        if citation.url:
            click.echo(citation.url)
        click.echo("\n" + bibtex(citation))


def bibtex(citation: Citation) -> str:
    """Return the BibTeX entry; a plain one where the method brings none.

    >>> print(bibtex(Citation("a2020", "A. Author. A title. 2020.", "https://x.org")))
    @misc{a2020,
      note = {A. Author. A title. 2020.},
      url = {https://x.org}
    }
    """
    if citation.bibtex:
        return citation.bibtex.strip()
    entries = [f"  note = {{{citation.text}}}"] + [f"  url = {{{citation.url}}}"] * bool(citation.url)
    return f"@misc{{{citation.key},\n" + ",\n".join(entries) + "\n}"
