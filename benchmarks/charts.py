"""The charts of a run, as SVG beside its results: python -m benchmarks.charts FOLDER

In a process of its own: pygal puts a finder of its plugins into Python's imports, which Python 3.11 warns of.
"""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pygal
from pygal.style import Style

from benchmarks.harness import Curve, Figure, curve_of, figure_of

HEADLINE = "headline"
LOOKS = Style(
    background="#fbf9f4",
    plot_background="#fbf9f4",
    foreground="#3b3833",
    foreground_strong="#1c1a17",
    foreground_subtle="#8d877c",
    colors=("#7a2b1d", "#1d6b45", "#2d5d8a", "#a8741a", "#6b4a8a"),
    font_family="sans-serif",
    label_font_size=13,
    major_label_font_size=13,
    legend_font_size=14,
    title_font_size=18,
    value_font_size=12,
)
# Nothing is fetched by whoever looks at a chart.
COMMON = {"style": LOOKS, "js": (), "width": 800, "height": 420, "disable_xml_declaration": True}


def draw(out: Path) -> None:
    """One chart for each named by the curves, and one of the ratios that have bounds."""
    rows = json.loads((out / "results.json").read_text())["rows"]
    curves = [curve_of(each) for row in rows for each in row["curves"]]
    figures = [figure_of(each) for row in rows for each in row["figures"]]
    for name in sorted({curve.chart for curve in curves}):
        _growth(name, [curve for curve in curves if curve.chart == name], out)
    if bound := [figure for figure in figures if figure.met is not None]:
        _headline(bound, out)


def _growth(name: str, curves: Sequence[Curve], out: Path) -> None:
    chart = pygal.XY(
        title=name,
        x_title=curves[0].x,
        y_title=curves[0].y,
        range=(0, max(y for curve in curves for _, y in curve.points) * 1.1),
        x_value_formatter=lambda x: f"{x:,.0f}",
        value_formatter=lambda y: f"{y:,.4g}",
        legend_at_bottom=True,
        **COMMON,
    )
    for curve in curves:
        chart.add(curve.line, list(curve.points))
    _write(chart, out / f"{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}.svg")


def _headline(figures: Sequence[Figure], out: Path) -> None:
    """How far each figure is from its bound: 1 is the bound, more is better."""
    chart = pygal.HorizontalBar(
        title="Measured against the bound that was set (1 is the bound)",
        show_legend=False,
        value_formatter=lambda x: f"{x:.2g}",
        print_values=True,
        **{**COMMON, "height": 120 + 28 * len(figures)},
    )
    chart.x_labels = [figure.measured.name for figure in reversed(figures)]
    chart.add("", [_of_bound(figure) for figure in reversed(figures)])
    _write(chart, out / f"{HEADLINE}.svg")


def _of_bound(figure: Figure) -> float:
    assert figure.wanted is not None
    assert figure.ratio is not None
    if figure.wanted.least:
        return figure.ratio / figure.wanted.ratio
    return figure.wanted.ratio / figure.ratio if figure.ratio else 0.0


def _write(chart: pygal.graph.graph.Graph, path: Path) -> None:
    path.write_text(chart.render(is_unicode=True) + "\n")


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
