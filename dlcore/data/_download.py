"""Fetching a file from the network, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dlcore.io._atomic import atomic_write

if TYPE_CHECKING:
    from http.client import HTTPResponse

_CHUNK = 1 << 16
_TIMEOUT = 30.0  # seconds without a byte


def download(url: str, path: str | os.PathLike[str], check: Callable[[str], Any], max_bytes: int) -> None:
    """Fetch `url` into `path`, with a progress bar on a terminal.

    Args:
        url: what to fetch.
        path: where to put it; folders are made.
        check: called with the path of the complete temporary file; if it raises, nothing is kept.
        max_bytes: more than this is not fetched.

    Raises:
        ConnectionError: no network, no such file there, a connection that broke, or too much data.
        OSError: the file could not be written.

    Several processes may do this at once: each writes a file of its own, and the last rename wins.
    """
    import urllib.error
    import urllib.request
    from http.client import HTTPException

    try:
        response = urllib.request.urlopen(url, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        raise ConnectionError(f"{url}: {error}") from error
    except (OSError, HTTPException) as error:  # URLError is an OSError
        raise ConnectionError(f"{url}: {error}") from error
    with response:
        os.makedirs(os.path.dirname(os.fspath(path)), exist_ok=True)
        with atomic_write(path) as file:
            for chunk in _chunks(response, url, max_bytes):
                file.write(chunk)
            file.flush()
            check(file.name)


def _chunks(response: HTTPResponse, url: str, max_bytes: int) -> Any:
    """The body piece by piece. A body that ends early is an error, which http.client does not make of it."""
    from http.client import HTTPException

    from tqdm import tqdm

    length = response.headers.get("Content-Length", "")
    expected = int(length) if length.isdecimal() else None
    received = 0
    # disable=None: no bar where standard error is not a terminal
    with tqdm(total=expected, unit="B", unit_scale=True, desc=os.path.basename(url), disable=None) as bar:
        while True:
            try:
                chunk = response.read(_CHUNK)
            except (OSError, HTTPException) as error:
                raise ConnectionError(f"{url}: the connection broke after {received} bytes: {error}") from error
            if not chunk:
                break
            received += len(chunk)
            if received > max_bytes:
                raise ConnectionError(f"{url}: more than the {max_bytes} bytes that were expected at most")
            bar.update(len(chunk))
            yield chunk
    if expected is not None and received != expected:
        raise ConnectionError(f"{url}: the connection broke after {received} of {expected} bytes")
