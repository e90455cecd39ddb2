"""Brings a schema of a PostgreSQL database to the form that this version of trc knows, by the same numbered steps as SQLite's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from trc.runtime.errors import stopped
from trc.runtime.store.address import Address
from trc.runtime.store.dialect import layout
from trc.runtime.store.migrate import FOLDER, Migration, newest, released
from trc.runtime.store.server import Server, load

_OURS = ("checksum", "name", "version")


def migrate_postgres(server: Server, address: Address, folder: Path = FOLDER) -> None:
    """Applies what is missing, all of it or nothing; raises `Stopped` for a schema that is not ours."""
    session, last = load("session"), newest(folder)
    encoding, is_made = server.execute(session["about"]).fetchone() or ("", False)
    if encoding != "UTF8":
        raise stopped(
            "TRC606",
            f'the database "{address}" keeps texts as {encoding}, and the state needs UTF8',
            "make one with: CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0",
        )
    if is_made and _version(server, address) == last:
        return
    server.begin()
    try:
        # Somebody else may have done it while this waited.
        _prepare(server, address)
        _refuse_newer(_version(server, address), last, address)
        applied = dict(server.execute(session["applied"]))
        for step in steps(folder):
            _apply(server, address, step, applied.get(step.version))
        server.commit()
    except BaseException:
        server.rollback()
        raise


def steps(folder: Path = FOLDER) -> Iterator[Migration]:
    """The steps as PostgreSQL takes them: its own where it has one of that name, else translated ones."""
    for one in released(folder):
        own = folder / "postgresql" / f"{one.name}.sql"
        yield replace(one, sql=own.read_text(encoding="utf-8") if own.is_file() else layout(one.sql))


def _prepare(server: Server, address: Address) -> None:
    session = load("session")
    if not _one(server, session["has_schema"], address.schema):
        # The name is made of small letters, digits and _.
        server.execute(f'CREATE SCHEMA "{address.schema}"')
    tables = [name for (name,) in server.execute(session["tables"], (address.schema,))]
    if not tables:
        server.execute(session["make_migrations"])
    elif _one(server, session["is_ours"], address.schema) != len(_OURS):
        raise _foreign(address, tables)


def _version(server: Server, address: Address) -> int:
    session = load("session")
    if _one(server, session["is_ours"], address.schema) != len(_OURS):
        raise _foreign(address, ["migrations"])
    (found,) = server.execute(session["newest"]).fetchone() or (0,)
    return int(found)


def _apply(server: Server, address: Address, step: Migration, known: str | None) -> None:
    if known is None:
        server.execute(step.sql)
        server.execute(load("session")["record"], (step.version, step.name, step.checksum))
    elif known != step.checksum:
        raise stopped(
            "TRC606",
            f'the state store "{address}" was laid out by another "{step.name}" than this trc has',
            "use the trc that made it, or name another schema: ?schema=name",
        )


def _refuse_newer(version: int, last: int, address: Address) -> None:
    if version > last:
        raise stopped(
            "TRC606",
            f'the state store "{address}" was written by a newer trc (its version is {version}, this trc knows {last})',
            "use that trc, or name another schema: ?schema=name",
        )


def _foreign(address: Address, tables: list[str]) -> Exception:
    return stopped(
        "TRC606",
        f'the schema "{address.schema}" of "{address}" holds tables of another program: {", ".join(tables[:3])}',
        "name another schema, which trc makes: ?schema=name",
    )


def _one(server: Server, sql: str, value: str) -> int:
    (found,) = server.execute(sql, (value,)).fetchone() or (0,)
    return int(found)
