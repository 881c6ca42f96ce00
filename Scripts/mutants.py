#!/usr/bin/env python3
"""Breaks the protocol in one place after the other, and says whether the scenarios find it, each by the rule that should.

A mutant is in Fixtures/Mutants/*.toml: what is broken, in which file, which text there becomes which other, and in which
scenarios which rule has to be the first that is broken. All of them are built into one program, in a copy of the sources
(.build/mutants): in the other text MUTANT is whether this one is in force, which the environment says. No source of the
library knows of them.

With --shrink a run that each of them breaks is made as small as it goes, and it is said how much of it is gone after how long.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent
FOLDER = HOUSE / "Fixtures" / "Mutants"
PLACE = HOUSE / ".build" / "mutants"
TREE = PLACE / "tree"
BUILD = PLACE / "build"
PROGRAM = BUILD / "release" / "warren"
COPIED = ["Sources", "Simulator", "Package.swift"]
# By which the program learns which one is in force.
SWITCH = "WARREN_MUTANT"
# A run that takes longer does not end: all that are listed take a few seconds.
PATIENCE = 240
# Which part has to go at the median, and after how many seconds at most.
SHRUNK = (0.9, 30)
WORDS = {"name", "breaks", "file", "text", "becomes", "scenarios", "rule"}

SWIFT_SWITCH = f"""
import func Glibc.getenv

private let theMutantInForce = getenv("{SWITCH}").map {{ String(cString: $0) }} ?? ""
private func mutant(_ name: String) -> Bool {{ theMutantInForce == name }}
"""
C_SWITCH = f"""#include <stdlib.h>
#include <string.h>
static int mutant(const char *name) {{
  const char *in_force = getenv("{SWITCH}");
  return in_force != NULL && strcmp(in_force, name) == 0;
}}
"""


def fail(*lines):
    for line in lines:
        print(line, file=sys.stderr)
    sys.exit(2)


def rules():
    """The rules that there are, as they are called."""
    text = (HOUSE / "Simulator/Scenarios/Rule.swift").read_text()
    return re.findall(r'^  case \w+ = "(.*)"$', text, re.MULTILINE)


def read():
    """All mutants, in the order of their files."""
    found = []
    for path in sorted(FOLDER.glob("*.toml")):
        with open(path, "rb") as file:
            for mutant in tomllib.load(file)["mutant"]:
                found.append(mutant | {"room": path.stem})
    return found


def complaints(mutants):
    """What is wrong with how mutants are written down."""
    known, seen = rules(), set()
    for mutant in mutants:
        name = mutant.get("name", f"one of {mutant['room']}.toml")
        missing = WORDS - mutant.keys()
        unknown = mutant.keys() - WORDS - {"seeds", "chaos", "two-processes", "room"}
        if missing or unknown:
            yield f"{name}: {', '.join(sorted(missing))} missing; {', '.join(sorted(unknown))} unknown"
            continue
        if name in seen:
            yield f"{name}: there are two of this name"
        seen.add(name)
        if mutant["rule"] not in known:
            yield f"{name}: there is no rule \"{mutant['rule']}\"; there are: {', '.join(known)}"
        if "MUTANT" not in mutant["becomes"]:
            yield f"{name}: what stands there instead does not ask MUTANT"
        path = HOUSE / mutant["file"]
        count = path.read_text().count(mutant["text"]) if path.exists() else 0
        if count != 1:
            yield f"{name}: its text occurs {count} times in {mutant['file']}, and should once: write it anew"
    known = {path.stem for path in (HOUSE / "Fixtures/Scenarios").glob("*.json")}
    for mutant in mutants:
        for scenario in set(mutant.get("scenarios", [])) - known:
            yield f"{mutant['name']}: there is no scenario {scenario}"


def mutated(mutants):
    """The files that are others, with all mutants in them; and what is wrong with that."""
    files, wrong = {}, []
    for mutant in mutants:
        path = mutant["file"]
        text = files.get(path) or (HOUSE / path).read_text()
        if text.count(mutant["text"]) != 1:
            wrong.append(f"{mutant['name']}: another one has changed the same text of {path}")
            continue
        other = mutant["becomes"].replace("MUTANT", f'mutant("{mutant["name"]}")')
        files[path] = text.replace(mutant["text"], other)
    for path, text in files.items():
        files[path] = C_SWITCH + text if path.endswith((".c", ".h")) else text + SWIFT_SWITCH
    return files, wrong


def copy(files):
    """Makes the copy, in which only what has changed is written: the rest need not be built again."""
    TREE.mkdir(parents=True, exist_ok=True)
    for entry in sorted(HOUSE.iterdir()):
        link = TREE / entry.name
        if entry.name.startswith(".") or entry.name in COPIED or link.is_symlink():
            continue
        link.symlink_to(Path("../../..") / entry.name)
    wanted = set()
    for name in COPIED:
        top = HOUSE / name
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            place = path.relative_to(HOUSE)
            wanted.add(place)
            copied = TREE / place
            if path.is_symlink():
                if not copied.is_symlink():
                    copied.symlink_to(os.readlink(path))
            elif path.is_dir():
                copied.mkdir(parents=True, exist_ok=True)
            else:
                text = files.get(str(place), "").encode() or path.read_bytes()
                if not copied.exists() or copied.read_bytes() != text:
                    copied.write_bytes(text)
    for name in COPIED:
        for path in (TREE / name).rglob("*"):
            if path.relative_to(TREE) not in wanted and not path.is_dir():
                path.unlink()


def build(jobs):
    command = [os.environ.get("SWIFT", "swift"), "build", "--package-path", TREE, "--scratch-path", BUILD]
    command += ["-c", "release", "-j", str(jobs), "--product", "warren"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if "error" in line]
        fail("the sources do not build with all mutants in them:", *sorted(set(lines))[:20])


def call(name, chaos, *words, **settings):
    """Has the command simulate."""
    command = [PROGRAM, "simulate", *words] + (["--chaos"] if chaos else [])
    environment = os.environ | {SWITCH: name, "SWIFT_BACKTRACE": "enable=no"} | settings
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)


def run(scenarios, seeds, chaos, name="", **settings):
    """Runs scenarios, and gives what came of them."""
    done = call(name, chaos, *scenarios, "--seeds", str(seeds), "--jobs", "1", "--json", **settings)
    return json.loads(done.stdout)["scenarios"]


def simulate(*words):
    """Runs scenarios, and gives the rule that was broken first in each run that is wrong, and what broke it."""
    try:
        found = run(*words)
    except subprocess.TimeoutExpired:
        return [("nothing", f"it does not end within {PATIENCE} s")]
    except json.JSONDecodeError:
        return [("nothing", "it has crashed")]
    broken = []
    for scenario in found:
        for failure in scenario["failures"]:
            rule, _, text = failure["faults"][0].partition(": ")
            broken.append((rule, f"{scenario['name']}, seed {failure['seed']}: {text}"))
    return broken


def in_two_processes(*words):
    """The scenarios that are others in a second process, where dictionaries have another order."""
    one, other = run(*words), run(*words, SWIFT_DETERMINISTIC_HASHING="1")
    return [
        ("the same run", f"{scenario['name']} is another in another process")
        for scenario, again in zip(one, other) if scenario["hash"] != again["hash"]]


def judge(mutant):
    """By which rule it was found, by what, and whether that is right."""
    words = (mutant["scenarios"], mutant.get("seeds", 1), mutant.get("chaos", False), mutant["name"])
    broken = simulate(*words) or (in_two_processes(*words) if mutant.get("two-processes") else [])
    if not broken:
        return "nothing", "no rule is broken", False
    rule, _ = Counter(rule for rule, _ in broken).most_common(1)[0]
    return rule, next(text for found, text in broken if found == rule), rule == mutant["rule"]


def shrink(mutant):
    """Makes a run that it breaks smaller, with what goes wrong by chance if it breaks one like that: how much is gone, after how long."""
    name = mutant["name"]
    for chaos in (True, False):
        try:
            found = run(mutant["scenarios"], mutant.get("seeds", 1), chaos, name)
        except (subprocess.TimeoutExpired, json.JSONDecodeError):
            continue
        wrong = next((scenario for scenario in found if scenario["failures"]), None)
        if not wrong:
            continue
        start = time.monotonic()
        seed = str(wrong["failures"][0]["seed"])
        try:
            done = call(name, chaos, wrong["name"], "--seed", seed, "--shrink")
        except subprocess.TimeoutExpired:
            return wrong["name"], 0, 0, "it does not end"
        words = re.search(r"(\d+) events (\d+), in \d+ runs", done.stderr + done.stdout)
        gone = 1 - int(words[2]) / int(words[1]) if words else 0
        said = words[0].replace(" events ", " events became ") if words else "it cannot be made smaller"
        return wrong["name"], gone, time.monotonic() - start, said
    return None


def shrink_all(mutants):
    found = []
    for mutant in mutants:
        # Which run differs from itself, and why, no part of a scenario tells.
        if mutant["rule"] == "the same run" or not (smaller := shrink(mutant)):
            print(f"  {mutant['name']:<26} breaks no run by itself", flush=True)
            continue
        scenario, gone, seconds, said = smaller
        found.append((gone, seconds))
        print(f"  {mutant['name']:<26} {scenario}: {said}, {seconds:.1f} s", flush=True)
    if not found:
        fail("there is no run that could be made smaller")
    gone, seconds = (statistics.median(figures) for figures in zip(*found))
    longest = max(seconds for _, seconds in found)
    print(f"\n{len(found)} runs lost {gone:.1%} of their events at the median, in {seconds:.1f} s, {longest:.1f} s at most.")
    sys.exit(0 if gone >= SHRUNK[0] and longest <= SHRUNK[1] else 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="these alone")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once")
    parser.add_argument("--check", action="store_true", help="only look whether their texts are still there")
    parser.add_argument("--built", action="store_true", help="take the program as it was built last")
    parser.add_argument("--shrink", action="store_true", help="make the runs smaller that they break, one by one")
    words = parser.parse_args()
    mutants = read()
    files, overlaps = mutated(mutants) if not (wrong := list(complaints(mutants))) else ({}, [])
    if wrong or overlaps:
        fail("Mutants that do not fit the sources any more:", *wrong, *overlaps)
    untried = set(rules()) - {mutant["rule"] for mutant in mutants}
    if untried:
        fail(f"no mutant has to be found by: {', '.join(sorted(untried))}")
    if words.check:
        return print(f"{len(mutants)} mutants fit the sources.")
    if unknown := set(words.names) - {mutant["name"] for mutant in mutants}:
        fail(f"there is no mutant {', '.join(sorted(unknown))}")
    if not words.built:
        copy(files)
        build(words.jobs)
    chosen = [mutant for mutant in mutants if not words.names or mutant["name"] in words.names]
    if words.shrink:
        return shrink_all(chosen)

    with ThreadPoolExecutor(words.jobs) as pool:
        # With none in force all must be right, or nothing would be proven.
        runs = {}
        for mutant in chosen:
            for scenario in mutant["scenarios"]:
                key = (scenario, mutant.get("chaos", False))
                runs[key] = max(runs.get(key, 1), mutant.get("seeds", 1))
        usual = pool.map(lambda run: simulate([run[0][0]], run[1], run[0][1]), sorted(runs.items()))
        if broken := [text for found in usual for _, text in found]:
            fail("without any mutant this is wrong already:", *broken)
        missed = 0
        for mutant, (rule, text, is_right) in zip(chosen, pool.map(judge, chosen)):
            missed += not is_right
            verdict = f"found by {rule}" if is_right else f"MISSED: {mutant['rule']} should find it, not {rule}"
            print(f"  {mutant['room']:<11} {mutant['name']:<26} {verdict}", flush=True)
            if not is_right:
                print(f"    {mutant['breaks']}\n    {text}", flush=True)
    counts = Counter(mutant["rule"] for mutant in chosen)
    print(f"\n{len(chosen)} mutants, {len(chosen) - missed} found by the right rule, {missed} not.")
    print("By rule: " + ", ".join(f"{rule} {counts[rule]}" for rule in rules()) + ".")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
