"""Where files that can be fetched or made again are kept."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def user_cache_dir() -> Path:
    """The folder `dlcore` in the user's cache folder; it need not exist yet.

    `XDG_CACHE_HOME` if set (an absolute path, as the XDG base directory specification demands), else
    `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows, `~/.cache` elsewhere.
    """
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(chosen):
        return Path(chosen) / "dlcore"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "dlcore"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "dlcore"
    return Path.home() / ".cache" / "dlcore"
