"""Validated values of the IR: durations, sizes, cpus, Python versions and cron expressions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema


class _Value:
    """A value that reads from and prints as one string, so that equal values print alike."""

    json_schema: ClassVar[dict[str, Any]]
    """How it prints."""
    written_schema: ClassVar[dict[str, Any]]
    """How authors may write it."""

    @classmethod
    def parse(cls, raw: object) -> Self:
        """The value that `raw` spells; raises ValueError in the reader's words."""
        raise NotImplementedError(cls)  # pragma: no cover - every subclass has its own

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda raw: raw if isinstance(raw, cls) else cls.parse(raw),
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return dict(cls.json_schema if handler.mode == "serialization" else cls.written_schema)


_DURATION_UNITS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_LONGEST_DURATION: Final = 3660 * _DURATION_UNITS["d"]


@dataclass(frozen=True, slots=True, order=True)
class Duration(_Value):
    """A length of time in whole milliseconds; reads `90s`, `1h30m`, or a number of seconds."""

    milliseconds: int

    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "pattern": r"^(\d+(ms|s|m|h|d))+$"}
    written_schema: ClassVar[dict[str, Any]] = {
        "anyOf": [
            {"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d))+$"},
            {"type": "number", "minimum": 0, "maximum": _LONGEST_DURATION / 1000},
        ]
    }

    @classmethod
    def parse(cls, raw: object) -> Self:
        if isinstance(raw, bool) or not isinstance(raw, int | float | str):
            raise ValueError("a duration is a number of seconds or a text such as 90s, 1h30m")
        if isinstance(raw, str):
            text = raw.strip()
            if _DURATION.sub("", text) or not text:
                raise ValueError(f'"{raw}" is not a duration; write it like 90s, 5m, 1h30m or 2d')
            milliseconds = sum(float(n) * _DURATION_UNITS[unit] for n, unit in _DURATION.findall(text))
        else:
            milliseconds = raw * 1000.0
        if not 0 <= milliseconds <= _LONGEST_DURATION:
            raise ValueError("a duration lies between 0 and ten years")
        return cls(round(milliseconds))

    @property
    def seconds(self) -> float:
        return self.milliseconds / 1000

    def __str__(self) -> str:
        parts: list[str] = []
        rest = self.milliseconds
        for unit in ("d", "h", "m", "s", "ms"):
            count, rest = divmod(rest, _DURATION_UNITS[unit])
            if count:
                parts.append(f"{count}{unit}")
        return "".join(parts) or "0s"


_SIZE_UNITS: Final = {
    "": 1, "B": 1,
    "K": 1000, "KB": 1000, "M": 1000**2, "MB": 1000**2, "G": 1000**3, "GB": 1000**3, "T": 1000**4, "TB": 1000**4,
    "Ki": 1024, "KiB": 1024, "Mi": 1024**2, "MiB": 1024**2, "Gi": 1024**3, "GiB": 1024**3, "Ti": 1024**4, "TiB": 1024**4,
}  # fmt: skip
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")


@dataclass(frozen=True, slots=True, order=True)
class Size(_Value):
    """A number of bytes; reads `512Mi`, `2Gi`, `500MB`, or a plain number."""

    bytes: int

    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "pattern": r"^\d+(Ki|Mi|Gi|Ti)?$"}
    written_schema: ClassVar[dict[str, Any]] = {
        "anyOf": [
            {"type": "string", "pattern": r"^\d+(\.\d+)?\s*(B|[KMGT]B?|[KMGT]iB?)?$"},
            {"type": "integer", "minimum": 1},
        ]
    }

    @classmethod
    def parse(cls, raw: object) -> Self:
        if isinstance(raw, bool) or not isinstance(raw, int | str):
            raise ValueError("a size is a number of bytes or a text such as 512Mi, 2Gi")
        match = _SIZE.fullmatch(str(raw).strip())
        if match is None or match[2] not in _SIZE_UNITS:
            raise ValueError(f'"{raw}" is not a size; write it like 512Mi, 2Gi or 500MB')
        count = float(match[1]) * _SIZE_UNITS[match[2]]
        if not 1 <= count <= 1024**5:
            raise ValueError("a size lies between one byte and 1024 Ti")
        return cls(round(count))

    def __str__(self) -> str:
        for unit in ("Ti", "Gi", "Mi", "Ki"):
            if self.bytes % _SIZE_UNITS[unit] == 0:
                return f"{self.bytes // _SIZE_UNITS[unit]}{unit}"
        return str(self.bytes)


@dataclass(frozen=True, slots=True, order=True)
class Cpus(_Value):
    """A share of processors in thousandths; reads `2`, `0.5`, `"1.0"` or `500m`."""

    millis: int

    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "pattern": r"^\d+(\.\d+)?$"}
    written_schema: ClassVar[dict[str, Any]] = {
        "anyOf": [{"type": "string", "pattern": r"^\d+(\.\d+)?m?$"}, {"type": "number", "exclusiveMinimum": 0}]
    }

    @classmethod
    def parse(cls, raw: object) -> Self:
        if isinstance(raw, bool) or not isinstance(raw, int | float | str):
            raise ValueError("cpus are a number such as 2, 0.5 or 500m")
        text = str(raw).strip()
        try:
            millis = float(text[:-1]) if text.endswith("m") else float(text) * 1000
        except ValueError:
            raise ValueError(f'"{raw}" is not a number of cpus; write it like 2, 0.5 or 500m') from None
        if not 1 <= millis <= 1_024_000:
            raise ValueError("cpus lie between 0.001 and 1024")
        return cls(round(millis))

    @property
    def count(self) -> float:
        return self.millis / 1000

    def __str__(self) -> str:
        return f"{self.millis / 1000:.3f}".rstrip("0").rstrip(".")


_SUPPORTED_MINORS: Final = range(9, 14)


@dataclass(frozen=True, slots=True, order=True)
class PythonVersion(_Value):
    """A Python minor version that tasks can run on; reads `"3.12"`."""

    major: int
    minor: int

    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "enum": [f"3.{minor}" for minor in _SUPPORTED_MINORS]}
    written_schema = json_schema

    @classmethod
    def parse(cls, raw: object) -> Self:
        match = re.fullmatch(r"(\d+)\.(\d+)", str(raw).strip())
        if not isinstance(raw, str) or match is None:
            raise ValueError(f'"{raw}" is not a Python version; write it like "3.12"')
        major, minor = int(match[1]), int(match[2])
        if major != 3 or minor not in _SUPPORTED_MINORS:
            raise ValueError(f'tasks run on Python 3.{_SUPPORTED_MINORS[0]} to 3.{_SUPPORTED_MINORS[-1]}, not "{raw}"')
        return cls(major, minor)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


_CRON_FIELDS: Final = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    ("day of week", 0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)
_CRON_NAMES: Final = {
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cron(_Value):
    """A cron expression of five fields, single-spaced and in lower case."""

    expression: str

    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "description": "a cron expression of five fields"}
    written_schema = json_schema

    @classmethod
    def parse(cls, raw: object) -> Self:
        if not isinstance(raw, str):
            raise ValueError('a cron expression is a text such as "0 2 * * *"')
        text = " ".join(raw.lower().split())
        text = _CRON_NAMES.get(text, text)
        fields = text.split(" ")
        if len(fields) != len(_CRON_FIELDS):
            raise ValueError(
                f'a cron expression has five fields (minute hour day month weekday); "{raw}" has {len(fields)}'
            )
        for value, (name, low, high, names) in zip(fields, _CRON_FIELDS):
            for item in value.split(","):
                _check_cron_item(item, name, low, high, names)
        return cls(text)

    def __str__(self) -> str:
        return self.expression


def _check_cron_item(item: str, name: str, low: int, high: int, names: tuple[str, ...]) -> None:
    match = re.fullmatch(r"(\*|[a-z0-9]+(?:-[a-z0-9]+)?)(?:/(\d+))?", item)
    if match is None:
        raise ValueError(f'"{item}" is not a {name} of a cron expression')
    if match[2] is not None and not 1 <= int(match[2]) <= high:
        raise ValueError(f'the step of the {name} "{item}" lies between 1 and {high}')
    if match[1] == "*":
        return
    bounds: list[int] = []
    for end in match[1].split("-"):
        number = names.index(end) + low if end in names else int(end) if end.isdigit() else None
        if number is None or not low <= number <= high:
            raise ValueError(f'the {name} "{item}" lies between {low} and {high}')
        bounds.append(number)
    if bounds[0] > bounds[-1]:
        raise ValueError(f'the range of the {name} "{item}" runs backwards')


@dataclass(frozen=True, slots=True)
class TimeZone(_Value):
    """The name of a time zone of the IANA database, such as `Europe/Paris`."""

    name: str

    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "description": "an IANA time zone"}
    written_schema = json_schema

    @classmethod
    def parse(cls, raw: object) -> Self:
        if not isinstance(raw, str) or raw not in available_timezones():
            raise ValueError(f'"{raw}" is not a time zone; write it like Europe/Paris or UTC')
        return cls(raw)

    @property
    def info(self) -> ZoneInfo:
        return ZoneInfo(self.name)

    def __str__(self) -> str:
        return self.name
