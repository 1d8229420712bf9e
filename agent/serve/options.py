"""What the server allows: one place for every limit."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...tools.images import ImageLimits

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Limits and secrets of a server.

    Attributes:
        key: that every request must bring, but for the page and `/healthz`; None where the server
            can only be reached from this machine.
        host_names: that a request's Host header may say where there is no key, so that a web page
            elsewhere can't talk to the server under a name of its own.
        max_request_bytes: of a body; beyond it 413.
        max_bytes_held: of all bodies that are held at once; beyond it 429.
        max_pictures: of one question; beyond it 413.
        max_total_pixels: of one question's pictures together; beyond it 413.
        picture: limits of each picture.
        running: questions that are answered at once.
        waiting: questions that may wait for that; beyond it 429.
        max_wait: seconds that one may wait; beyond it 503.
        max_upload: seconds that a body may take to arrive; beyond it 408.
        max_seconds: for one question, after which 503; its own time budget normally ends it first.
    """

    key: str | None = None
    host_names: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]")
    max_request_bytes: int = 48 * MEBIBYTE
    max_bytes_held: int = 512 * MEBIBYTE
    max_pictures: int = 16
    max_total_pixels: int = 160_000_000
    picture: ImageLimits = field(
        default_factory=lambda: ImageLimits(max_bytes=24 * MEBIBYTE, max_pixels=40_000_000)
    )
    running: int = 2
    waiting: int = 64
    max_wait: float = 60.0
    max_upload: float = 60.0
    max_seconds: float = 310.0
