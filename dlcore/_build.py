"""C and C++ text in, a shared library out: compiled with the system's compiler and kept in a cache.

The simulator of CUDA devices and the C kernels of the CPU are compiled on the machine that runs them, at first use.
The cache is keyed by content: the compiler, the flags, the source and every header of ours that it includes. An entry
is one file, written atomically and closed by its own digest, so two processes may build at once, and a damaged entry is
noticed and built again.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import os
import platform
import re
import shlex
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .io._atomic import atomic_write
from .io._cache import user_cache_dir

CANDIDATES = {"c": ("cc", "gcc", "clang"), "c++": ("c++", "g++", "clang++")}
VARIABLES = {"c": "CC", "c++": "CXX"}
SUFFIXES = {"c": ".c", "c++": ".cpp"}


class BuildError(RuntimeError):
    """There is no compiler, or it refused the source. The message holds what the compiler said."""


@dataclass(frozen=True)
class Compiler:
    """A compiler that is there.

    Attributes:
        command: how it is called; more than one word where CC or CXX holds options.
        identity: what tells it from every other compiler: path, size, time of change, version and target.
    """

    command: tuple[str, ...]
    identity: str

    @property
    def is_clang(self) -> bool:
        return "clang" in self.identity

    @property
    def version(self) -> int:
        """The first part of the version; 0 if it is not told."""
        found = re.search(r"(?:version|\)) (\d+)\.\d", self.identity)
        return int(found[1]) if found else 0


@dataclass(frozen=True)
class Library:
    """A compiled library in the cache.

    Attributes:
        path: the shared library.
        notes: what `inspect` found out about the object file, as text; empty without one.
        library: the loaded library.
    """

    path: Path
    notes: str
    library: ctypes.CDLL


def find_compiler(language: str = "c++") -> Compiler:
    """The compiler for `language`: what CC (for "c") or CXX (for "c++") names, else the first of the usual names.

    Raises:
        BuildError: none was found, or what the variable names is not there or does not run.
    """
    variable = VARIABLES[language]
    chosen = os.environ.get(variable, "").strip()
    names = [chosen] if chosen else list(CANDIDATES[language])
    for name in names:
        words = shlex.split(name)
        program = shutil.which(words[0])
        if program is not None:
            return Compiler((program, *words[1:]), _identity(program, _stamp(program), tuple(words[1:])))
    title = {"c": "C", "c++": "C++"}[language]
    if chosen:
        raise BuildError(
            f"{variable}={chosen!r}: there is no such compiler; name a {title} compiler, or unset {variable}"
        )
    raise BuildError(
        f"no {title} compiler: looked for {', '.join(names)} in PATH; "
        f"install one (Debian, Ubuntu: apt-get install g++), or name it in {variable}"
    )


def load(
    source: str,
    *,
    language: str = "c++",
    flags: Sequence[str] = (),
    link_flags: Sequence[str] = (),
    include: Sequence[Path] = (),
    inspect: Callable[[bytes], str] | None = None,
) -> Library:
    """The shared library compiled from `source`, from the cache where it is there.

    Args:
        source: the text of one translation unit.
        language: "c" or "c++".
        flags: options of the compiler; -fPIC and -c are added.
        link_flags: options of the link, such as "-lm".
        include: folders of our own headers. Their content counts for the key of the cache, as far as `source` includes
            them; the headers of the system count as part of the compiler.
        inspect: called with the bytes of the object file before it is linked; what it returns is kept with the
            library. Two calls that differ only in it must not share flags.

    Raises:
        BuildError: no compiler, or an error in the source, with the compiler's message.

    Example:
        >>> from dlcore._build import load
        >>> load("int three(void) { return 3; }", language="c").library.three()
        3
    """
    compiler = find_compiler(language)
    flags = [*flags, *(f"-I{folder}" for folder in include)]
    key = _key(compiler, language, source, flags, link_flags, include)
    entry = _find(key)
    if entry is not None:
        loaded = _open(entry)
        if loaded is not None:
            return loaded
    content = _compile(compiler, language, source, flags, link_flags, inspect)
    loaded = _open(_store(key, content))
    if loaded is None:  # a fresh library that the loader refuses, so say what it says
        raise BuildError(
            f"{compiler.command[0]}: the library just compiled cannot be loaded: {_loader_message(content)}"
        )
    return loaded


# --- the key -------------------------------------------------------------------------------------------------


@functools.cache
def _identity(program: str, stamp: tuple[int, int], options: tuple[str, ...]) -> str:
    try:
        done = subprocess.run([program, *options, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except OSError as error:
        raise BuildError(f"{program}: this compiler does not run: {error}") from None
    if done.returncode != 0:
        raise BuildError(f"{program} --version failed with status {done.returncode}: {done.stderr.strip()}")
    return "\n".join([program, *map(str, stamp), *options, done.stdout, platform.machine(), platform.system()])


def _stamp(program: str) -> tuple[int, int]:
    """Changes when the program is replaced, as by an update of the system."""
    status = os.stat(program)
    return status.st_size, status.st_mtime_ns


@functools.cache
def cpu_features() -> frozenset[str]:
    """What the processor can do, by the names of /proc/cpuinfo; empty where there is no such file."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return frozenset()
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    return frozenset(found[1].split()) if found else frozenset()


def _key(
    compiler: Compiler,
    language: str,
    source: str,
    flags: Sequence[str],
    link_flags: Sequence[str],
    include: Sequence[Path],
) -> str:
    digest = hashlib.sha256()
    native = sorted(cpu_features()) if any("native" in flag for flag in flags) else []
    parts = [compiler.identity, language, source, repr(list(flags)), repr(list(link_flags)), repr(native)]
    for part in [*parts, *_headers(source, [Path(folder) for folder in include])]:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    return digest.hexdigest()[:40]


_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*[\"<]([^\">\n]+)[\">]", re.MULTILINE)


def _headers(source: str, folders: Sequence[Path]) -> Iterator[str]:
    """The text of every header in `folders` that `source` includes, also by way of other headers, each once."""
    seen: set[Path] = set()
    waiting = [(source, Path())]
    while waiting:
        text, home = waiting.pop()
        for name in _INCLUDE.findall(text):
            for folder in [home, *folders] if home != Path() else folders:
                path = folder / name
                if path not in seen and path.is_file():
                    seen.add(path)
                    content = path.read_text()
                    waiting.append((content, path.parent))
                    yield f"{name}\n{content}"
                    break


# --- compiling -----------------------------------------------------------------------------------------------


def _compile(
    compiler: Compiler,
    language: str,
    source: str,
    flags: Sequence[str],
    link_flags: Sequence[str],
    inspect: Callable[[bytes], str] | None,
) -> bytes:
    with tempfile.TemporaryDirectory(prefix="dlcore-build-") as name:
        folder = Path(name)
        text, object_file, library = folder / f"module{SUFFIXES[language]}", folder / "module.o", folder / "module.so"
        text.write_text(source)
        # Names relative to the folder, so that its random name is not kept in the debug information.
        _run(
            [
                *compiler.command,
                *flags,
                f"-fdebug-prefix-map={folder}=.",
                "-fPIC",
                "-c",
                text.name,
                "-o",
                object_file.name,
            ],
            folder,
        )
        _run([*compiler.command, "-shared", object_file.name, "-o", library.name, *link_flags], folder)
        notes = inspect(object_file.read_bytes()) if inspect is not None else ""
        return _seal(library.read_bytes(), notes)


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        raise BuildError(f"{command[0]}: this compiler does not run: {error}") from None
    if done.returncode != 0:
        message = done.stderr.strip() or done.stdout.strip() or f"status {done.returncode}"
        raise BuildError(f"{command[0]} failed:\n{message}")


# --- the cache -----------------------------------------------------------------------------------------------
# An entry is the library followed by notes, two lengths, a digest and a mark. Loaders ignore what follows a library.

_MARK = b"dlcore-build-1\n"
_TAIL = 8 + 32 + len(_MARK)


def _seal(library: bytes, notes: str) -> bytes:
    body = library + notes.encode()
    tail = len(notes.encode()).to_bytes(8, "little")
    return body + tail + hashlib.sha256(body + tail).digest() + _MARK


def _unseal(content: bytes) -> str | None:
    """The notes of an entry, None if the entry is damaged."""
    if len(content) < _TAIL or not content.endswith(_MARK):
        return None
    digest = content[-len(_MARK) - 32 : -len(_MARK)]
    if hashlib.sha256(content[: -len(_MARK) - 32]).digest() != digest:
        return None
    length = int.from_bytes(content[-_TAIL : -_TAIL + 8], "little")
    return content[len(content) - _TAIL - length : -_TAIL].decode()


def cache_folders() -> list[Path]:
    """Where libraries are looked for, best first; they are written to the first that can be written.

    The folder that DLCORE_CACHE names, else the user's cache folder; then a folder of the user's in the system's
    temporary folder, for homes that are missing or read-only.
    """
    folders = []
    chosen = os.environ.get("DLCORE_CACHE", "")
    if chosen:
        folders.append(Path(chosen).absolute() / "build")
    else:
        with contextlib.suppress(RuntimeError):  # no home folder can be told
            folders.append(user_cache_dir() / "build")
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    return [*folders, Path(tempfile.gettempdir()) / f"dlcore-{user}" / "build"]


def _find(key: str) -> Path | None:
    for folder in cache_folders():
        path = folder / f"{key}.so"
        if path.is_file() and _trusted(folder):
            return path
    return None


def _store(key: str, content: bytes) -> Path:
    problems = []
    for folder in cache_folders():
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _trusted(folder):
                problems.append(f"{folder}: belongs to another user, or others may write to it")
                continue
            with atomic_write(folder / f"{key}.so") as file:
                file.write(content)
        except OSError as error:
            problems.append(f"{folder}: {error.strerror or error}")
        else:
            return folder / f"{key}.so"
    raise BuildError(f"compiled code cannot be kept anywhere; name a folder in DLCORE_CACHE ({'; '.join(problems)})")


def _trusted(folder: Path) -> bool:
    """Whether nobody but the user can have put a library there: what is found there is executed."""
    if not hasattr(os, "getuid"):
        return True
    status = folder.stat()
    return status.st_uid in (os.getuid(), 0) and not status.st_mode & (stat.S_IWOTH | stat.S_IWGRP)


def _open(path: Path) -> Library | None:
    """The library at `path`; None if it is damaged or cannot be loaded here."""
    try:
        notes = _unseal(path.read_bytes())
        if notes is None:
            return None
        return Library(path, notes, ctypes.CDLL(os.fspath(path)))
    except OSError:
        return None


def _loader_message(content: bytes) -> str:
    with tempfile.TemporaryDirectory(prefix="dlcore-build-") as name:
        path = Path(name) / "module.so"
        path.write_bytes(content)
        try:
            ctypes.CDLL(os.fspath(path))
        except OSError as error:
            return str(error)
    return "it could not be read back from the cache"
