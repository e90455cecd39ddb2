"""What PostgreSQL's errors mean to the user of a state store."""

from __future__ import annotations

from typing import Final

from trc.runtime.errors import Stopped, stopped
from trc.runtime.store.address import Address

AGAIN: Final = "nothing that was recorded is lost: run the command again, and it goes on"


def unreachable(error: Exception, address: Address) -> Stopped:
    """The end of a command that cannot connect."""
    return stopped(
        "TRC636",
        f'the state store "{address}" cannot be reached: {reason(error)}',
        "look whether the server runs and lets this user in: user and password come from PGUSER, PGPASSWORD, PGPASSFILE or a service",
    )


def lost(error: Exception, address: Address) -> Stopped:
    """The end of a command whose connection broke."""
    return stopped("TRC636", f'the connection to the state store "{address}" was lost: {reason(error)}', AGAIN)


def refusal(error: Exception, address: Address) -> Stopped:
    """The end of a command that the server refuses something."""
    match getattr(error, "sqlstate", None) or "":
        case "55P03":
            what = f'another process keeps the state store "{address}" locked'
            remedy = "wait for the other trc command to end, or end it, and try again"
        case "57014":
            what = f'the state store "{address}" did not answer in time'
            remedy = f"look at the load of the server; {AGAIN}"
        case "42501":
            what = f'the state store "{address}" may not be used by this user: {reason(error)}'
            remedy = (
                f'let it use and create in the schema, such as: CREATE SCHEMA "{address.schema}" AUTHORIZATION its_name'
            )
        case "25006":
            what = f'the state store "{address}" cannot be written: the server is a copy that only reads'
            remedy = "name the server that it is a copy of, or add target_session_attrs=read-write to the address"
        case state if state.startswith("53"):
            what = f'the server of the state store "{address}" has no room left: {reason(error)}'
            remedy = f"free some, and run the command again; {AGAIN}"
        case _:
            what = f'the state store "{address}" cannot be used: {reason(error)}'
            remedy = "look at the log of the server"
    return stopped("TRC606", what, remedy)


def is_of_the_server(error: Exception) -> bool:
    """Whether a mistake of a statement is one of the server's rights, and not of the statement."""
    return getattr(error, "sqlstate", None) == "42501"


def reason(error: Exception) -> str:
    """What the server or the driver says, in one line."""
    text = " ".join(str(error).split("\n")[0].split()) or type(error).__name__
    text = text.removeprefix("connection failed: ").removeprefix("connection is bad: ").removeprefix("FATAL: ").strip()
    return text[:1].lower() + text[1:]
