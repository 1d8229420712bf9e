"""Fetching pictures from addresses: what is refused, what is dialled, and when it ends."""

import contextlib
import gzip
import http.server
import io
import socket
import threading
import time

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gemvg.agent.fetch.address import AddressRefused, HostList, read_address
from gemvg.agent.fetch.data_uri import decode_data_uri
from gemvg.agent.fetch.fetcher import SafeFetcher
from gemvg.agent.fetch.networks import is_public_text
from gemvg.agent.settings import AskSettings
from gemvg.tools.errors import ImageError, UsageError
from tests.agent.refusals import PRIVATE_ADDRESSES, REFUSED_ADDRESSES, leaks

PUBLIC = "93.184.216.34"


def picture_bytes(side=20):
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), "teal").save(buffer, "PNG")
    return buffer.getvalue()


PICTURE = picture_bytes()


class Loopback(httpcore.NetworkBackend):
    """A stand-in for the internet: whatever address is dialled, a local server answers."""

    def __init__(self, port):
        self.port, self.dialled = port, []
        self._real = httpcore.SyncBackend()

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        self.dialled.append((host, port))
        return self._real.connect_tcp("127.0.0.1", self.port, timeout=timeout)


class Never(httpcore.NetworkBackend):
    """Any connection is a failure of the test."""

    def connect_tcp(self, host, port, **rest):
        raise AssertionError("dialled")


@pytest.fixture(scope="module")
def web():
    """A server whose paths behave in every way: path -> (status, headers, body or callable)."""
    pages = {
        "/p.png": (200, {}, PICTURE),
        "/to": (302, {"Location": "/p.png"}, b""),
        "/round": (302, {"Location": "/round"}, b""),
        "/nowhere": (302, {}, b""),
        "/private": (302, {"Location": "http://10.0.0.7/p.png"}, b""),
        "/metadata": (307, {"Location": "http://169.254.169.254/latest"}, b""),
        "/file": (302, {"Location": "file:///etc/passwd"}, b""),
        "/named": (302, {"Location": "http://inside.example.org/p.png"}, b""),
        "/odd": (302, {"Location": "http://[::1"}, b""),
        "/gone": (404, {}, b"secret words of a server at /var/www"),
        "/empty": (200, {}, b""),
        "/zip": (200, {"Content-Encoding": "gzip"}, gzip.compress(b"0" * 10**6)),
        "/says-huge": (200, {"Content-Length": str(10**12)}, b"x"),
        "/says-silly": (200, {"Content-Length": "9" * 40}, b"x"),
        "/is-huge": (200, {"Transfer-Encoding": "none"}, b"x" * 400_000),
    }

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/drip":
                self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                for _ in range(100):
                    self.wfile.write(b"X-A: b\r\n")
                    time.sleep(0.1)
                return
            status, headers, body = pages[self.path]
            self.send_response(status)
            for name, value in headers.items():
                if name != "Transfer-Encoding":
                    self.send_header(name, value)
            if not {"Content-Length", "Transfer-Encoding"} & set(headers):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            pass

        def handle(self):
            with contextlib.suppress(OSError):
                super().handle()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def fetcher(port=None, names=None, hosts=("*",), **options):
    """A fetcher whose names are ours and whose internet is the local server."""
    names = {"images.example.org": [PUBLIC]} if names is None else names

    def resolver(host, port):
        if host not in names:
            raise OSError("no such name")
        return names[host]

    network = Never() if port is None else Loopback(port)
    return SafeFetcher(HostList.of(hosts), resolver=resolver, network=network, **options)


def refused(get, url):
    with pytest.raises(AddressRefused) as told:
        get(url)
    assert not leaks(str(told.value)), str(told.value)
    return str(told.value)


def test_a_public_picture_is_fetched_and_the_checked_address_is_dialled(web):
    get = fetcher(web)
    assert get("http://images.example.org/p.png") == PICTURE
    assert get("http://images.example.org/to") == PICTURE
    assert set(get.network.dialled) == {(PUBLIC, 80)}


@pytest.mark.parametrize("url", REFUSED_ADDRESSES)
def test_odd_and_private_addresses_are_refused_before_any_dialling(url):
    # A resolver like a careless system's: it understands every way to write loopback.
    def resolver(host, port):
        return [socket.inet_ntoa(socket.inet_aton(host))]

    refused(SafeFetcher(HostList.of(["*"]), resolver=resolver, network=Never()), url)


def test_there_are_at_least_sixty_forms():
    assert len(set(REFUSED_ADDRESSES)) >= 60


@pytest.mark.parametrize("address", PRIVATE_ADDRESSES)
def test_a_name_that_leads_to_a_private_network_is_refused(address):
    for answers in ([address], [PUBLIC, address], [address, PUBLIC]):
        get = fetcher(names={"images.example.org": answers})
        assert "private or reserved" in refused(get, "http://images.example.org/p.png")


def test_a_name_is_looked_up_once_so_that_changing_answers_gain_nothing(web):
    answers = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]])
    asked = []

    def rebinding(host, port):
        asked.append(host)
        return next(answers)

    network = Loopback(web)
    get = SafeFetcher(HostList.of(["*"]), resolver=rebinding, network=network)
    assert get("http://images.example.org/p.png") == PICTURE
    assert len(asked) == 1 and network.dialled == [(PUBLIC, 80)]
    refused(get, "http://images.example.org/p.png")
    assert network.dialled == [(PUBLIC, 80)]


@pytest.mark.parametrize(
    "path",
    ["/round", "/nowhere", "/private", "/metadata", "/file", "/named", "/odd", "/gone", "/empty",
     "/zip", "/says-huge", "/says-silly", "/is-huge"],
)  # fmt: skip
def test_what_a_host_may_not_do(web, path):
    names = {"images.example.org": [PUBLIC], "inside.example.org": ["10.1.2.3"]}
    get = fetcher(web, names, max_bytes=100_000)
    refused(get, f"http://images.example.org{path}")
    assert {host for host, _ in get.network.dialled} == {PUBLIC}


def test_a_host_that_drips_is_cut_off(web):
    began = time.monotonic()
    told = refused(fetcher(web, max_seconds=0.6), "http://images.example.org/drip")
    assert "too long" in told and time.monotonic() - began < 6


def test_a_slow_name_server_is_cut_off():
    def slow(host, port):
        time.sleep(5)
        return [PUBLIC]

    get = SafeFetcher(HostList.of(["*"]), resolver=slow, network=Never(), max_seconds=0.2)
    assert "in time" in refused(get, "http://images.example.org/p.png")


@pytest.mark.parametrize(
    ("hosts", "url", "allowed"),
    [
        (["images.example.org"], "http://images.example.org/p.png", True),
        (["images.example.org"], "http://IMAGES.example.org./p.png", True),
        (["images.example.org"], "http://images.example.org:8080/p.png", False),
        (["images.example.org:8080"], "http://images.example.org:8080/p.png", True),
        (["images.example.org:8080"], "http://images.example.org/p.png", False),
        (["*.example.org"], "http://images.example.org/p.png", True),
        (["*.example.org"], "http://example.org/p.png", False),
        (["*.example.org"], "http://badexample.org/p.png", False),
        (["example.org"], "http://example.org.evil.net/p.png", False),
        (["*"], "http://images.example.org/p.png", True),
        (["*"], "http://images.example.org:22/p.png", False),
        ([], "http://images.example.org/p.png", False),
    ],
)
def test_only_hosts_on_the_list_are_asked(hosts, url, allowed):
    assert HostList.of(hosts).allows(read_address(url)) is allowed


@pytest.mark.parametrize("host", ["http://a.org", "a b", "*.", "a.*.org", "a.org:x", "[::1]"])
def test_a_list_of_hosts_is_checked(host):
    with pytest.raises(UsageError):
        HostList.of([host])


def test_from_https_nothing_leads_to_http():
    from gemvg.agent.fetch.fetcher import _next

    secure = read_address("https://images.example.org/a")
    assert _next(secure, "/b") == "https://images.example.org/b"
    for location in ("http://images.example.org/b", "ftp://images.example.org/b"):
        with pytest.raises(AddressRefused):
            _next(secure, location)


@given(st.text(max_size=60) | st.text("htps:/@[].%01xf ", max_size=40).map("http://".__add__))
def test_reading_an_address_never_fails_otherwise(text):
    try:
        address = read_address(text)
    except AddressRefused:
        return
    assert read_address(address.url) == address
    assert address.scheme in ("http", "https") and "@" not in address.host


@given(st.ip_addresses())
def test_what_is_public_is_public_for_python_too(address):
    if is_public_text(str(address)):
        assert address.is_global and not address.is_private and not address.is_multicast


def test_the_settings_allow_nothing_unless_told():
    assert AskSettings.load({}, environ={}, files=()).fetcher() is None
    here = {"GEMVG_ALLOW_URLS": "1", "GEMVG_URL_HOSTS": "a.example.org,*.b.org"}
    got = AskSettings.load({}, environ=here, files=()).fetcher()
    assert isinstance(got, SafeFetcher) and got.hosts.hosts == ("a.example.org", "*.b.org")


@pytest.mark.parametrize(
    "uri",
    [
        "data:text/html;base64,AAAA",
        "data:image/png,AAAA",
        "data:image/png;base64,",
        "data:image/png;base64,@@@@",
        "data:image/png;base64,AAA",
        "data:image/png;base64," + "A" * 2000,
        "data:;base64,AAAA",
        "data:" + "x" * 1000,
    ],
)
def test_data_uris_are_measured_and_checked_before_they_are_decoded(uri):
    with pytest.raises(ImageError) as told:
        decode_data_uri(uri, 1000, "picture 1")
    assert str(told.value).startswith("picture 1: ") and not leaks(str(told.value))
