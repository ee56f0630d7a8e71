"""The simulator's runtime as a library: compiled at first use, and its data structures as ctypes sees them."""

from __future__ import annotations

import ctypes
import functools
import threading
from typing import Any

from dlcore import _build

from .lines import RUNTIME

LOCK = threading.RLock()  # one launch at a time, and none while a module is being attached


class ParameterInfo(ctypes.Structure):
    _fields_ = (
        ("kind", ctypes.c_char), ("pointee_kind", ctypes.c_char), ("pointee_is_const", ctypes.c_bool),
        ("bytes", ctypes.c_int), ("pointee_bytes", ctypes.c_int),
    )  # fmt: skip


class KernelInfo(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p), ("entry", ctypes.c_void_p), ("parameters", ctypes.POINTER(ParameterInfo)),
        ("parameter_count", ctypes.c_int), ("max_threads", ctypes.c_int), ("number", ctypes.c_int),
    )  # fmt: skip


class ModuleInfo(ctypes.Structure):
    _fields_ = (
        ("machine", ctypes.c_void_p), ("kernels", ctypes.POINTER(KernelInfo)), ("kernel_count", ctypes.c_int),
        ("dynamic_shared", ctypes.c_void_p), ("early_shared", ctypes.c_void_p),
        ("constants", ctypes.c_void_p), ("constants_end", ctypes.c_void_p),
    )  # fmt: skip


class BufferInfo(ctypes.Structure):
    _fields_ = (
        ("where", ctypes.c_size_t), ("bytes", ctypes.c_size_t), ("name", ctypes.c_char_p), ("shadow", ctypes.c_void_p),
        ("read_only", ctypes.c_int),
    )  # fmt: skip


class Request(ctypes.Structure):
    shadows: list[Any]  # kept alive with the request

    _fields_ = (
        ("module", ctypes.c_void_p), ("kernel", ctypes.POINTER(KernelInfo)),
        ("grid", ctypes.c_uint * 3), ("block", ctypes.c_uint * 3), ("arguments", ctypes.POINTER(ctypes.c_void_p)),
        ("dynamic_shared", ctypes.c_size_t), ("order", ctypes.c_int), ("check", ctypes.c_int),
        ("must_be_initialised", ctypes.c_int), ("steps", ctypes.c_longlong),
        ("buffers", ctypes.POINTER(BufferInfo)), ("buffer_count", ctypes.c_size_t),
    )  # fmt: skip


class Failure(ctypes.Structure):
    _fields_ = (
        ("failed", ctypes.c_int), ("site", ctypes.c_void_p), ("accessed", ctypes.c_void_p),
        ("block", ctypes.c_uint * 3), ("thread", ctypes.c_uint * 3),
        ("kind", ctypes.c_char * 48), ("text", ctypes.c_char * 1400),
    )  # fmt: skip


class SiteTraffic(ctypes.Structure):
    _fields_ = (
        ("place", ctypes.c_size_t), ("accesses", ctypes.c_ulonglong), ("requests", ctypes.c_ulonglong),
        ("sectors", ctypes.c_ulonglong), ("least_sectors", ctypes.c_ulonglong),
        ("bytes_read", ctypes.c_ulonglong), ("bytes_written", ctypes.c_ulonglong),
        ("shared_requests", ctypes.c_ulonglong), ("bank_conflicts", ctypes.c_ulonglong),
    )  # fmt: skip


@functools.cache
def _load_runtime() -> ctypes.CDLL:
    flags = ["-std=c++17", "-O2", "-w", "-fvisibility=hidden", "-fno-strict-aliasing"]
    library = _build.load('#include "launch.h"\n', flags=flags, include=[RUNTIME]).library
    signatures = {
        "cusim_attach": (ctypes.c_void_p, [ctypes.POINTER(ModuleInfo)]),
        "cusim_detach": (None, [ctypes.c_void_p]),
        "cusim_base": (ctypes.c_size_t, [ctypes.c_void_p]),
        "cusim_launch": (ctypes.c_int, [ctypes.POINTER(Request)]),
        "cusim_failure": (ctypes.POINTER(Failure), []),
        "cusim_traffic": (
            ctypes.c_size_t,
            [ctypes.POINTER(ctypes.POINTER(SiteTraffic)), ctypes.POINTER(ctypes.c_ulonglong)],
        ),
        "cusim_shadow_new": (ctypes.c_void_p, [ctypes.c_size_t]),
        "cusim_shadow_delete": (None, [ctypes.c_void_p]),
        "cusim_shadow_written": (None, [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t]),
    }
    for name, (result, arguments) in signatures.items():
        getattr(library, name).restype = result
        getattr(library, name).argtypes = arguments
    return library


def runtime() -> ctypes.CDLL:
    """The one runtime of the process, however many threads ask for it."""
    with LOCK:
        return _load_runtime()
