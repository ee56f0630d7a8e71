"""The figures of a run as a table for people."""

from __future__ import annotations

from typing import Any


def markdown(result: dict[str, Any]) -> str:
    about = "\n".join(f"- {name}: {_shown(value)}" for name, value in result["about"].items())
    header = "| case | error | floor us | cold us (p10 to p90) | of floor | hot us | host us | peers, cold us |"
    lines = [about, "", header, "|---|---|---|---|---|---|---|---|"]
    for row in result["rows"]:
        if row.get("problem"):
            lines.append(f"| {row['name']} | **{row['problem']}** | | | | | | |")
            continue
        ours = row["times"]["ours"]
        cold = ours["cold"]
        others = ", ".join(
            f"{name}: {times['problem'] if 'problem' in times else format(times['cold']['median'], '.1f')}"
            for name, times in row["times"].items()
            if name != "ours"
        )
        lines.append(
            f"| {row['name']} | {row['error']:.0e} | {row['floor_us']:.1f} | "
            f"{cold['median']:.1f} ({cold['p10']:.1f} to {cold['p90']:.1f}) | {row['percent_of_floor']:.0f}% | "
            f"{ours['hot']['median']:.1f} | {ours['host']['median']:.1f} | {others} |"
        )
    return "\n".join(lines)


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
