import pytest

from stemlift.models.transport import AddressError, follow


@pytest.mark.parametrize(
    ("address", "location", "leads_to"),
    [
        ("https://a.example/x/y", "z", "https://a.example/x/z"),
        ("https://a.example/x", "//b.example/z", "https://b.example/z"),
        ("http://a.example/x", "https://a.example/x", "https://a.example/x"),
        ("http://a.example/x", "http://b.example/x", "http://b.example/x"),
    ],
)
def test_a_redirect_leads_on(address: str, location: str, leads_to: str) -> None:
    assert follow(address, location) == leads_to


@pytest.mark.parametrize(
    ("address", "location"),
    [
        ("https://a.example/x", "http://a.example/x"),
        ("HTTPS://a.example/x", "HTTP://a.example/x"),
        ("https://a.example/x", "file:///etc/passwd"),
        ("http://a.example/x", "ftp://a.example/x"),
    ],
)
def test_a_redirect_never_leads_to_what_can_be_changed_on_the_way(
    address: str, location: str
) -> None:
    with pytest.raises(AddressError, match="leads to"):
        follow(address, location)
