"""Downloads from a TLS server of our own, to which only the tests let them through."""

import contextlib
import datetime
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from container.errors import BadImage, BadRequest
from container.images.base import Limits
from container.images.remote import addresses, fetch
from container.images.remote.url_rules import Target
from container.images.sources import sources
from tests.images.pictures import encode, noise

HOST = "images.example.com"
PICTURE = encode(noise(5, 7))
LIMITS = Limits(url_hosts=(HOST, "other.example.com"), url_timeout=5)
PUBLIC = "93.184.216.34"

CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

Answer = Callable[[ssl.SSLSocket], None]


def plain(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> Answer:
    """An answer with its length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return lambda connection: connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)


def redirect(location: str, status: str = "302 Found") -> Answer:
    return plain(b"", f"Location: {location}", status=status)


def drip(head: bytes, pause: float = 0.05) -> Answer:
    """`head` at once, then a byte at a time for as long as somebody reads."""

    def answer(connection: ssl.SSLSocket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(b"a")
            time.sleep(pause)

    return answer


def again_and_again(head: bytes, line: bytes) -> Answer:
    """`head`, then `line` for as long as somebody reads."""

    def answer(connection: ssl.SSLSocket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(line * 1000)

    return answer


class Server:
    """Answers by path, and keeps what it was asked."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[str] = []
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection, self._context.wrap_socket(connection, server_side=True) as tls:
            request = b""
            while b"\r\n\r\n" not in request:
                piece = tls.recv(65536)
                if not piece:
                    return
                request += piece
            self.requests.append(request.decode())
            self.answers[request.split()[1].decode()](tls)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PEM file with a key and a certificate for both hosts, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    today = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST), x509.DNSName("other.example.com")]), False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path_factory.mktemp("tls") / "host.pem"
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem.write_bytes(key.private_bytes(*private) + made.public_bytes(serialization.Encoding.PEM))
    return pem


@pytest.fixture
def server(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that every name leads to; its address counts as public, its certificate as known."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Server(context)
    known = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(fetch, "_tls", lambda: known)
    monkeypatch.setattr(addresses, "is_public", lambda text: text in ("127.0.0.1", PUBLIC))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [found("127.0.0.1", server.port)])
    yield server
    server.close()


def found(address: str, port: int = 443) -> tuple[Any, ...]:
    """A row as `getaddrinfo` gives it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.SOCK_STREAM, 6, "", (address, port, 0, 0) if ":" in address else (address, port)


def get(path: str = "/a.png", limits: Limits = LIMITS) -> bytes:
    return fetch.fetch(f"https://{HOST}{path}", limits)


def test_a_download(server: Server) -> None:
    server.answers["/a.png?b=1"] = plain(PICTURE)
    assert get("/a.png?b=1#c") == PICTURE
    (request,) = server.requests
    assert request.startswith("GET /a.png?b=1 HTTP/1.1\r\n") and f"\r\nHost: {HOST}\r\n" in request
    assert "\r\nAccept-Encoding: identity\r\n" in request


def test_the_source(server: Server) -> None:
    server.answers |= {"/a.png": plain(PICTURE), "/cut.png": plain(PICTURE[:-9])}
    (image,) = sources["url"].read(f"https://{HOST}/a.png", LIMITS).images
    assert image.size == (5, 7)
    with pytest.raises(BadImage):
        sources["url"].read(f"https://{HOST}/cut.png", LIMITS)


def test_bodies_without_length_and_in_chunks(server: Server) -> None:
    server.answers["/a"] = lambda c: c.sendall(b"HTTP/1.0 200 OK\r\n\r\nabc")
    server.answers["/b"] = lambda c: c.sendall(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    )
    assert get("/a") == get("/b") == b"abc"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (plain(b"no", status="404 Not Found"), "answered 404; wanted: 200"),
        (plain(b"", status="206 Partial Content"), "answered 206"),
        (plain(b"", status="302 Found"), "answered 302"),
        (plain(b"\x1f\x8b", "Content-Encoding: gzip"), "compressed body"),
        (plain(b"abc", length=9), "6 bytes before the end"),
        (plain(b"", length=-1), None),
        (lambda c: c.sendall(b"SSH-2.0-x\r\n"), "did not speak HTTP"),
        (lambda c: c.sendall(b""), "did not speak HTTP"),
        (lambda c: c.sendall(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n"), "did not speak HTTP"),
        (lambda c: c.sendall(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70000), "did not speak HTTP"),
        (lambda c: c.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "did not speak HTTP"),
        (again_and_again(b"HTTP/1.1 200 OK\r\n\r\n", bytes(100)), "longer than 100000 bytes allowed"),
        (plain(b"\x1f\x8b", "Content-Encoding: identity", "Content-Encoding: gzip"), "compressed body"),
        (again_and_again(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "too much around"),
        (
            again_and_again(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;" + b"x" * 5000 + b"\r\na\r\n"
            ),
            "too much around",
        ),
        (
            again_and_again(CHUNKS + b"1\r\na\r\n0\r\n", b"A: b\r\n"),
            "too much around",
        ),
        (plain(b"", length=10**9), "longer than 100000 bytes allowed"),
    ],
)
def test_answers_that_are_no_picture(server: Server, answer: Answer, reason: str | None) -> None:
    server.answers["/a.png"] = answer
    limits = Limits(url_hosts=(HOST,), url_timeout=5, max_body_bytes=100_000)
    if reason is None:
        assert get(limits=limits) == b""
        return
    with pytest.raises(BadRequest, match=reason) as caught:
        get(limits=limits)
    assert "127.0.0.1" not in caught.value.message and "\n" not in caught.value.message


@pytest.mark.alone
@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nA: ",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        CHUNKS + b"ff\r\n",
    ],
)
def test_a_slow_drip_meets_the_deadline_of_the_whole(server: Server, head: bytes) -> None:
    server.answers["/a.png"] = drip(head)
    start = time.monotonic()
    with pytest.raises(BadRequest, match="longer than the 0.4 s allowed .MASKSERVE_URL_TIMEOUT"):
        get(limits=Limits(url_hosts=(HOST,), url_timeout=0.4))
    assert time.monotonic() - start < 1.5


@pytest.mark.alone
def test_a_slow_handshake_meets_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "is_public", lambda text: True)
    with socket.create_server(("127.0.0.1", 0)) as slow:
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [found("127.0.0.1", slow.getsockname()[1])])

        def shake_slowly() -> None:
            connection, _ = slow.accept()
            with contextlib.suppress(OSError), connection:
                for byte in b"\x16\x03\x03\x40\x00" + bytes(1000):
                    connection.sendall(bytes([byte]))
                    time.sleep(0.05)

        thread = threading.Thread(target=shake_slowly)
        thread.start()
        begun = time.monotonic()
        with pytest.raises(BadRequest, match="longer than the 0.4 s"):
            get(limits=Limits(url_hosts=(HOST,), url_timeout=0.4))
        assert time.monotonic() - begun < 1.5
        thread.join(10)


def test_a_silent_server_meets_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "is_public", lambda text: True)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [found("127.0.0.1", silent.getsockname()[1])])
        with pytest.raises(BadRequest, match="longer than the 0.3 s"):
            get(limits=Limits(url_hosts=(HOST,), url_timeout=0.3))


def test_a_slow_lookup_meets_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait(10) and [])
    with pytest.raises(BadRequest, match="longer than the 0.2 s"):
        get(limits=Limits(url_hosts=(HOST,), url_timeout=0.2))
    released.set()


def test_redirects(server: Server) -> None:
    server.answers |= {
        "/a.png": redirect("/b.png"),
        "/b.png": redirect(f"https://{HOST}/c.png", "301 Moved"),
        "/c.png": redirect("https://other.example.com/d.png", "308 Permanent Redirect"),
        "/d.png": plain(PICTURE),
    }
    assert get() == PICTURE
    assert "Host: other.example.com" in server.requests[-1]
    server.answers["/d.png"] = redirect("/d.png")
    with pytest.raises(BadRequest, match="more than 3 times"):
        get()


@pytest.mark.parametrize(
    "location",
    [
        "http://images.example.com/b.png",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest/",
        "https://elsewhere.example.com/",
        "https://u:p@images.example.com/",
        "https://images.example.com:8443/",
        "//elsewhere.example.com/",
        "file:///etc/passwd",
        "https://[",
        "",
    ],
)
def test_redirects_are_tested_like_the_first(server: Server, location: str) -> None:
    server.answers |= {"/a.png": redirect(location), "/b.png": plain(PICTURE)}
    with pytest.raises(BadRequest):
        get()
    assert all(request.startswith("GET /a.png ") for request in server.requests)


def test_a_redirect_to_a_host_that_is_not_public(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {HOST: found("127.0.0.1", server.port), "other.example.com": found("10.0.0.1", server.port)}
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *_, **__: [names[host]])
    server.answers |= {"/a.png": redirect("https://other.example.com/"), "/": plain(PICTURE)}
    with pytest.raises(BadRequest, match="'other.example.com' of the URL is not a public one"):
        get()
    assert len(server.requests) == 1


def test_the_connection_goes_to_the_address_that_was_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the name leads elsewhere from the second lookup on; here with the real test of addresses."""
    lookups = iter([[found(PUBLIC)], [found("127.0.0.1")], [found("127.0.0.1")]])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: next(lookups))
    reached: list[Any] = []

    class Recorder:
        def __init__(self, *_: object) -> None: ...

        def settimeout(self, _: float) -> None: ...

        def close(self) -> None: ...

        def connect(self, address: Any) -> None:
            reached.append(address)
            raise ConnectionRefusedError

    monkeypatch.setattr(socket, "socket", Recorder)
    with pytest.raises(BadRequest, match="cannot be reached"):
        get()
    assert reached == [(PUBLIC, 443)]
    with pytest.raises(BadRequest, match="not a public one"):  # the second download looks up anew, and refuses
        get()
    assert reached == [(PUBLIC, 443)]


def test_a_name_is_looked_up_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the second answer, which would lead elsewhere, is never asked for."""
    rows = iter([[found("127.0.0.1", server.port)], [found("127.0.0.1", 1)]])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: next(rows))
    server.answers["/a.png"] = plain(PICTURE)
    assert get() == PICTURE
    assert next(rows) == [found("127.0.0.1", 1)]


@pytest.mark.parametrize(
    "private",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "fe80::1%eth0"],
)
@pytest.mark.parametrize("first", [True, False])
def test_one_address_that_is_not_public_condemns_the_host(
    private: str, first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [found(private), found(PUBLIC)] if first else [found(PUBLIC), found(private)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: rows)
    monkeypatch.setattr(socket, "socket", lambda *_: pytest.fail("a connection was tried"))
    with pytest.raises(BadRequest, match="not a public one") as caught:
        get()
    assert private not in caught.value.message


def test_the_next_address_is_tried(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        unused = closed.getsockname()[1]
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **__: [found("127.0.0.1", unused), found("127.0.0.1", server.port)]
    )
    server.answers["/a.png"] = plain(PICTURE)
    assert get() == PICTURE
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [found("127.0.0.1", unused)])
    with pytest.raises(BadRequest, match="cannot be reached"):
        get()


def test_the_certificate_must_be_of_the_name(server: Server) -> None:
    with pytest.raises(BadRequest, match="no valid certificate"):
        fetch.fetch("https://wrong.example.com/", Limits(url_hosts=(".example.com",), url_timeout=5))
    assert server.requests == []


def test_an_unknown_certificate(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(addresses, "is_public", lambda text: True)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [found("127.0.0.1", server.port)])
    with pytest.raises(BadRequest, match="no valid certificate"):
        get()


def test_the_host_header_of_an_ipv6_address_has_brackets(server: Server) -> None:
    server.answers["/a.png"] = plain(PICTURE)
    with pytest.raises(BadRequest, match="no valid certificate"):
        fetch.fetch("https://[2606:4700::1111]/a.png", Limits(url_hosts=("2606:4700::1111",), url_timeout=5))
    goal = Target("2606:4700::1111", 443, "/a.png")
    named = Target(HOST, 443, "/a.png")
    with fetch._connect(named, deadline := fetch._Deadline(5)) as connection:
        assert fetch._answer(connection, goal, deadline, 1000) == (PICTURE, None)
    assert "\r\nHost: [2606:4700::1111]\r\n" in server.requests[-1]


def test_proxies_of_the_environment_are_not_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    server.answers["/a.png"] = plain(PICTURE)
    assert get() == PICTURE


@pytest.mark.parametrize("error", [socket.gaierror(), UnicodeError(), OSError()])
def test_an_unknown_host(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    with pytest.raises(BadRequest, match="is not known"):
        get()
