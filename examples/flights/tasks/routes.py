"""Ranks routes by how often their flights leave late, fairly to the small ones."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist, fmean

from trc import TaskContext, TaskResult, task


@dataclass(frozen=True)
class Route:
    origin: str
    dest: str
    airport: str
    flights: int
    late: int


@dataclass(frozen=True)
class Prior:
    """A beta distribution: what is expected of a route of which nothing is known."""

    late: float
    punctual: float


@task
def score(context: TaskContext) -> TaskResult:
    """Writes every route with its score, the worst first."""
    routes = read(Path(context.inputs["routes"].path))
    prior = fit_prior(routes)
    z = NormalDist().inv_cdf((1 + context.args["confidence"]) / 2)
    scored = sorted(((*shrink(route, prior, z), route) for route in routes), key=order)
    with Path(context.output.path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["rank", "origin", "dest", "airport", "flights", "late_percent", "score", "low", "high"])
        for rank, (mean, low, high, route) in enumerate(scored, start=1):
            share = route.late / route.flights
            percents = [f"{100 * value:.2f}" for value in (share, mean, low, high)]
            writer.writerow([rank, route.origin, route.dest, route.airport, route.flights, *percents])
    worst = scored[0][-1]
    return TaskResult(
        message=f"worst route: {worst.origin} to {worst.airport}", rows={context.output.name: len(scored)}
    )


def read(path: Path) -> list[Route]:
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Route(row["origin"], row["dest"], row["airport"], int(row["flights"]), int(row["late_flights"]))
            for row in csv.DictReader(file)
        ]


def fit_prior(routes: list[Route]) -> Prior:
    """The beta distribution with the mean and the spread of the routes' own shares (method of moments).

    Only routes with 100 flights and more tell their share well enough to be asked for its spread.
    """
    shares = [route.late / route.flights for route in routes if route.flights >= 100]
    mean = fmean(shares)
    variance = fmean((share - mean) ** 2 for share in shares)
    weight = mean * (1 - mean) / variance - 1
    return Prior(mean * weight, (1 - mean) * weight)


def shrink(route: Route, prior: Prior, z: float) -> tuple[float, float, float]:
    """The expected share of late flights, given prior and route, and the bounds of its interval."""
    late = prior.late + route.late
    total = prior.late + prior.punctual + route.flights
    mean = late / total
    spread = z * (mean * (1 - mean) / (total + 1)) ** 0.5
    return mean, max(mean - spread, 0.0), min(mean + spread, 1.0)


def order(scored: tuple[float, float, float, Route]) -> tuple[float, str, str]:
    mean, _low, _high, route = scored
    return (-mean, route.origin, route.dest)
