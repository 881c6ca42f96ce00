#!/usr/bin/env python3
"""Refuses what would break Warren's rules and still compile.

Names that let time, chance or the order of jobs in by the back door (a simulation would no longer be the same
every time), and imports that a room may not have. Prints file, line, what, and what to do instead.
"""

import pathlib
import re
import sys
import tempfile

# Each room with what it may import; a name it does not have is another room's or the system's.
SYSTEM = {"Glibc", "Darwin", "Synchronization"}
ROOMS = {
    "Sources/Machine": SYSTEM,
    "Sources/EventLoop": SYSTEM | {"WarrenMachine", "CLibuv", "CDatagrams"},
    "Sources/Warren": {"WarrenMachine", "WarrenEventLoop"},
    "Simulator": SYSTEM | {"WarrenMachine"},
}

# Each rule: what is refused, in which files not, why, and what to do instead.
RULES = [
    (r"\bTask\.sleep\b", (), "sleeps by a clock that no simulation has", "machine.sleep(for:)"),
    (r"\b(ContinuousClock|SuspendingClock)\b", (), "is a clock that no simulation has", "machine.now"),
    (r"\bTask\.(detached|immediate|immediateDetached)\b", (), "leaves the machine's executor", "machine.spawn"),
    (
        r"\bTask\s*(\(|\{)",
        ("Sources/Machine/Machine+Tasks.swift", "Simulator/World/World+Run.swift"),
        "leaves the machine's executor",
        "machine.spawn",
    ),
    (r"\bDispatch\w*\b", (), "runs on threads of its own", "the machine's executor"),
    (r"\bDate\(\)", (), "asks the system for the time of day", "machine.timeSince1970"),
    (r"\bMainActor\b", (), "stands still while a simulation runs", "an actor pinned to its machine"),
    (r"\bSystemRandomNumberGenerator\b", (), "is chance without a seed", "machine.random"),
    (r"\.random\(in:(?![^)]*using:)", (), "is chance without a seed", "random(in:using:)"),
    (r"\.(shuffled|randomElement|shuffle)\(\)", (), "is chance without a seed", "the same with using:"),
    (r"\bObjectIdentifier\b", (), "has an order that differs from run to run", "a number given in order"),
    (r"^\s*(@\w+\s+)*import\s+Foundation", (), "is large and brings clocks and queues", "the standard library"),
]


def code_of(text):
    """The text with comments and the insides of strings blanked out, line by line."""
    out, i, depth = [], 0, 0
    while i < len(text):
        pair = text[i : i + 2]
        if depth:
            if pair == "*/":
                depth, i = depth - 1, i + 2
            elif pair == "/*":
                depth, i = depth + 1, i + 2
            else:
                out.append("\n" if text[i] == "\n" else " ")
                i += 1
        elif pair == "/*":
            depth, i = 1, i + 2
        elif pair == "//":
            while i < len(text) and text[i] != "\n":
                i += 1
        elif text[i] == '"':
            quote = '"""' if text[i : i + 3] == '"""' else '"'
            i += len(quote)
            while i < len(text) and text[i : i + len(quote)] != quote:
                if text[i] == "\\":
                    i += 1
                if i < len(text) and text[i] == "\n":
                    out.append("\n")
                i += 1
            i += len(quote)
            out.append('""')
        else:
            out.append(text[i])
            i += 1
    return "".join(out).split("\n")


def room_of(path):
    fitting = [room for room in ROOMS if path.startswith(room + "/")]
    return max(fitting, key=len) if fitting else None


def check(root):
    complaints = []
    for file in sorted(root.rglob("*.swift")):
        path = file.relative_to(root).as_posix()
        room = room_of(path)
        if room is None or ".build" in file.parts:
            continue
        for number, line in enumerate(code_of(file.read_text()), 1):
            for pattern, exempt, why, instead in RULES:
                found = re.search(pattern, line)
                if found and path not in exempt:
                    complaints.append(f"{path}:{number}: `{found.group(0).strip()}` {why}: use {instead}")
            imported = re.match(r"\s*(?:@\w+(?:\([^)]*\))?\s+)*import\s+(?:\w+\s+)?(\w+)", line)
            if imported and imported.group(1) not in ROOMS[room] and imported.group(1) != "Foundation":
                allowed = ", ".join(sorted(ROOMS[room])) or "nothing"
                complaints.append(f"{path}:{number}: {room} may not import {imported.group(1)}, only {allowed}")
    return complaints


# One line that each rule must refuse, and lines that none may.
OFFENCES = [
    "try await Task.sleep(for: .seconds(1))",
    "let clock = ContinuousClock()",
    "Task.detached { }",
    "Task { await x() }",
    "Task(priority: .high) { }",
    "DispatchQueue.global()",
    "let now = Date()",
    "@MainActor func f() {}",
    "var g = SystemRandomNumberGenerator()",
    "let n = Int.random(in: 0..<3)",
    "list.shuffled()",
    "let id = ObjectIdentifier(self)",
    "import Foundation",
    "import WarrenSimulator",
]
CLEAN = [
    "// Task.sleep is refused, as is Date()",
    'let text = "Task.sleep and Date()"',
    "/* import Foundation */ let x = 1",
    "let n = Int.random(in: 0..<3, using: &generator)",
    "machine.spawn(\"x\") { }",
    "func f(_ task: Task<Int, any Error>) {}",
]


def self_test():
    """Proves that each rule refuses what it is for, and that clean code passes."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        place = root / "Sources/Machine"
        place.mkdir(parents=True)
        for line in OFFENCES + CLEAN:
            (place / "Sample.swift").write_text(line + "\n")
            complaints = check(root)
            if bool(complaints) != (line in OFFENCES):
                sys.exit(f"lint is wrong about: {line}\n  it says: {complaints or 'nothing'}")


def main():
    if "--self-test" in sys.argv:
        return self_test()
    complaints = check(pathlib.Path(__file__).resolve().parent.parent)
    print("\n".join(complaints) or "no forbidden name, no forbidden import")
    if complaints:
        sys.exit(1)


main()
