"""Addresses of databases: what they name is kept, what must not be shown is not."""

import pytest

from trc.runtime.errors import Stopped
from trc.runtime.store import server
from trc.runtime.store.address import WrongAddress, address_of, is_address


@pytest.mark.parametrize(
    ("text", "url", "schema", "shown"),
    [
        ("postgresql://h/d", "postgresql://h/d", "trc", "postgresql://h/d"),
        ("postgres://ada@h:5433/d", "postgres://ada@h:5433/d", "trc", "postgres://h:5433/d"),
        ("postgresql://h/d?schema=shop", "postgresql://h/d", "shop", "postgresql://h/d?schema=shop"),
        (
            "postgresql://ada@/d?host=/run/pg&schema=s&sslmode=require",
            "postgresql://ada@/d?host=/run/pg&sslmode=require",
            "s",
            "postgresql:///d?host=/run/pg&sslmode=require&schema=s",
        ),
        ("postgresql://h1:1,h2:2/d?user=ada", "postgresql://h1:1,h2:2/d?user=ada", "trc", "postgresql://h1:1,h2:2/d"),
        ("postgresql://[::1]:5/d", "postgresql://[::1]:5/d", "trc", "postgresql://[::1]:5/d"),
        ("postgresql:///d?options=-c%20a%3Db", "postgresql:///d?options=-c%20a%3Db", "trc", "postgresql:///d?options=-c%20a%3Db"),
    ],
)  # fmt: skip
def test_an_address_is_kept_for_libpq_and_shown_without_the_user(text: str, url: str, schema: str, shown: str) -> None:
    address = address_of(text)
    assert (address.url, address.schema, str(address)) == (url, schema, shown)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://ada:secret-word@h/d",
        "postgresql://:secret-word@h/d",
        "postgresql://h/d?password=secret-word",
        "postgresql://h/d?sslpassword=secret-word",
        "postgresql://h/d#secret-word",
        "postgresql://[h/secret-word",
        "mysql://secret-word",
    ],
)
def test_what_may_hold_a_password_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(WrongAddress) as error:
        address_of(text)
    assert "secret-word" not in f"{error.value}{error.value.remedy}"


@pytest.mark.parametrize("schema", ["", "Shop", "a-b", "1a", "pg_mine", 'a"b', "a" * 64])
def test_a_schema_needs_no_quotes(schema: str) -> None:
    with pytest.raises(WrongAddress, match="no name for the schema"):
        address_of(f"postgresql://h/d?schema={schema}")


@pytest.mark.parametrize(
    ("text", "known"), [("postgres://h", True), ("PostgreSQL://h", True), ("s3://b", False), ("postgresql", False)]
)
def test_an_address_is_known_by_its_scheme(text: str, *, known: bool) -> None:
    assert is_address(text) is known


def test_a_missing_driver_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "find_spec", lambda _name: None)
    with pytest.raises(Stopped) as error:
        server.driver()
    (told,) = error.value.diagnostics
    assert (told.code, told.help) == ("TRC620", ("install it: pip install 'trc-pipelines[postgres]'",))
