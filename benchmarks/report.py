"""The table of a run, on the terminal and as Markdown."""

from collections.abc import Sequence

from rich.table import Table

from benchmarks.harness import Figure, Samples


def table(figures: Sequence[Figure]) -> Table:
    """A line for each figure, with its reference, their ratio, and the bound on it."""
    shown = Table(title="Medians, with half of the spread of the repetitions")
    for heading in ("row", "what", "measured", "reference", "ratio", "wanted", ""):
        shown.add_column(heading, justify="left" if heading in ("row", "what") else "right")
    row = ""
    for figure in figures:
        if figure.row != row and row:
            shown.add_section()
        shown.add_row(
            figure.row if figure.row != row else "",
            figure.measured.name + (f" ({figure.note})" if figure.note else ""),
            f"{amount(figure.measured)} {figure.unit}",
            f"{figure.reference.name}: {amount(figure.reference)}" if figure.reference else "",
            f"{figure.ratio:.2f}x" if figure.ratio is not None else "",
            str(figure.wanted or ""),
            {True: "[green]met", False: "[red]not met", None: ""}[figure.met],
        )
        row = figure.row
    return shown


def markdown(figures: Sequence[Figure], heading: str) -> str:
    """The same table as a page."""
    lines = [
        f"# {heading}",
        "",
        "Medians, with half of the spread of the repetitions. `make bench OUT=docs/performance` writes this page.",
        "",
        "| what | measured | reference | ratio | wanted | |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for figure in figures:
        cells = (
            figure.measured.name + (f" ({figure.note})" if figure.note else ""),
            f"{amount(figure.measured)} {figure.unit}",
            f"{figure.reference.name}: {amount(figure.reference)}" if figure.reference else "",
            f"{figure.ratio:.2f}x" if figure.ratio is not None else "",
            str(figure.wanted or ""),
            {True: "met", False: "**not met**", None: ""}[figure.met],
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def amount(samples: Samples) -> str:
    """The median, with its spread if there were several."""
    value = samples.median
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"
    return f"{text} ±{samples.spread:.0%}" if len(samples.values) > 1 else text
