"""Secrets by reference: `secret("env:DB_PASSWORD")` stands for a value that no pipeline holds."""

from __future__ import annotations

from trc.authoring.misuse import Misuse
from trc.authoring.places import Spot, here


class Secret:
    """A secret, named by where it lies. It can be a task's argument or variable, and nothing else."""

    def __init__(self, reference: str, spot: Spot) -> None:
        self.reference = reference
        self.spot = spot

    @property
    def place(self) -> Spot:
        return self.spot.argument(0, "reference")

    def __str__(self) -> str:
        raise Misuse(
            "a secret cannot be put into a text",
            here(),
            "its value is not here: hand it to a task as it is, in args or in the variables of its environment",
            code="TRC220",
        )

    def __format__(self, spec: str) -> str:
        return str(self)

    def __repr__(self) -> str:
        return f"secret({self.reference!r})"


def secret(reference: str) -> Secret:
    """A secret in the variable `env:NAME`, the file `file:path`, or with AWS.

    With AWS it is `aws-secretsmanager:name`, with `#key` for one key of JSON, or `aws-ssm:/path`. Its value is
    fetched when a task that is given it begins.
    """
    spot = here()
    if not isinstance(reference, str):
        raise Misuse(
            "a secret is named by a text that says where it lies",
            spot.argument(0, "reference"),
            'write it like secret("env:DB_PASSWORD")',
        )
    return Secret(str(reference), spot)
