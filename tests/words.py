"""Names that the program's own columns have: ``python tests/words.py`` writes them anew."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

CALC = Path(__file__).parent.parent / "calc"
TARGET = CALC / "reserved.py"
# Modules that work on a log's rows only at the edge, or not at all.
EDGE = {
    "cli",
    "cms",
    "installing",
    "rating",
    "estimating",
    "reports",
    "params",
    "reserved",
    "rules",
}
EDGE |= {
    "decoding",
    "files",
    "headings",
    "heading_notes",
    "lengths",
    "balances",
    "rule",
    "auditing",
    "written",
}


def used() -> set[str]:
    """Every lower-case name in calc that may be a column: texts and keywords of calls."""
    words: set[str] = set()
    for path in sorted(CALC.rglob("*.py")):
        if path.relative_to(CALC).parts[0].removesuffix(".py") in EDGE:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            text = ""
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
            elif isinstance(node, ast.keyword):
                text = node.arg or ""
            if re.fullmatch(r"[a-z][a-z0-9_]{1,40}", text):
                words.add(text)
    return words


def main() -> None:
    before, _, rest = TARGET.read_text(encoding="utf-8").partition('WORDS = """\n')
    after = rest.partition('"""')[2]
    body = textwrap.fill(" ".join(sorted(used())), 98, break_on_hyphens=False)
    TARGET.write_text(f'{before}WORDS = """\n{body}\n"""{after}', encoding="utf-8")


if __name__ == "__main__":
    main()
