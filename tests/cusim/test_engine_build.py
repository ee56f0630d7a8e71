"""Compiling and the cache: two processes, damage, folders that cannot be written, compilers that are missing."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from dlcore import _build
from dlcore._build import BuildError, load

THREE = "int value(void) { return 3; }"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and temporary folders of this test's own."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(_build.tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("DLCORE_CACHE", str(tmp_path / "cache"))
    for name in ("CC", "CXX"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache" / "build"


def entries(folder: Path) -> list[Path]:
    return sorted(folder.glob("*")) if folder.is_dir() else []


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sources that were really compiled."""
    seen: list[str] = []
    compile_ = _build._compile

    def counted(compiler: object, language: str, source: str, *rest: object) -> bytes:
        seen.append(source)
        return compile_(compiler, language, source, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(_build, "_compile", counted)
    return seen


@pytest.mark.parametrize(("language", "prefix"), [("c", ""), ("c++", 'extern "C" ')])
def test_a_source_is_compiled_once(language: str, prefix: str, cache: Path, compilations: list[str]) -> None:
    for _ in range(3):
        assert load(prefix + THREE, language=language).library.value() == 3
    assert len(compilations) == 1
    (entry,) = entries(cache)
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert load(prefix + THREE, language=language).path == entry


def test_the_key_is_source_flags_headers_and_compiler(cache: Path, compilations: list[str], tmp_path: Path) -> None:
    headers = tmp_path / "headers"
    (headers / "deep").mkdir(parents=True)
    (headers / "outer.h").write_text('#include "deep/inner.h"\n#include <stddef.h>\n')
    (headers / "deep" / "inner.h").write_text('#  include "constants.h"\n')
    (headers / "deep" / "constants.h").write_text("#define VALUE 5\n")
    (headers / "unused.h").write_text("")
    source = '#include "outer.h"\n#ifndef MORE\n#define MORE 0\n#endif\nint value(void) { return VALUE + MORE; }'

    def value(*flags: str, source: str = source) -> int:
        return load(source, language="c", flags=flags, include=[headers]).library.value()

    assert value() == value() == 5
    assert value("-DMORE=1") == 6
    assert value(source=source.replace("VALUE +", "VALUE -")) == 5
    assert len(compilations) == 3
    (headers / "deep" / "constants.h").write_text("#define VALUE 7\n")  # included by way of two others
    assert value() == 7
    (headers / "unused.h").write_text("// changed")
    assert value() == 7
    assert len(compilations) == 4

    wrapper = tmp_path / "my-cc"
    wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("cc")} "$@"\n')
    wrapper.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CC", f"{wrapper} -DMORE=10")  # a command with options
        assert value() == 17
        wrapper.write_text(wrapper.read_text() + "# another version\n")
        assert value() == 17
    assert len(compilations) == 6


@pytest.mark.parametrize("damage", ["truncated", "changed", "emptied", "not a library", "a folder"])
def test_a_damaged_entry_is_built_again(damage: str, cache: Path, compilations: list[str]) -> None:
    source = f"int value(void) {{ return {len(damage)}; }}"
    code = f"import sys; from dlcore._build import load; sys.exit(load({source!r}, language='c').library.value())"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == len(damage)
    (entry,) = entries(cache)
    content = entry.read_bytes()
    if damage == "a folder":
        entry.unlink()
        entry.mkdir()
    else:
        changed = bytearray(content)
        changed[len(content) // 2] ^= 1
        texts = {"truncated": content[: len(content) // 2], "changed": changed, "emptied": b"",
                 "not a library": _build._seal(b"no library", "")}  # fmt: skip
        entry.write_bytes(texts[damage])
    built = load(source, language="c")
    assert built.library.value() == len(damage)
    assert len(compilations) == 1
    assert built.path.read_bytes() == content


def test_notes_are_kept_with_the_library(cache: Path) -> None:
    seen = []

    def inspect(content: bytes) -> str:
        seen.append(content[:4])
        return json.dumps({"length": len(content)})

    first = load(THREE, language="c", inspect=inspect)
    assert first.notes == load(THREE, language="c", inspect=inspect).notes
    assert json.loads(first.notes)["length"] > 100
    assert seen == [b"\x7fELF"]


def test_two_processes_build_at_once(cache: Path, tmp_path: Path) -> None:
    """Both start with an empty cache, at the same moment, over several sources."""
    code = """
        import sys, time
        from pathlib import Path
        from dlcore._build import load
        mine, other = Path(sys.argv[1]), Path(sys.argv[2])
        mine.touch()
        while not other.exists():
            time.sleep(0.001)
        for i in range(6):
            source = "int value(void) { return %d; }" % i
            assert load(source, language="c").library.value() == i
            print(i, flush=True)
    """
    names = [tmp_path / "first", tmp_path / "second"]
    command = [sys.executable, "-c", textwrap.dedent(code)]
    running = [
        subprocess.Popen([*command, *map(str, order)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for order in (names, names[::-1])
    ]
    for process in running:
        out, err = process.communicate(timeout=120)
        assert out.split() == list("012345"), err
    assert len(entries(cache)) == 6  # and no temporary file is left
    for i in range(6):
        assert load(f"int value(void) {{ return {i}; }}", language="c").library.value() == i


def test_threads_build_at_once(cache: Path) -> None:
    results: list[int] = []
    threads = [
        threading.Thread(
            target=lambda i=i: results.append(load(THREE + "/**/" * (i // 2), language="c").library.value())
        )
        for i in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [3] * 6
    assert len(entries(cache)) == 3


# --- folders -------------------------------------------------------------------------------------------------


def fallback() -> Path:
    return Path(_build.tempfile.gettempdir()) / f"dlcore-{os.getuid()}" / "build"


def test_a_cache_that_is_a_file_gives_way_to_a_temporary_folder(cache: Path, compilations: list[str]) -> None:
    cache.parent.write_text("in the way")
    for _ in range(2):
        assert load(THREE, language="c").library.value() == 3
    assert len(compilations) == 1
    assert len(entries(fallback())) == 1


def test_a_read_only_cache_gives_way_to_a_temporary_folder(
    cache: Path, compilations: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal is made up: the tests may run as root, who may write anywhere."""
    kept, write = load(THREE, language="c").path, _build.atomic_write

    def refuse(path: Path) -> object:
        if path.parent == cache:
            raise PermissionError(13, "Permission denied", str(path))
        return write(path)

    monkeypatch.setattr(_build, "atomic_write", refuse)
    assert load(THREE, language="c").path == kept  # what is there is used
    for _ in range(2):
        assert load(THREE + "/* new */", language="c").library.value() == 3
    assert len(compilations) == 2
    assert len(entries(fallback())) == 1


def test_without_a_home_the_temporary_folder_serves(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DLCORE_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(_build.Path, "home", no_home)
    assert _build.cache_folders() == [fallback()]
    assert load(THREE, language="c").path.parent == fallback()


def test_the_users_cache_folder_is_the_default(cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DLCORE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert load(THREE, language="c").path.parent == tmp_path / "xdg" / "dlcore" / "build"


def test_what_others_could_have_written_is_not_loaded(cache: Path, compilations: list[str]) -> None:
    load(THREE, language="c")
    cache.chmod(0o777)
    assert load(THREE, language="c").path.parent == fallback()
    assert len(compilations) == 2
    fallback().chmod(0o770)
    with pytest.raises(
        BuildError, match=r"cannot be kept anywhere; name a folder in DLCORE_CACHE .*others may write to it"
    ):
        load(THREE, language="c")


# --- compilers -----------------------------------------------------------------------------------------------


def test_a_missing_compiler_is_named(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(cache.parent))
    with pytest.raises(
        BuildError, match=r"no C compiler: looked for cc, gcc, clang in PATH; install one .* or name it in CC"
    ):
        load(THREE, language="c")
    with pytest.raises(BuildError, match=r"no C\+\+ compiler: looked for c\+\+, g\+\+, clang\+\+ in PATH; .* in CXX"):
        load(THREE)
    monkeypatch.setenv("CC", "/nowhere/gcc -O2")
    with pytest.raises(
        BuildError, match=r"CC='/nowhere/gcc -O2': there is no such compiler; name a C compiler, or unset CC"
    ):
        load(THREE, language="c")


def test_a_compiler_that_does_not_run_is_named(cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, text, message in (
        ("fails", "#!/bin/sh\necho no licence >&2\nexit 4\n", "fails --version failed with status 4: no licence"),
        ("garbage", "\0\1\2", "garbage: this compiler does not run"),
    ):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("CC", str(tmp_path / name))
        with pytest.raises(BuildError, match=message):
            load(THREE, language="c")


@pytest.mark.parametrize(
    ("text", "version", "is_clang"),
    [
        ("g++ (Debian 12.2.0-14+deb12u1) 12.2.0", 12, False),
        ("g++ (GCC) 9.5.0", 9, False),
        ("Debian clang version 14.0.6\nTarget: x86_64-pc-linux-gnu", 14, True),
        ("some compiler", 0, False),
    ],
)
def test_versions_of_compilers(text: str, version: int, is_clang: bool) -> None:
    compiler = _build.Compiler(("c++",), text)
    assert (compiler.version, compiler.is_clang) == (version, is_clang)


def test_an_error_in_the_source_is_shown(cache: Path) -> None:
    with pytest.raises(BuildError, match=r"cc failed:\n(.*\n)*mine.c:4:.*undeclared"):
        load('#line 4 "mine.c"\nint value(void) { return nonsense; }', language="c")
    with pytest.raises(
        BuildError, match=r"failed:\n.*undefined reference to `missing'|the library .* cannot be loaded.*missing"
    ):
        load("int missing(void); int value(void) { return missing(); }", language="c")
    assert entries(cache) == [] or all(not path.name.endswith(".tmp") for path in entries(cache))
