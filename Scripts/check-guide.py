#!/usr/bin/env python3
"""Refuses a guide that has come apart: links to articles that are not there, articles that the first page does not
list, files that are named and are gone, and code that is said to be from a file and is not there any more."""

import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
guide = root / "docs/Warren.docc"
articles = {file.stem: file.read_text() for file in sorted(guide.glob("*.md"))}
complaints = []


def bare(text):
    return [line.strip() for line in text.splitlines() if line.strip() and "…" not in line]


for name, text in articles.items():
    links = set(re.findall(r"<doc:([^>]+)>", text))
    complaints += [f"{name}.md: there is no article {link}" for link in sorted(links - set(articles))]
    if name != "Warren" and f"- <doc:{name}>" not in articles["Warren"]:
        complaints.append(f"Warren.md: it does not list {name}")
    for path in re.findall(r"`((?:Examples|Fixtures|docs)/[\w./-]+)`", text):
        if not (root / path).exists():
            complaints.append(f"{name}.md: there is no {path}")
    for path, code in re.findall(r"<!-- from: (\S+) -->\n```swift\n(.*?)```", text, re.DOTALL):
        lines = iter(bare((root / path).read_text()) if (root / path).exists() else [])
        # Each of its lines stands there, in this order.
        lost = next((line for line in bare(code) if line not in lines), None)
        if lost is not None:
            complaints.append(f"{name}.md: {path} does not have: {lost}")

print("\n".join(complaints) or "the guide holds together")
sys.exit(bool(complaints))
