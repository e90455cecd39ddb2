"""What messages are signed with, against what https://www.standardwebhooks.com has other libraries compute."""

from __future__ import annotations

import pytest

from trc.runtime.webhooks import key_of, signature


def test_a_signature_is_that_of_the_standard() -> None:
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    found = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("secret", "key"),
    [("sesame", b"sesame"), ("sésame", "sésame".encode()), ("whsec_AAEC", b"\0\1\2"), (" whsec_AAEC", b" whsec_AAEC")],
)
def test_a_key_is_the_secret_or_what_its_base64_says(secret: str, key: bytes) -> None:
    assert key_of(secret) == key


@pytest.mark.parametrize("secret", ["whsec_*", "whsec_AAE", "whsec_AA EC"])
def test_what_begins_as_base64_and_is_none_is_no_key(secret: str) -> None:
    with pytest.raises(ValueError, match="is not base64"):
        key_of(secret)
