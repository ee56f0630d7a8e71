"""A pytest plugin for tools/gpu_check.py: where there is no C++ compiler, tests that need the simulator are skipped."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any

import pytest

# as dlcore/_build.py and dlcore/_device.py say it
NO_COMPILER = re.compile(r"no (C\+\+ |C |such )?compiler")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
    report = yield
    if report.failed and call.excinfo is not None and _needs_compiler(call.excinfo.value):
        report.outcome = "skipped"
        report.longrepr = (str(item.path), None, "Skipped: the simulator needs a C++ compiler, and there is none")
    return report


def _needs_compiler(error: BaseException | None) -> bool:
    while error is not None:
        if NO_COMPILER.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False
