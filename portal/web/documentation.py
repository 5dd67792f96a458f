"""The pages under docs/, rendered for a strict Content-Security-Policy: no HTML of theirs, no styles.

Only what is listed here is served: the pages, the decision records, the charts, and the programs as
plain text.
"""

import itertools
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from portal.web.compression import compressed

FOLDER = Path(settings.BASE_DIR) / "docs"
# In the order of the index, with what each is for.
PAGES: Mapping[str, str] = {
    "api": "Requests and their answers, from sign-up to a won auction",
    "rules": "What an auction can go by beside the plain rules, with examples",
    "fair-draws": "The program that checks them, and each step of a draw",
    "checkpoints": "The program that checks that nothing was removed, and what witnesses do",
    "auctioneers": "Creating auctions, and the policy of doubling",
    "operators": "Starting, configuring, monitoring and repairing the portal",
    "security": "Limits, sessions, passwords and logs",
    "performance": "What it was measured to carry, beside what, and what bounds it",
    "performance/results": "Every figure of the last run of `make bench`",
    "scaling": "What one machine carries, and the way to several",
    "reliability": "Which faults the portal survives, and the tests of that",
    "contributors": "The parts, how a bid is handled, and where to change what",
}
PROGRAMS = (
    "verify_auction.py",
    "verify_checkpoint.py",
    "examples/bidder.py",
    "examples/follower.mjs",
)
SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Document:
    """A page: its first heading, and its HTML."""

    title: str
    html: str


@require_safe
@compressed
def index(request: HttpRequest) -> HttpResponse:
    """The list of all pages, decision records and programs."""
    pages = [(name, document(name).title, purpose) for name, purpose in PAGES.items()]
    records = [(name, document(name).title) for name in records_of_decisions()]
    context = {"pages": pages, "records": records, "programs": PROGRAMS}
    return render(request, "portal/docs_index.html", context)


@require_safe
@compressed
def page(request: HttpRequest, name: str) -> HttpResponse:
    """A page, a chart, or a program as plain text; 404 for any other name."""
    if name in charts():
        return HttpResponse((FOLDER / name).read_text(), content_type="image/svg+xml")
    if name in PROGRAMS:
        return HttpResponse(program(name), content_type="text/plain; charset=utf-8")
    if name not in PAGES and name not in records_of_decisions():
        raise Http404
    return render(request, "portal/docs_page.html", {"document": document(name)})


@cache
def records_of_decisions() -> Sequence[str]:
    """The names of the decision records, oldest first."""
    return tuple(f"adr/{file.stem}" for file in sorted((FOLDER / "adr").glob("*.md")))


@cache
def charts() -> Sequence[str]:
    """The names of the charts of `make bench`."""
    return tuple(
        f"performance/{file.name}" for file in sorted((FOLDER / "performance").glob("*.svg"))
    )


@cache
def program(name: str) -> str:
    """The text of a program under docs/."""
    return (FOLDER / name).read_text()


@cache
def document(name: str) -> Document:
    """The page of that name, rendered once in each process."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse((FOLDER / f"{name}.md").read_text())
    title = next(tokens[i + 1].content for i, t in enumerate(tokens) if t.type == "heading_open")
    _name_headings(tokens)
    for token in tokens:
        _class_instead_of_style(token)
        for child in token.children or ():
            _lead_to_pages(child, name)
            _show_charts(child, name)
    html = parser.renderer.render(tokens, parser.options, {})
    # A wide table gets a scroll bar of its own, so that the page needs none.
    html = html.replace("<table>", '<div class="wide" tabindex="0"><table>')
    html = html.replace("</table>", "</table></div>").replace("<pre>", '<pre tabindex="0">')
    return Document(title, html)


def _name_headings(tokens: Sequence[Token]) -> None:
    """Give headings the ids that GitHub gives them, so that links to headings work in both places."""
    seen: dict[str, int] = {}
    for opening, content in itertools.pairwise(tokens):
        if opening.type == "heading_open":
            kept = "".join(c for c in content.content.lower() if c.isalnum() or c in " -_")
            slug = SPACES.sub("-", kept.strip())
            number = seen.get(slug, 0)
            seen[slug] = number + 1
            opening.attrSet("id", f"{slug}-{number}" if number else slug)


def _class_instead_of_style(token: Token) -> None:
    """Replace the inline styles that align columns, which the Content-Security-Policy refuses."""
    style = token.attrs.pop("style", None)
    if style == "text-align:right":
        token.attrSet("class", "number")


def _show_charts(token: Token, name: str) -> None:
    """Change the address of a chart to the one under /docs."""
    if token.type == "image":
        target = posixpath.normpath(
            posixpath.join(posixpath.dirname(name), str(token.attrGet("src")))
        )
        token.attrSet("src", f"/docs/{target}")


def _lead_to_pages(token: Token, name: str) -> None:
    """Change a link to a file to its address under /docs; remove a link to a file that is not served."""
    href = token.attrGet("href") if token.type == "link_open" else None
    if not isinstance(href, str) or href.startswith(("#", "http://", "https://", "mailto:")):
        return
    path, _, fragment = href.partition("#")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
    known = target.removesuffix(".md")
    if target == "adr":
        token.attrSet("href", "/docs#decisions")
    elif target in PROGRAMS or known in PAGES or known in records_of_decisions():
        token.attrSet("href", f"/docs/{known}" + (f"#{fragment}" if fragment else ""))
    else:
        del token.attrs["href"]


def pages_there_are(_: HttpRequest) -> dict[str, bool]:
    """Whether GraphiQL is served, for the links in the footer of each page."""
    return {"graphiql": settings.GRAPHIQL}
