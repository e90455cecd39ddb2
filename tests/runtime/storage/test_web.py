"""What a web server says of a resource, as planning sees it: asked once, by HEAD where that is answered."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import formatdate

import pytest
from tests.website import Website, website

from trc.addresses import NOTHING_ALLOWED, Allowed
from trc.runtime.storage.errors import ObjectError
from trc.runtime.storage.web import WebStorage
from trc.runtime.store.results import WebIdentity
from trc.runtime.taskside.web import Web

HERE = Allowed(frozenset({"127.0.0.1"}))
DATED = "Wed, 21 Oct 2015 07:28:00 GMT"


@pytest.fixture
def site() -> Iterator[Website]:
    with website() as found:
        yield found


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def storage(now: list[float]) -> WebStorage:
    return WebStorage(Web(HERE, 2.0), {}, lambda: now[0], lambda: 1e9 + now[0])


def test_an_etag_and_a_size_tell_a_version(site: Website, storage: WebStorage) -> None:
    url = site.put("/a", "abc", etag='"x1"', modified=DATED)
    assert storage.content(url) == (WebIdentity('"x1"', 3), "etag:x1, 3 B")
    assert storage.list(url) == (url,)
    assert site.methods() == ["HEAD"]


def test_else_a_date_does(site: Website, storage: WebStorage) -> None:
    url = site.put("/a", "abc", etag="", modified=DATED)
    assert storage.digest(url) == f"last-modified:{DATED}, 3 B"


def test_a_date_of_this_second_tells_nothing_yet(site: Website, storage: WebStorage) -> None:
    """The resource may be written again within the second, and have the same date."""
    url = site.put("/a", "abc", etag="", modified=formatdate(time.time() + 5, usegmt=True))
    assert (storage.digest(url) or "").startswith("no ETag and no settled date")


def test_without_either_it_is_never_what_it_was(site: Website, storage: WebStorage, now: list[float]) -> None:
    url = site.put("/a", "abc", etag="")
    first, identity = storage.digest(url), storage.identity(url)
    assert first == "no ETag and no settled date, asked for at 2001-09-09T01:46:40+00:00"
    assert storage.digest(url) == first
    now[0] = 11
    assert storage.digest(url) != first
    # It has not moved, as far as anybody can say.
    assert storage.identity(url) == identity == WebIdentity("", 3)


@pytest.mark.parametrize("ranges", [True, False])
def test_where_head_is_not_answered_one_byte_is_asked_for(site: Website, storage: WebStorage, *, ranges: bool) -> None:
    site.refuses_head, site.ranges = True, ranges
    url = site.put("/a", "abc", etag='"x1"')
    assert storage.digest(url) == "etag:x1, 3 B"
    assert site.methods() == ["HEAD", "GET"]
    assert site.asked[1].headers["range"] == "bytes=0-0"


def test_an_empty_file_has_a_version_too(site: Website, storage: WebStorage) -> None:
    site.refuses_head = True
    assert storage.digest(site.put("/a", "", etag='"e"')) == "etag:e, 0 B"


@pytest.mark.parametrize("status", [404, 410])
def test_nothing_is_there(site: Website, storage: WebStorage, status: int) -> None:
    site.statuses += [status, status]
    assert storage.content(f"{site.url}/a") is None
    assert storage.list(f"{site.url}/a") == ()


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [(503, "temporary", "web_unreachable"), (403, "permanent", "web_refused")],
)
def test_what_cannot_be_known_is_told_with_its_kind(
    site: Website, storage: WebStorage, status: int, kind: str, reason: str
) -> None:
    site.statuses += [status, status]
    with pytest.raises(ObjectError) as told:
        storage.content(f"{site.url}/a")
    assert (told.value.kind, told.value.reason) == (kind, reason)
    assert str(told.value) == f'"127.0.0.1" answers {status} to GET'
    # It is asked anew by whoever asks next.
    site.put("/a", "abc", etag='"x"')
    assert storage.digest(f"{site.url}/a") == "etag:x, 3 B"


def test_what_is_not_allowed_is_not_asked(site: Website) -> None:
    with pytest.raises(ObjectError, match="would be called by http") as told:
        WebStorage(Web(NOTHING_ALLOWED), {}).content(site.put("/a", "abc"))
    assert (told.value.kind, told.value.reason) == ("permanent", "web_forbidden")
    assert site.asked == []


def test_an_answer_is_gone_by_for_a_while(site: Website, storage: WebStorage, now: list[float]) -> None:
    url = site.put("/a", "abc", etag='"1"')
    for now[0] in (0.0, 5.0, 10.0):
        assert storage.digest(url) == "etag:1, 3 B"
    assert len(site.asked) == 1
    site.put("/a", "abc", etag='"2"')
    now[0] = 10.1
    assert storage.digest(url) == "etag:2, 3 B"


def test_addresses_are_asked_with_their_headers_side_by_side(site: Website) -> None:
    urls = [site.put(f"/{name}", "abc") for name in "abc"]
    storage = WebStorage(Web(HERE), {urls[0]: {"Accept": "x/y"}})
    storage.prefetch([*urls, f"{site.url}/missing"])
    assert sorted((one.path, one.headers.get("accept")) for one in site.asked if one.method == "HEAD") == [
        ("/a", "x/y"),
        ("/b", None),
        ("/c", None),
        ("/missing", None),
    ]
    count = len(site.asked)
    assert all(storage.digest(url) for url in urls)
    assert len(site.asked) == count
