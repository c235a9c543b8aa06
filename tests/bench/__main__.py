"""`make bench`: each figure beside a yardstick of the same run, as ratios; bench/results.json and bench/results.html.

`make bench ONLY="accept relay"` measures what begins like one of these. `FRONTDOOR_BENCH_LARGE=1` adds what takes long.
"""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")

from tests.bench import allocation, embedded, page, real  # noqa: E402

PARTS = {"embedded": embedded.rows, "real": real.rows, "allocation": allocation.rows}
"""What there is to measure; `real` needs a Docker engine."""


def main():
    """Measure, tell each row as it comes, and write the results."""
    say = Console()
    wanted = os.environ.get("ONLY", "").split() or list(PARTS)
    found = []
    for name in wanted:
        for row in PARTS[name]():
            found.append(row if isinstance(row, dict) else row.as_json())
            say.print(_line(found[-1]), soft_wrap=True)
    results = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), "rows": found}
    (ROOT / "bench").mkdir(exist_ok=True)
    (ROOT / "bench" / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (ROOT / "bench" / "results.html").write_text(page.written(results))
    say.print(table(found))
    say.print("bench/results.json holds the figures, bench/results.html shows them.")


def _line(row):
    return f"{row['name']}: {row['ours']:,.5g} beside {row['reference']:,.5g} {row['unit']}, ratio {row['ratio']:.4g}"


def table(found):
    """Make the table of all rows."""
    made = Table("row", "ours", "beside", "ratio", "goal", "unit", "CPU s / 1,000")
    for row in found:
        goal = row.get("goal")
        wish = "" if goal is None else f"{'≤' if row.get('less') else '≥'} {goal:g} {'✓' if row['holds'] else '✗'}"
        costs = [f"{row[name]:.3g}" for name in ("cpu", "reference_cpu") if row.get(name) is not None]
        figures = (f"{row['ours']:,.5g}", f"{row['reference']:,.5g}", f"{row['ratio']:.4g}")
        made.add_row(row["name"], *figures, wish, row["unit"], " / ".join(costs))
    return made


def machine():
    """Say on what it was measured, and how busy that was at the end."""
    cores, load = os.cpu_count(), os.getloadavg()[0]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{cores} cores, {memory:.0f} GiB, Python {sys.version.split()[0]}, load {load:.1f} at the end"


if __name__ == "__main__":
    main()
