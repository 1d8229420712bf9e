"""What no entry point may do: addresses, names and bodies to refuse, and what no error may say."""

import base64
import re

from tests.agent.conftest import png_header

PRIVATE_ADDRESSES = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255",
    "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.1", "192.0.2.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "168.63.129.16", "192.88.99.1",
    "::1", "::", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "fe80::1", "fc00::1",
    "fd00:ec2::254", "ff02::1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001::1",
    "2001:db8::1", "3fff::1", "100::1", "fe80::1%eth0", "5f00::1",
]  # fmt: skip

REFUSED_ADDRESSES = [
    *(f"http://[{a}]/p.png" if ":" in a else f"http://{a}/p.png" for a in PRIVATE_ADDRESSES),
    # Ways to write loopback that some readers understand.
    "http://2130706433/", "http://0x7f000001/", "http://017700000001/", "http://0x7f.0.0.1/",
    "http://0177.0.0.1/", "http://127.1/", "http://127.0.1/", "http://0/", "http://00000000/",
    "http://127.0.0.01/", "http://127.0.0.1./", "http://1.2.3.4.5/", "http://0x/",
    "http://[::ffff:7f00:1]/", "http://[0:0:0:0:0:0:0:1]/", "http://[::1", "http://::1/",
    "http://[127.0.0.1]/", "http://[v1.x]/",
    # Names of the machine's own network.
    "http://localhost/", "http://LOCALHOST:80/", "http://a.localhost/", "http://localhost./",
    "http://printer.local/", "http://metadata.google.internal/", "http://intranet/",
    # Other schemes.
    "file:///etc/passwd", "file://localhost/etc/passwd", "FILE:///etc/passwd", "gopher://a.org/_x",
    "ftp://a.org/p.png", "dict://a.org:11211/", "ldap://a.org/", "jar:http://a.org!/p", "sftp://a/",
    "javascript://a.org/", "data://text/plain,x", "unix:///var/run/docker.sock", "http:/etc/passwd",
    # User information, odd characters, other alphabets.
    "http://a.org@127.0.0.1/", "http://127.0.0.1@a.org/", "http://a.org:80@127.0.0.1/",
    "http://@a.org/", "http://a.org\\@127.0.0.1/", "http://a.org\t/", "http://a.org\r\nHost: b/",
    "http://a b.org/", "http://a.org\x00.b.org/", "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/", "http://127。0。0。1/",
    "http://①②⑦.0.0.1/", "http://exаmple.org/", "http://a%2eorg/", "http://127.0.0.1%2f@a.org/",
    "http://a..org/", "http://-a.org/", "http://.a.org/", "http:///p.png", "http://", "http://a.org:/",
    "http://a.org:0/", "http://a.org:99999/", "http://a.org:x/", "http://a.org:-1/",
    "http://" + "a" * 64 + ".org/", "http://" + "a." * 130 + "org/", "http://a.org/" + "x" * 3000,
]  # fmt: skip

OUTSIDE_PATHS = [
    "/etc/passwd", "/etc/shadow", "../outside.png", "../../../../etc/passwd", "a/../../outside.png",
    "/proc/self/environ", "/proc/self/fd/0", "/dev/zero", "/dev/stdin", "~/outside.png", "~root/x",
    "file:///etc/passwd", "file:outside.png", "link-out.png", "folder-out/outside.png",
    "link-link.png", ".", "..", "/", "", "folder", "pipe.png", "no-such.png", "in\x00side.png",
    "C:\\Windows\\win.ini", "\\\\server\\share\\p.png", "//server/share/p.png",
    "%2e%2e/outside.png", "x" * 5000,
]  # fmt: skip
"""Names that lead outside a folder or to nothing that may be read; `tests` make the links."""


def data_uri(content, kind="image/png"):
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


BAD_DATA_URIS = [
    data_uri(b"this is no picture at all" * 10),
    data_uri(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
    data_uri(b"<html></html>", "text/html"),
    data_uri(png_header(60_000, 60_000)),
    data_uri(png_header(30_000, 30_000)),
    data_uri(b"GIF89a" + b"\xff" * 20, "image/gif"),
    data_uri(b"%PDF-1.4", "image/png"),
    data_uri(b"\x89PNG\r\n\x1a\n" + b"\x00" * 100),
    "data:image/png;base64,",
    "data:image/png;base64,@@@@",
    "data:image/png,%89PNG",
    "data:,",
    "data:image/png;base64,/etc/passwd",
]

_LEAKS = re.compile(
    r"0x[0-9a-fA-F]{6,}|/etc/|/srv|/tmp|/home|/proc|/dev/|site-packages|\.py\b|Traceback"
    r"|\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b|::1|https?://|PIL|cannot identify|pydantic|Errno"
    r"|UnidentifiedImage|BytesIO|getaddrinfo|secret words"
)


def leaks(text):
    """What an error text says that it must not: a path, an address, a third party's words."""
    found = _LEAKS.search(text)
    return found.group() if found else None
