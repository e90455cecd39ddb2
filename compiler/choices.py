"""What a user chooses beside the pipeline's files: a target, a backend, values of parameters, a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

TARGET_VARIABLE = "TRC_TARGET"
PARAM_VARIABLE = "TRC_PARAM_"


class UnfitOption(Exception):  # noqa: N818 - a wrong use of the command line
    """An option of a backend that the chosen one does not have, or that does not take this value."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices of one command. `environment` holds the variables that make choices, by name.

    `params` are those of the command line, in its order; `at` is the run's logical time as written.
    """

    backend: str | None = None
    target: str | None = None
    params: tuple[tuple[str, str], ...] = ()
    params_file: Path | None = None
    at: str | None = None
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def target_name(self) -> str | None:
        """The target that is chosen, on the command line or else by the environment."""
        return self.target or dict(self.environment).get(TARGET_VARIABLE) or None

    @property
    def is_plain(self) -> bool:
        """Whether nothing is chosen on the command line."""
        return replace(self, environment=()) == Choices()

    def told(self) -> tuple[object, ...]:
        """All that was chosen, as plain values: what was compiled for other choices is of no use."""
        file = None if self.params_file is None else str(self.params_file.absolute())
        return (self.backend, self.target, self.params, file, self.at, self.environment)


NO_CHOICES = Choices()


def is_choice(variable: str) -> bool:
    """Whether an environment variable makes a choice."""
    return variable == TARGET_VARIABLE or variable.startswith(PARAM_VARIABLE)
