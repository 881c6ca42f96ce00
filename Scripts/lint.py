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
    "Sources/Options": set(),
    "Sources/EventLoop": SYSTEM | {"WarrenMachine", "CLibuv", "CMiniUPnPc", "CDatagrams", "CFiles"},
    "Sources/Crypto": SYSTEM | {"WarrenMachine", "CGnuTLS"},
    "Sources/STUN": {"WarrenMachine", "WarrenCrypto"},
    "Sources/Traversal": SYSTEM | {"WarrenMachine", "WarrenCrypto", "WarrenSTUN"},
    "Sources/QUIC": SYSTEM | {"WarrenMachine", "WarrenCrypto", "CQUIC"},
    "Sources/TLS": SYSTEM | {"WarrenMachine", "WarrenCrypto", "CGnuTLS", "CIdentity"},
    "Sources/Relay": SYSTEM | {"WarrenMachine", "WarrenCrypto", "WarrenSTUN", "WarrenTLS"},
    "Sources/Registry": {
        "WarrenMachine", "WarrenCrypto", "WarrenSTUN", "WarrenQUIC", "WarrenTLS", "WarrenRelay", "CHTTPParser",
    },
    "Sources/Mesh": {"WarrenMachine", "WarrenCrypto"},
    "Sources/Warren": {
        "WarrenMachine", "WarrenEventLoop", "WarrenCrypto", "WarrenSTUN", "WarrenTraversal", "WarrenQUIC", "WarrenTLS",
        "WarrenRelay", "WarrenRegistry", "WarrenMesh",
    },
    "Sources/Terminal": SYSTEM | {"WarrenMachine", "CEditLine"},
    "Sources/WarrenCLI": SYSTEM | {
        "Warren", "WarrenMachine", "WarrenEventLoop", "WarrenOptions", "WarrenTerminal", "WarrenSimulator", "WarrenLaboratory",
        "WarrenScenarios",
    },
    "Simulator": SYSTEM | {"WarrenMachine", "CConcurrency"},
    "Simulator/Scenarios": SYSTEM | {"Warren", "WarrenSimulator"},
    "Simulator/Laboratory": SYSTEM | {"Warren", "WarrenSimulator"},
}

# The command may say what it likes; what lies below it may not.
FREE = "Sources/WarrenCLI"

# Generic arguments, and what may follow a call's opening parenthesis where no generator is named.
GENERIC = r"(?:\s*<[^{}();]*?>)?"
UNSEEDED = r"\s*\((?!(?:[^()]|\((?:[^()]|\([^()]*\))*\))*?\busing:)"

# Each rule: what is refused, in which files not, why, and what to do instead.
RULES = [
    (rf"\bTask{GENERIC}\s*\.\s*sleep\b", (), "sleeps by a clock that no simulation has", "machine.sleep(for:)"),
    (r"\b(ContinuousClock|SuspendingClock)\b", (), "is a clock that no simulation has", "machine.now"),
    (rf"\bTask{GENERIC}\s*\.\s*(detached|immediate|immediateDetached|init)\b", (), "leaves the machine's executor", "machine.spawn"),
    (
        # A type before a body (`-> Task<Void, Never> {`, `var it: Task<Void, Never> {`) starts nothing.
        r"\bTask\s*[({]|(?<!-> )(?<!: )\bTask\s*<[^{}();]*?>\s*\{|\bTask\s*<[^{}();]*?>\s*\(",
        ("Sources/Machine/Machine+Tasks.swift", "Simulator/World/World+Run.swift"),
        "leaves the machine's executor",
        "machine.spawn",
    ),
    (r"\bDispatch\w*\b", (), "runs on threads of its own", "the machine's executor"),
    (r"\bDate\s*(\(|\.\s*now\b)", (), "asks the system for the time of day", "machine.timeSince1970"),
    (r"\bMainActor\b", (), "stands still while a simulation runs", "an actor pinned to its machine"),
    (r"\bSystemRandomNumberGenerator\b", (), "is chance without a seed", "machine.random"),
    (
        # The standard library's own: a world's `random(for:)` is another.
        rf"\.(random(?=\s*\(\s*(?:in\s*:|\)))|shuffled|shuffle|randomElement){UNSEEDED}",
        (),
        "is chance without a seed",
        "the same with using:",
    ),
    (r"\bObjectIdentifier\b", (), "has an order that differs from run to run", "a number given in order"),
    (r"\bimport\s+Foundation(?!Essentials\b)\w*", (), "is large and brings clocks and queues", "the standard library"),
    (
        # JSON is read and written in one place, with what every Swift has; its clocks stay there.
        r"\bimport\s+FoundationEssentials\b",
        ("Sources/Registry/JSON.swift",),
        "brings clocks and the file system",
        "the standard library",
    ),
]


def code_of(text):
    """The text with comments and the insides of strings left out, but not the code interpolated in them."""
    out, i, depth = [], 0, 0
    # The string that each open interpolation stands in, and how many of its parentheses are open.
    strings = []

    def through_string(i, hashes, quote):
        """Where a string's inside ends: behind it, or behind the opening of an interpolation."""
        while i < len(text):
            if text.startswith(quote + hashes, i):
                out.append('""')
                return i + len(quote + hashes)
            if text.startswith("\\" + hashes + "(", i):
                strings.append([hashes, quote, 1])
                out.append('"" (')
                return i + len(hashes) + 2
            if text[i] == "\n":
                out.append("\n")
                if quote == '"':
                    return i + 1  # No such string reaches the next line: it was none.
            i += len(hashes) + 2 if text.startswith("\\" + hashes, i) and text[i + 1 : i + 2] != "\n" else 1
        return i

    while i < len(text):
        pair = text[i : i + 2]
        if pair == "/*" or depth:
            if pair in ("/*", "*/"):
                depth, i = depth + (1 if pair == "/*" else -1), i + 2
            else:
                out.append("\n" if text[i] == "\n" else " ")
                i += 1
        elif pair == "//":
            while i < len(text) and text[i] != "\n":
                i += 1
        elif opening := re.compile(r'(#*)("""|")').match(text, i):
            i = through_string(opening.end(), *opening.groups())
        else:
            if strings and text[i] in "()":
                strings[-1][2] += 1 if text[i] == "(" else -1
            out.append(text[i])
            i += 1
            if strings and strings[-1][2] == 0:
                hashes, quote, _ = strings.pop()
                i = through_string(i, hashes, quote)
    return "".join(out)


def room_of(path):
    fitting = [room for room in ROOMS if path.startswith(room + "/")]
    return max(fitting, key=len) if fitting else None


def check(root):
    complaints = []
    files = [file for top in ("Sources", "Simulator") for file in (root / top).rglob("*.swift")]
    for file in sorted(files):
        path = file.relative_to(root).as_posix()
        room = room_of(path)
        if room is None:
            complaints.append(f"{path}:1: a room that nobody knows: say in Scripts/lint.py what it may import")
            continue
        code = code_of(file.read_text())

        def complain(found, what):
            start = found.end() - len(found.group(0).lstrip())
            complaints.append(f"{path}:{code.count(chr(10), 0, start) + 1}: {what}")

        for pattern, exempt, why, instead in RULES if room != FREE else []:
            for found in re.finditer(pattern, code):
                if path not in exempt:
                    complain(found, f"`{' '.join(found.group(0).split())}` {why}: use {instead}")
        kinds = "struct|class|enum|protocol|func|var|let|typealias|actor"
        for found in re.finditer(rf"\bimport\s+(?:(?:{kinds})\s+)?(\w+)", code):
            module = found.group(1)
            # What is refused by name is said once.
            if module not in ROOMS[room] and (room == FREE or not module.startswith("Foundation")):
                allowed = ", ".join(sorted(ROOMS[room])) or "nothing"
                complain(found, f"{room} may not import {module}, only {allowed}")
    return complaints


# What each rule must refuse, and what none may.
OFFENCES = [
    "try await Task.sleep(for: .seconds(1))",
    "try await Task<Never, Never>.sleep(nanoseconds: 5)",
    "let clock = ContinuousClock()",
    "let clock = SuspendingClock()",
    "Task.detached { }",
    "Task.immediate { }",
    "Task.immediateDetached { }",
    "let start = Task<Void, Never>.init(operation: x)",
    "Task { await x() }",
    "Task\n{ await x() }",
    "Task(priority: .high) { }",
    "let it = Task<Void, Never> { await x() }",
    "run(task: Task { await x() })",
    "DispatchQueue.global()",
    "let now = Date()",
    "let now = Date.now",
    'print("\\(Date())")',
    'let text = #"it is \\#(f("x", Date()))"#',
    'let text = #"a"b"#; Task { }',
    "@MainActor func f() {}",
    "var g = SystemRandomNumberGenerator()",
    "let n = Int.random(in: 0..<3)",
    "let n = Int.random(\n  in: 0..<3)",
    "let n = Int.random(in: 0..<3) + f(using: g)",
    "let coin = Bool.random()",
    "list.shuffled()",
    "list.shuffle()",
    "list.randomElement()!",
    "let id = ObjectIdentifier(self)",
    "import Foundation",
    "@preconcurrency import FoundationEssentials",
    "import WarrenSimulator",
    "@testable import struct Warren.Peer",
]
CLEAN = [
    "// Task.sleep is refused, as is Date()",
    'let text = "Task.sleep and Date()"',
    'let text = #"Task { "\\(Date())"#',
    'let text = """\n  Task.sleep " Task.detached\n  """',
    "/* import Foundation /* Date() */ Task { } */ let x = 1",
    "let n = Int.random(in: 0..<3, using: &generator)",
    "let n = Int.random(\n  in: 0..<max(1, f(2)),\n  using: &generator)",
    "let coin = Bool.random(using: &generator)",
    "let all = list.shuffled(using: &generator)",
    "let stream = world.random(for: name)",
    "machine.spawn(\"x\") { }",
    "func f(_ task: Task<Int, any Error>) {}",
    "func f() -> Task<Void, any Error> { machine.spawn(\"x\") { } }",
    "var it: Task<[UInt8], Never> { get }",
    "import Synchronization",
    "import func Glibc.memcmp",
]
# Places with what must be said of them; nothing where it is empty.
PLACES = [
    ("Sources/Attic/Sample.swift", "let x = 1", "Sources/Attic/Sample.swift:1: a room that nobody knows"),
    ("Sources/WarrenCLI/Sample.swift", "let now = Date()", ""),
    ("Sources/WarrenCLI/Sample.swift", "import Dispatch", "Sources/WarrenCLI/Sample.swift:1: "),
    ("Sources/Options/Sample.swift", "import WarrenMachine", "Sources/Options/Sample.swift:1: "),
    ("Sources/EventLoop/Sample.swift", "import WarrenMachine", ""),
    ("Sources/EventLoop/Sample.swift", "import Warren", "Sources/EventLoop/Sample.swift:1: "),
    ("Simulator/NAT/Sample.swift", "import CLibuv", "Simulator/NAT/Sample.swift:1: "),
    ("Sources/Machine/Machine+Tasks.swift", "return Task(name: name) { }", ""),
    ("Sources/Registry/JSON.swift", "import FoundationEssentials", ""),
    ("Sources/Registry/JSON.swift", "import Foundation", "Sources/Registry/JSON.swift:1: "),
    ("Sources/Registry/HTTP/Sample.swift", "import FoundationEssentials", "Sources/Registry/HTTP/Sample.swift:1: "),
    ("Simulator/Sample.swift", 'let a = """\n  b\n  \\(Date())\n"""', "Simulator/Sample.swift:3: `Date("),
    ("Simulator/Sample.swift", '/*\n\n*/ let a = "b"; Task { }', "Simulator/Sample.swift:3: `Task {`"),
]


def self_test():
    """Proves that each rule refuses what it is for, and that clean code passes."""
    sample = "Sources/Machine/Sample.swift"
    cases = [(sample, code, f"{sample}:") for code in OFFENCES] + [(sample, code, "") for code in CLEAN]
    for place, code, expected in cases + PLACES:
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / place
            file.parent.mkdir(parents=True)
            file.write_text(code + "\n")
            complaints = check(pathlib.Path(folder))
            if len(complaints) != bool(expected) or not "".join(complaints).startswith(expected):
                sys.exit(f"lint is wrong about {place}: {code}\n  it says: {complaints or 'nothing'}")


def main():
    if "--self-test" in sys.argv:
        return self_test()
    complaints = check(pathlib.Path(__file__).resolve().parent.parent)
    print("\n".join(complaints) or "no forbidden name, no forbidden import")
    if complaints:
        sys.exit(1)


main()
