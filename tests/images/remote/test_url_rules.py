"""Which URLs are fetched, by their text."""

import socket
import threading

import pytest

from container.errors import BadRequest
from container.images.base import Limits
from container.images.remote import fetch
from container.images.remote.url_rules import target

HOSTS = ("images.example.com", ".cdn.example", "8.8.4.4", "2606:4700::1111")


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("https://images.example.com", "images.example.com", "/"),
        ("https://images.example.com/a%20b/c.png?x=1&y=/#part", "images.example.com", "/a%20b/c.png?x=1&y=/"),
        ("HTTPS://IMAGES.Example.COM:443/A", "images.example.com", "/A"),
        ("https://a.cdn.example/", "a.cdn.example", "/"),
        ("https://a.b.cdn.example/", "a.b.cdn.example", "/"),
        ("https://8.8.4.4/", "8.8.4.4", "/"),
        ("https://[2606:4700::1111]/", "2606:4700::1111", "/"),
    ],
)
def test_allowed(url: str, host: str, path: str) -> None:
    found = target(url, HOSTS)
    assert (found.host, found.port, found.path) == (host, 443, path)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://images.example.com/", "'http'; allowed: https"),
        ("https://images.example.com:80/", "port 80; allowed: 443"),
        ("https://images.example.com:8443/", "port 8443"),
        ("https://images.example.com:99999/", "cannot be read"),
        ("https://u:p@images.example.com/", "user name"),
        ("https://@images.example.com/", "user name"),
        ("https://cdn.example/", "not one of those allowed"),
        ("https://evilcdn.example/", "not one of those allowed"),
        ("https://images.example.com.evil.example/", "not one of those allowed"),
        ("https://images.example.com./", "not one of those allowed"),
        ("https://1.2.3.cdn.example.7/", "not one of those allowed"),
        ("https://.cdn.example/", "not one of those allowed"),
        ("https://a..cdn.example/", "not one of those allowed"),
        ("https://a%00.cdn.example/", "not one of those allowed"),
        ("https://8.8.8.8/", "not one of those allowed"),
        ("https:///a", "not one of those allowed"),
        ("https://images.example.com/\r\nX: y", "printable"),
        ("https://images.example.com/ a", "printable"),
        ("https://images.example.com\\@evil.example/", "printable"),
        ("https://images.example.com/ä", "printable"),
        ("https://images.example.com/" + "a" * 2048, "over 2048"),
        ("", "empty"),
    ],
)
def test_refused(url: str, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason) as caught:
        target(url, HOSTS)
    assert "\n" not in caught.value.message and "\r" not in caught.value.message


SPELLINGS = [
    "http://127.0.0.1:{}/x.png",
    "http://localhost:{}/",
    "http://0.0.0.0:{}/",
    "http://[::1]:{}/",
    "http://[::ffff:127.0.0.1]:{}/",
    "http://2130706433:{}/",
    "http://0x7f000001:{}/",
    "http://0177.0.0.1:{}/",
    "http://127.1:{}/",
    "http://127.0.0.2:{}/",
    "http://user:pw@127.0.0.1:{}/",
    "http://example.invalid@127.0.0.1:{}/",
    "http://127.0.0.1:{}\\@example.invalid/",
    "http://\uff11\uff12\uff17.0.0.1:{}/",
    "http://LOCALHOST.:{}/",
    "https://127.0.0.1:{}/",
    "https://localhost:{}/",
    "https://user@localhost:{}/",
    "http:127.0.0.1:{}/",
    "//127.0.0.1:{}/",
    "http://[::127.0.0.1]:{}/",
    "HtTp://127.0.0.1:{}/",
    "http://127.0.0.1:{}/#@example.invalid",
    " http://127.0.0.1:{}/",
    "http://127.0.0.1%00.example.invalid:{}/",
    "gopher://127.0.0.1:{}/_x",
    "dict://127.0.0.1:{}/",
    "ftp://127.0.0.1:{}/",
    "jar:http://127.0.0.1:{}/!/",
    "https://127.0.0.1/",
    "https://localhost/",
    "https://[::1]/",
    "https://[::ffff:7f00:1]/",
    "https://2130706433/",
    "https://127.1/",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "FILE:///etc/passwd",
    "/etc/passwd",
    "data:image/png;base64,iVBORw0KGgo=",
    "javascript:1",
    "http://",
    "https://",
    "http://[",
    "https://[",
    "http://:80/",
    "x" * 5000,
    "http://127.0.0.1:99999/",
    "https://127.0.0.1:-1/",
    "http://a\r\nX: y/",
    "s3://bucket/key",
    "https://169.254.169.254/latest/meta-data/iam/",
    "https://[fd00:ec2::254]/",
    "https://2852039166/",
    "https://10.0.0.1/",
    "https://100.64.0.1/",
    "https://[fe80::1%25eth0]/",
    "https://[2002:7f00:1::]/",
    "https://[64:ff9b::7f00:1]/",
    "https://224.0.0.1/",
    "https://metadata.google.internal/",
]
LISTED = ("127.0.0.1", "localhost", "::1", "::ffff:7f00:1", "2130706433", "127.1", "169.254.169.254", "10.0.0.1")


@pytest.mark.parametrize("hosts", [("images.example.com",), LISTED], ids=["listed: another", "listed: these"])
def test_no_spelling_reaches_this_machine(hosts: tuple[str, ...]) -> None:
    """Refused each, even where an operator has put such hosts on the list, and without one connection."""
    reached: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.2)

        def listen() -> None:
            while True:
                try:
                    connection, peer = canary.accept()
                except TimeoutError:
                    if done.is_set():
                        return
                    continue
                except OSError:
                    return
                connection.close()
                reached.append(peer)

        done = threading.Event()
        thread = threading.Thread(target=listen)
        thread.start()
        port = canary.getsockname()[1]
        for spelling in SPELLINGS:
            with pytest.raises(BadRequest) as caught:
                fetch.fetch(spelling.format(port), Limits(url_hosts=hosts, url_timeout=5))
            assert "\n" not in caught.value.message and "\r" not in caught.value.message
        done.set()
        thread.join()
    assert reached == []
