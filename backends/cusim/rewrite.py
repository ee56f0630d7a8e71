"""The few changes that let a C++ compiler take CUDA source: declarations of shared memory, a table of the kernels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .lines import LINE_DIRECTIVE


class RewriteError(ValueError):
    """A declaration that cannot be rewritten. The message has its line and text."""


@dataclass(frozen=True)
class Kernel:
    """A kernel as its declaration says it.

    Attributes:
        name: the function's name as it is written, with the template arguments of an instantiation.
        parameters: the names of the parameters.
        bounds: the first argument of `__launch_bounds__` as C++ text, "0" without one.
        is_template: whether the declaration is a template.
        position: where the declaration begins in the source.
    """

    name: str
    parameters: tuple[str, ...]
    bounds: str
    is_template: bool
    position: int


def rewrite(source: str, instantiate: Sequence[str] = ()) -> tuple[str, list[Kernel]]:
    """`source` as C++ for the simulator, with the same numbers of lines, and the kernels that it may define.

    Which of them the preprocessor leaves is up to the compiler: the table of the module bears their numbers.

    Args:
        source: CUDA C++.
        instantiate: kernels with template arguments to compile, such as "scale<float>".

    Raises:
        RewriteError: a declaration of shared memory that is not understood, or a template that is not there.
    """
    blank = without_comments(source)
    declared = find_kernels(blank)
    kernels = [kernel for kernel in declared if not kernel.is_template]
    for name in instantiate:
        base = name.split("<", 1)[0].strip()
        of_base = [kernel for kernel in declared if kernel.is_template and kernel.name == base]
        if not of_base:
            raise RewriteError(f"{name!r}: there is no template kernel {base!r}")
        kernels.append(replace(of_base[0], name=name, bounds="0"))
    edits = [
        (kernel.position, kernel.position, _defined(source, kernel, number)) for number, kernel in enumerate(kernels)
    ]
    edits += _shared_declarations(source, blank)
    edits += _stand_in_headers(source)
    pieces, done = [], 0
    for start, end, text in sorted(edits):
        pieces += [source[done:start], text]
        done = end
    table = "".join(
        f"#ifdef CUSIM_DEFINES_{i}\nCUSIM_KERNEL({i}, ({kernel.bounds}), {kernel.name}),\n#endif\n"
        for i, kernel in enumerate(kernels)
    )
    return (
        f'{"".join(pieces)}{source[done:]}\n#line 1 "kernel table"\nCUSIM_MODULE_BEGIN\n{table}CUSIM_MODULE_END\n',
        kernels,
    )


def _defined(source: str, kernel: Kernel, number: int) -> str:
    """Lines before a declaration, that leave a mark for the table if the preprocessor comes by."""
    file, line = position_in_files(source, kernel.position)
    return f"\n#define CUSIM_DEFINES_{number} 1\n#line {line}{file}\n"


def position_in_files(source: str, position: int) -> tuple[str, int]:
    """The quoted file (with a blank before it; empty if none is named) and the line, after the #line directives."""
    file, line, start = "", 1, 0
    for match in LINE_DIRECTIVE.finditer(source, 0, position):
        if match.end() < position:
            file, line, start = f' "{match[2]}"' if match[2] is not None else file, int(match[1]), match.end() + 1
    return file, line + source.count("\n", start, position)


def without_comments(source: str) -> str:
    """`source` with blanks for comments and for the insides of strings, so that every position stays what it was."""

    def blank(match: re.Match[str]) -> str:
        text = match[0]
        keep = text[0] if text[0] in "\"'" else ""
        inner = text[1:-1] if keep else text
        return keep + re.sub(r"[^\n]", " ", inner) + keep

    return re.sub(
        r'//(?:\\\n|[^\n])*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, source, flags=re.DOTALL
    )


# --- kernels -------------------------------------------------------------------------------------------------

_BOUNDS = re.compile(r"__launch_bounds__\s*\(")
_NAME = re.compile(r"([A-Za-z_]\w*)\s*\(")


def find_kernels(blank: str) -> list[Kernel]:
    """The kernels that `blank`, a source without comments, defines or declares; each once."""
    found: dict[str, Kernel] = {}
    for match in re.finditer(r"\b__global__\b", blank):
        if re.search(r"^[ \t]*#[^\n]*$", blank[: match.start()].rsplit("\n", 1)[-1]):
            continue  # a macro that mentions it
        at, bounds = match.end(), "0"
        head = _declaration_start(blank, match.start())
        given = _BOUNDS.search(blank, at)
        name = _NAME.search(blank, at)
        while name is not None and name[1] in (
            "__launch_bounds__",
            "__attribute__",
            "alignas",
            "__maxnreg__",
            "__cluster_dims__",
        ):
            close = _closing(blank, name.end() - 1)
            if given is not None and given.start() == name.start():
                bounds = _split(blank[name.end() : close])[0].strip()
            at = close + 1
            name = _NAME.search(blank, at)
            given = _BOUNDS.search(blank, at)
        if name is None:
            continue
        before = _BOUNDS.search(head)
        if before is not None:
            bounds = _split(head[before.end() : _closing(head, before.end() - 1)])[0].strip()
        close = _closing(blank, name.end() - 1)
        parameters = [part for part in _split(blank[name.end() : close]) if part.strip() not in ("", "void")]
        names = tuple(_parameter_name(part, i) for i, part in enumerate(parameters))
        position = match.start() - len(head.lstrip())
        kernel = Kernel(name[1], names, bounds or "0", "template" in head, position)
        if kernel.name not in found or found[kernel.name].bounds == "0":
            found[kernel.name] = kernel
    return list(found.values())


def _declaration_start(blank: str, end: int) -> str:
    """The text between the declaration's begin and `end`: after the last `;`, `}` or `{`, or directive."""
    start = max(blank.rfind(mark, 0, end) for mark in ";}{")
    head = blank[start + 1 : end]
    lines = head.split("\n")
    last = max((i for i, line in enumerate(lines) if line.lstrip().startswith("#")), default=-1)
    return "\n".join(lines[last + 1 :])


def _parameter_name(text: str, index: int) -> str:
    text = re.sub(r"=.*", "", text, flags=re.DOTALL)
    text = re.sub(r"\[[^\]]*\]\s*$", "", text)
    words = re.findall(r"[A-Za-z_]\w*", text)
    return words[-1] if len(words) > 1 else f"argument{index}"


# --- shared memory -------------------------------------------------------------------------------------------

_VALUE = r"\((?:[^()]|\([^()]*\))*\)"
_ALIGN = rf"(?:__align__|alignas)\s*{_VALUE}|__attribute__\s*\(\(\s*aligned\s*{_VALUE}\s*\)\)"
_SHARED = re.compile(rf"((?:\b(?:extern|static|volatile|const)\b\s*|(?:{_ALIGN})\s*)*)\b__shared__\b", re.DOTALL)
_DECLARATOR = r"([*\s]*)\b([A-Za-z_]\w*)\s*((?:\[.*\])?)\s*"
_ALIGN_VALUE = re.compile(r"(?:__align__|alignas|aligned)\s*\(((?:[^()]|\([^()]*\))*)\)")


def _shared_declarations(source: str, blank: str) -> list[tuple[int, int, str]]:
    """What replaces the declarations of shared memory: begin, end, text."""
    edits = []
    for number, match in enumerate(_SHARED.finditer(blank)):
        end = blank.find(";", match.end())
        line = position_in_files(source, match.start())[1]
        what = " ".join(source[match.start() : end + 1 if end >= 0 else match.end() + 60].split())
        if end < 0 or re.match(r"[ \t]*#", blank[blank.rfind("\n", 0, match.start()) + 1 :]):
            raise RewriteError(f"line {line}: __shared__ must stand in a plain declaration, not in a macro: {what}")
        macro = "CUSIM_SHARED" if _in_function(blank, match.start()) else "CUSIM_SHARED_OUTSIDE"
        replaced = _declaration(match[1], blank[match.end() : end], number, macro, f"line {line}: {what}")
        edits.append((match.start(), end, replaced + "\n" * source.count("\n", match.start(), end)))
    return edits


def _declaration(prefix: str, blank: str, number: int, macro: str, where: str) -> str:
    """The declarators after `__shared__`, each as a declaration of its own on one line."""
    alignments = [f"({value})" for value in _ALIGN_VALUE.findall(prefix + blank)]
    bare = re.sub(_ALIGN, lambda found: " " * len(found[0]), blank)
    if re.search(r"[{}]", bare):
        raise RewriteError(f"{where}: name the type first, then declare the variable __shared__")
    is_extern = "extern" in prefix.split() or re.match(r"\s*extern\b", bare) is not None
    bare = re.sub(r"\b(?:extern|static)\b", lambda found: " " * len(found[0]), bare)
    parts = _split(bare)
    first = re.match(rf"^(.*[\w>])\s*?{_DECLARATOR}$", parts[0], re.DOTALL)
    others = [re.match(rf"^{_DECLARATOR}$", part, re.DOTALL) for part in parts[1:]]
    if first is None or None in others:
        raise RewriteError(f"{where}: this declaration is not understood")
    base = " ".join(f"{_type_qualifiers(prefix)} {first[1]}".split())
    declared = [first.groups()[1:], *(other.groups() for other in others if other is not None)]
    result = []
    for i, (stars, name, dimensions) in enumerate(declared):
        kind = base + "".join(stars.split())
        dimensions = " ".join(dimensions.split())
        if is_extern:
            if re.sub(r"\s", "", dimensions) != "[]":
                raise RewriteError(f"{where}: extern __shared__ memory is an array of unknown length, such as buffer[]")
            result.append(f"CUSIM_DYNAMIC_SHARED({name}, {kind})")
        else:
            alignment = "1"
            for value in alignments:
                alignment = f"(cusim::larger<{alignment}, {value}>)"
            result.append(f"{macro}({number}_{i}, {name}, {alignment}, {kind}{dimensions})")
    return "; ".join(result)


_SCOPE = re.compile(r"(?:\bnamespace\b[\w:\s]*|\bextern\s*\"[^\"]*\"\s*)$")


def _in_function(blank: str, position: int) -> bool:
    """Whether a brace is open at `position` other than those of namespaces and `extern "C"`."""
    opened: list[bool] = []
    for match in re.finditer(r"[{}]", blank[:position]):
        if match[0] == "{":
            opened.append(_SCOPE.search(blank, max(0, match.start() - 200), match.start()) is None)
        elif opened:
            opened.pop()
    return any(opened)


def _type_qualifiers(prefix: str) -> str:
    """The qualifiers of the type among what stands before `__shared__`."""
    return " ".join(word for word in re.findall(r"\b(?:volatile|const)\b", prefix))


# --- headers -------------------------------------------------------------------------------------------------

# What device.h stands for. Others, such as <cstdint>, are the C++ compiler's.
_STAND_IN = (
    "cuda_runtime.h", "cuda_runtime_api.h", "cuda.h", "device_launch_parameters.h", "device_functions.h",
    "vector_types.h", "vector_functions.h", "math_functions.h", "math.h", "cmath", "assert.h", "cassert",
    "stdio.h", "cstdio", "string.h", "cstring",
)  # fmt: skip
_STAND_IN_INCLUDE = re.compile(
    rf"^[ \t]*#[ \t]*include[ \t]*[<\"](?:{'|'.join(map(re.escape, _STAND_IN))})[>\"]", re.MULTILINE
)


def _stand_in_headers(source: str) -> list[tuple[int, int, str]]:
    return [(match.start(), match.end(), "") for match in _STAND_IN_INCLUDE.finditer(source)]


# --- brackets ------------------------------------------------------------------------------------------------


def _closing(text: str, opening: int) -> int:
    """The position of the bracket that closes the one at `opening`; the end of the text if there is none."""
    depth = 0
    for i in range(opening, len(text)):
        if text[i] in "([{":
            depth += 1
        elif text[i] in ")]}":
            depth -= 1
            if depth == 0:
                return i
    return len(text)


def _split(text: str) -> list[str]:
    """`text` cut at its commas outside of brackets; angle brackets count where no other bracket is open."""
    parts, depth, angles, start = [], 0, 0, 0
    for i, c in enumerate(text):
        if c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif depth == 0 and c == "<":
            angles += 1
        elif depth == 0 and c == ">":
            angles -= 1
        elif depth == 0 and angles == 0 and c == ",":
            parts.append(text[start:i])
            start = i + 1
    return [*parts, text[start:]]
