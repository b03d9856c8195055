#!/usr/bin/env python3
# Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The map of the house is whole: docs/README.md names every room and page, and no link of a page leads nowhere."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


def rooms(root):
    """Folders that hold sources: of lib/ two storeys deep, of include/weft and tools/ one."""
    for base, depth in (("lib", 2), ("include/weft", 1), ("tools", 1), ("test", 1)):
        for path in sorted((root / base).rglob("*")):
            inside = path.relative_to(root / base)
            if path.is_dir() and len(inside.parts) <= depth and not {"Inputs", "__pycache__"} & set(inside.parts):
                if any(child.is_file() for child in path.rglob("*")):
                    yield path.relative_to(root)


def headings(text):
    """The anchors of a page, as they are made from headings."""
    anchors = set()
    for line in re.sub(r"^```.*?^```", "", text, flags=re.M | re.S).splitlines():
        if line.startswith("#"):
            title = re.sub(r"[`*]", "", line.lstrip("#").strip()).lower()
            anchors.add(re.sub(r"[^\w\- ]", "", title).replace(" ", "-"))
    return anchors


def check_links(root, page):
    text = page.read_text()
    for groups in LINK.findall(re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.M | re.S)):
        target = groups[0] or groups[1]
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        where = page.relative_to(root)
        if not path.exists():
            yield f"{where}: link to {target}, which is not there"
        elif anchor and path.suffix == ".md" and anchor not in headings(path.read_text()):
            yield f"{where}: link to {target}, which has no such heading"


def main():
    root = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT
    map_page = root / "docs" / "README.md"
    text = map_page.read_text()
    findings = []
    for room in rooms(root):
        if not re.search(rf"`{re.escape(str(room))}/?`", text):
            findings.append(f"docs/README.md: `{room}` is missing from the map")
    for named in re.findall(r"`((?:lib|include|tools|test)/[\w/.-]+?)/?`", text):
        if not (root / named).exists():
            findings.append(f"docs/README.md: `{named}` is on the map, but not there")
    pages = [
        root / "README.md",
        root / "CONTRIBUTING.md",
        root / "CHANGELOG.md",
        *sorted((root / "docs").rglob("*.md")),
    ]
    for page in pages:
        if not page.exists():
            continue
        findings += check_links(root, page)
        inside = page.relative_to(root)
        if inside.parts[0] == "docs" and inside.parts[1] != "generated" and page != map_page:
            if not re.search(rf"\({re.escape(str(page.relative_to(root / 'docs')))}[)#]", text):
                findings.append(f"docs/README.md: {inside} is missing from the map")
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
