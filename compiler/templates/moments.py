"""A run's logical time: the only clock that templates read."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo


def zone_named(name: str) -> tzinfo:
    """The time zone of that name; UTC where there is none, which another check reports."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - loaded where a zone is named

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        return UTC


def logical_time(at: str | None, now: datetime, zone: tzinfo) -> datetime:
    """What was asked for, else the present, to the second; a time without a zone is one of `zone`. Raises ValueError."""
    if at is None:
        return now.replace(microsecond=0)
    moment = datetime.fromisoformat(at)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def end_of_day(moment: datetime, zone: tzinfo) -> float:
    """When the day of a moment ends in a zone, in seconds since the epoch."""
    tomorrow = moment.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone).timestamp()
