#!/usr/bin/env python3
"""Runs scenarios in two processes, in which dictionaries and sets have different orders, and says whether the runs are the
same, event by event: where one is not, which event is the first that differs.

    Scripts/two-processes.py [--program .build/release/warren] [--seed 1] [--chaos] [SCENARIO ...]
"""

import argparse
import json
import os
import subprocess
import sys
from itertools import zip_longest

# One has the order that is the same in each process that asks for it, the other one that nobody knows before.
PROCESSES = [{"SWIFT_DETERMINISTIC_HASHING": "1"}, {}]


def start(words, more):
    command = [words.program, "simulate", *more, "--seed", str(words.seed)] + ["--chaos"] * words.chaos
    usual = {key: value for key, value in os.environ.items() if key != "SWIFT_DETERMINISTIC_HASHING"}
    return [
        subprocess.Popen(command, env=usual | setting, stdout=subprocess.PIPE, text=True) for setting in PROCESSES
    ]


def parting(words, name):
    """The first event that differs, in words."""
    one, other = start(words, ["--replay", name])
    place = 0
    try:
        for place, (mine, its) in enumerate(zip_longest(one.stdout, other.stdout), 1):
            if mine != its:
                return f"from event {place} on:\n    {(mine or 'nothing').strip()}\n    {(its or 'nothing').strip()}"
        return f"not when they are shown ({place} events each): how they are shown changes it"
    finally:
        for process in (one, other):
            process.kill()
            process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenarios", nargs="*")
    parser.add_argument("--program", default=".build/release/warren")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chaos", action="store_true")
    words = parser.parse_args()
    processes = start(words, [*words.scenarios, "--json", "--jobs", "1"])
    # Both write at once, and little: the first is not held up while the second is read.
    found = [json.loads(process.communicate()[0])["scenarios"] for process in processes]
    pairs = list(zip(*found, strict=True))
    if wrong := [one["name"] for one, _ in pairs if one["failures"]]:
        print(f"  a rule is broken in: {', '.join(wrong)}")
    different = [one["name"] for one, other in pairs if one["hash"] != other["hash"]]
    for name in different:
        print(f"  {name} differs {parting(words, name)}")
    with_chaos = ", with chaos" if words.chaos else ""
    print(f"{len(pairs)} scenarios in two processes, seed {words.seed}{with_chaos}: {len(different)} differ.")
    sys.exit(1 if different or wrong else 0)


if __name__ == "__main__":
    main()
