"""Small picture files that are written byte by byte, so that one byte can be wrong."""

import struct


def ifd(*entries: tuple[int, int, int, bytes]) -> bytes:
    """A TIFF header and its one folder of (tag, type, count, four bytes)."""
    rows = b"".join(struct.pack("<HHI", tag, kind, n) + value for tag, kind, n, value in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + rows + bytes(4)


def tiff(offset_type: int = 4) -> bytes:
    """A grey TIFF of 10 x 10 pixels; its pixels' place is a number (4), or wrongly text (2)."""

    def long(tag: int, value: int) -> tuple[int, int, int, bytes]:
        return tag, 4, 1, struct.pack("<I", value)

    size = 8 + 2 + 8 * 12 + 4
    head = ifd(
        long(256, 10), long(257, 10), long(258, 8), long(259, 1), long(262, 1),
        (273, offset_type, 1, struct.pack("<I", size)), long(278, 10), long(279, 100),
    )  # fmt: skip
    return head + bytes(range(100))
