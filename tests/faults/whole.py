"""The whole of the campaign's lists, each entry once: for a night, and to be gone on with.

    make faults-all                  # goes on where the last one stopped, at the same commit
    make faults-all ONLY=cells:417

Every fault at every call of every kind of action, `kill -9` at every write of the journal, and
before and after every call. What came of each is a line of a file in ``build/``, so that it may be
interrupted at any time. The last line counts all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tests.faults.campaign import Ran, Told, explore, run_all, story
from tests.faults.planning import Campaign, Walked
from tests.faults.troubles import Scenario

ROOT = Path(__file__).parents[2]
#: Counts of the last line, as in ``campaign.py``.
NAMES = ("lost", "repeated", "unknown", "violations")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a list.

    Attributes:
        list: its list.
        number: its place there.
    """

    list: Walked
    number: int

    def __str__(self) -> str:
        return f"{self.list}:{self.number}"


@dataclass(slots=True)
class Progress:
    """What came of entries so far, kept in a file.

    Attributes:
        path: the file; one JSON object a line.
        wrong: entry -> what was wrong with it, by :data:`NAMES`; empty for a clean one.
    """

    path: Path
    wrong: dict[str, Mapping[str, list[str]]]

    @classmethod
    def read(cls, path: Path) -> Progress:
        """What a file tells; half a line at its end, of a run that was killed, is none."""
        wrong: dict[str, Mapping[str, list[str]]] = {}
        text = path.read_text() if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            path.write_text(whole)
        for line in whole.splitlines():
            told = json.loads(line)
            wrong[told["entry"]] = told["wrong"]
        return cls(path, wrong)

    def add(self, entry: Entry, ran: Ran) -> None:
        """Write down what came of an entry."""
        wrong = {name: lines for name in NAMES if (lines := getattr(ran.verdict, name))}
        self.wrong[str(entry)] = wrong
        with self.path.open("a") as file:
            file.write(json.dumps({"entry": str(entry), "wrong": wrong}) + "\n")

    def text(self, lists: Mapping[Walked, int]) -> str:
        """Two lines: what was visited of lists of these lengths, and what was wrong."""
        seen = Counter(entry.partition(":")[0] for entry in self.wrong)
        counts = {
            name: sum(len(one.get(name, ())) for one in self.wrong.values()) for name in NAMES
        }
        said = ", ".join(f"{count} {name}" for name, count in counts.items())
        return (
            f"visited {seen['cells']} of {lists['cells']} cells (fault x call x kind of action), "
            f"kill -9 at {seen['writes']} of {lists['writes']} writes and at {seen['calls']} of "
            f"{lists['calls']} calls\n{len(self.wrong)} runs: {said}"
        )


def entries(campaign: Campaign) -> list[Entry]:
    """All entries, cells first, each list in an order of its own that is always the same."""
    found = []
    for name, scenarios in campaign.lists.items():
        order = [Entry(name, number) for number in range(len(scenarios))]
        random.Random(name).shuffle(order)
        found += order
    return found


def scenario(campaign: Campaign, entry: Entry) -> Scenario:
    """The run of an entry."""
    seed = random.Random(f"all/{entry}").randrange(1 << 30)
    return replace(campaign.lists[entry.list][entry.number], seed=seed)


def go_on(
    campaign: Campaign, progress: Progress, workers: int, most: int
) -> Iterator[tuple[Entry, Ran]]:
    """Run at most so many of the entries of which nothing is known yet, and write them down."""
    left = [one for one in entries(campaign) if str(one) not in progress.wrong][:most]
    told = Told(tuple(scenario(campaign, one) for one in left))
    for ran in run_all(told, range(len(left)), workers):
        entry = left[ran.number]
        progress.add(entry, ran)
        yield entry, ran


def commit() -> str:
    """The commit whose program is tried, and whether anything was changed since."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    changed = "-changed" if git("status", "--porcelain", "--untracked-files=no") else ""
    return git("rev-parse", "--short=12", "HEAD") + changed


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.whole", description=__doc__)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--most", type=int, default=1_000_000, help="stop after so many runs")
    parser.add_argument("--file", type=Path, help="where progress is kept")
    parser.add_argument("--only", default="", help="LIST:NUMBER: this entry alone, with its story")
    chosen = parser.parse_args()
    os.environ |= {"GOGC": "off", "GOMAXPROCS": "1"}
    campaign = Campaign(explore(), 1)
    if chosen.only:
        name, _, number = chosen.only.partition(":")
        told = Told((scenario(campaign, Entry(name, int(number))),))
        return story(told, 0, "")
    path = chosen.file or ROOT / "build" / f"faults-all-{commit()}.jsonl"
    progress = Progress.read(path)
    print(f"{len(progress.wrong)} runs were done before ({path})", file=sys.stderr)
    for done, (entry, ran) in enumerate(go_on(campaign, progress, chosen.workers, chosen.most), 1):
        if done % 250 == 0:
            print(f"{done} runs", file=sys.stderr, flush=True)
        if not ran.verdict.clean:
            print(f"{entry}: {ran.scenario}")
            for line in ran.verdict.lines():
                print(f"  {line}")
            print(f"  again: make faults-all ONLY={entry}", flush=True)
    print(progress.text({name: len(one) for name, one in campaign.lists.items()}))
    return 1 if any(progress.wrong.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
