"""The journal's benchmark measures what it says it measures."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import journal as benchmark


def test_every_question_is_answered_and_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark, "PLANS", 500)
    monkeypatch.setattr(benchmark, "STEPS", 4)
    found = benchmark.answers(tmp_path / "j.db", rounds=1)
    assert found["decisions"] == 2000
    assert found["rows"]["newest_50"] == found["rows"]["of_a_vcenter"] == 50
    assert found["rows"]["of_nobody"] == 0
    assert found["slowest_ms"] == max(found["ms"].values()) > 0
    assert set(found["ms"]) == set(benchmark.QUESTIONS)


def test_only_the_outermost_call_is_timed() -> None:
    class Both:
        def outer(self) -> str:
            return self.inner()

        def inner(self) -> str:
            return "x"

    watch = benchmark.Watch()
    watch.over(Both)
    assert Both().outer() == "x"
    assert watch.calls == 1 and watch.spent_s > 0


def test_a_cycle_is_shared_out(tmp_path: Path) -> None:
    found = benchmark.share("demo", tmp_path / "j.db", 1, benchmark.Watch())
    assert found["steps_done"] > 0 and found["bytes_per_cycle"] > 0
    assert found["tasks_s"] > 0 and found["share_of_computing_pct"] == 0.0, "nobody watches"
