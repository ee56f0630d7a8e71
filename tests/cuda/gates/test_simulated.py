"""The check of kernels in the simulator goes red on wrong kernels and on specialisations that nothing launches."""

from __future__ import annotations

import re

import pytest

from dlcore.backends.cupy import launcher, table
from tools.cuda_check import simulated
from tools.cuda_check.simulated import Launch, Outcome, Run, carried_out, new_backend

SCALE = Run("scale", "37-float32-contiguous-float")


def test_a_case_says_what_it_launched() -> None:
    outcome = carried_out(SCALE, new_backend())
    assert outcome.error is None
    assert outcome.launches == {Launch("scale", "scale", (("SCALAR", "float"), ("INDEX", "int")))}


def test_cases_run_with_other_dtypes_and_wide_indices() -> None:
    outcome = carried_out(Run("scale", SCALE.case, "float16", wide=True), new_backend())
    assert outcome.error is None
    assert outcome.launches == {Launch("scale", "scale", (("SCALAR", "half_t"), ("INDEX", "long long")))}
    backend = new_backend()
    carried_out(Run("scale", SCALE.case, wide=True), backend)
    assert backend.launcher.index_limit == launcher.INDEX_LIMIT  # as before


@pytest.mark.parametrize(
    ("text", "replacement", "error"),
    [
        ("* factor", "+ factor", "AssertionError: Not equal .* argument 0"),
        ("n; i +=", "n + 4; i +=", "KernelError: scale: .*out of bounds"),
    ],
)
def test_a_wrong_kernel_is_found(text: str, replacement: str, error: str) -> None:
    source = launcher.source_text("scale")
    assert text in source
    outcome = carried_out(SCALE, new_backend({"scale": source.replace(text, replacement)}))
    assert outcome.error is not None
    assert re.match(error, " ".join(outcome.error.split())), outcome.error


def test_what_nothing_launches_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    row = next(row for row in table.TABLE if row.source == "scale")
    monkeypatch.setattr(table, "TABLE", (row, table.Row("sgd", {"SCALAR": ("double",)})))
    monkeypatch.setattr(simulated, "larger_runs", lambda kernels, above: [])
    outcomes, unreached = simulated.swept(simulated.carried_out_all, [SCALE])
    assert [outcome.error for outcome in outcomes if outcome.error] == []
    assert {launch.source for launch in unreached} == {"sgd"}  # all six of `scale` follow from the one case
    assert {outcome.run.order for outcome in outcomes} == {0, 1, 2}


def test_a_case_that_failed_leads_to_no_others() -> None:
    launch = Launch("scale", "scale", (("SCALAR", "float"), ("INDEX", "int")))
    wanted = [Launch("scale", "scale", (("SCALAR", "double"), ("INDEX", "int")))]
    assert simulated.runs_for(wanted, [Outcome(SCALE, None, 0.1, {launch})]) == [Run("scale", SCALE.case, "float64")]
    assert simulated.runs_for(wanted, [Outcome(SCALE, "wrong", 0.1, {launch})]) == []


def test_a_larger_case_is_taken_for_a_kernel_that_small_ones_do_not_reach() -> None:
    kernel = ("scatter_add", "scatter_add_sorted")
    (run,) = simulated.larger_runs({kernel}, ["scatter_add"])
    assert simulated.size_of(run) > simulated.SMALL
    assert kernel in {launch[:2] for launch in carried_out(run, new_backend(), check=False).launches}


def test_real_sizes_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    assert simulated.real_all(["bias_relu forward 64 112^2"]) == [("bias_relu forward 64 112^2", None)]
    source = launcher.source_text("bias_activation")
    wrong = source.replace("Activated::forward(sum, alpha)", "Activated::forward(sum + REAL(1e-3), alpha)")
    assert wrong != source
    backend = new_backend({"bias_activation": wrong})
    monkeypatch.setattr(simulated, "new_backend", lambda: backend)
    ((_, problem),) = simulated.real_all(["bias_relu forward 64 112^2"])
    assert problem is not None
    assert problem.startswith("result 0: error ")
