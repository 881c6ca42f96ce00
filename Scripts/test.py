#!/usr/bin/env python3
"""Builds and runs all tests, or those that the arguments name, and says at the end once more what failed.

A few at a time: with hundreds at once, those that run in real time wait for a thread for longer than they may.
A test that waits for ever fails here, and tells where: when nothing was heard of the tests for some minutes, it says
which of them have begun and not ended and what each thread is doing, and ends them.
"""

import contextlib
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys

SWIFT = os.environ.get("SWIFT", "swift")
WIDTH = 4
# In CI nothing is heard of them for 18 s at most.
QUIET_LIMIT = int(os.environ.get("WARREN_TEST_QUIET", 400))
BEGAN = re.compile(r"◇ (Test .*) started\.$")
ENDED = re.compile(r'[✔✘] (Test (?:"[^"]*"|\S+\(.*\)))(?: with .*)? (?:passed|failed) after ')
WRONG = re.compile(r"✘|error:|Fatal error|signal code")


class Outcome:
    """What was heard of the tests so far."""

    def __init__(self):
        self.running, self.wrong = {}, []

    def hear(self, line):
        if began := BEGAN.search(line):
            test = began[1]
            if test.startswith("Test case "):
                # One of several cases: said beside the test itself, and forgotten with it.
                case, _, name = test.rpartition(' to "')
                self.running.setdefault('Test "' + name, []).append(case)
            elif not test.startswith("Test run"):
                self.running.setdefault(test, [])
        elif ended := ENDED.search(line):
            self.running.pop(ended[1], None)
        if WRONG.search(line):
            self.wrong.append(line[:400])


def descendants(process):
    """All that a process has started, and what that has started."""
    children = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{entry}/stat") as stat:
            children.setdefault(int(stat.read().rsplit(")", 1)[1].split()[1]), []).append(int(entry))
    found = []
    for child in children.get(process, []):
        found += [child, *descendants(child)]
    return found


def explain(process, outcome):
    print(f"\nNothing was heard of the tests for {QUIET_LIMIT} s. Begun and not ended:")
    for test, cases in outcome.running.items():
        print(f"  {test}" + "".join(f"\n    {case}" for case in cases))
    print("What they started:")
    for one in descendants(process):
        with contextlib.suppress(OSError), open(f"/proc/{one}/cmdline") as line:
            print(f"  {one}: {line.read().replace(chr(0), ' ')[:200]}")
    sys.stdout.flush()
    if shutil.which("gdb"):
        subprocess.run(["gdb", "-p", str(process), "-batch", "-ex", "thread apply all bt 30"], timeout=300, check=False)
    else:
        print("Where there is gdb, it would say here what each thread is doing.")


def run(tests):
    """Runs the tests, and returns whether all is right."""
    outcome, rest = Outcome(), ""
    plain = {**os.environ, "NO_COLOR": "1"}
    process = subprocess.Popen(tests, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=plain)
    selector = selectors.DefaultSelector()
    selector.register(process.stdout, selectors.EVENT_READ)
    with open(".build/test.log", "wb") as log:
        while True:
            if not selector.select(QUIET_LIMIT):
                explain(process.pid, outcome)
                for one in [process.pid, *descendants(process.pid)]:
                    # It may have ended by itself since.
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(one, signal.SIGKILL)
                break
            piece = os.read(process.stdout.fileno(), 1 << 16)
            if not piece:
                break
            log.write(piece)
            log.flush()
            sys.stdout.buffer.write(piece)
            sys.stdout.flush()
            *lines, rest = (rest + piece.decode(errors="replace")).split("\n")
            for line in lines:
                outcome.hear(line)
    code = process.wait()
    if code < 0:
        outcome.wrong.append(f"The tests ended by signal {-code}.")
    if code != 0:
        print("\nWhat failed, of all that is above:", *outcome.wrong[-40:], sep="\n")
    return code == 0


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    given = sys.argv[1:]
    if "--skip-build" in given:
        given.remove("--skip-build")
    elif subprocess.run([SWIFT, "build", "--build-tests"], check=False).returncode != 0:
        return 1
    place = subprocess.run([SWIFT, "build", "--show-bin-path"], capture_output=True, text=True, check=True).stdout
    bundle = os.path.join(place.strip(), "WarrenPackageTests.xctest")
    width = ["--experimental-maximum-parallelization-width", str(WIDTH)]
    return 0 if run([bundle, "--testing-library", "swift-testing", *width, *given]) else 1


if __name__ == "__main__":
    sys.exit(main())
