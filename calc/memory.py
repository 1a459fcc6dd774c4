"""How Polars keeps memory that it has freed, to be said before it is loaded; and how much is there.

What a row of a log takes, about, when it is billed or audited in one go: see docs/scale.md.
"""

from __future__ import annotations

import os

BILLED_ROW_BYTES, AUDITED_ROW_BYTES = 700, 1_700
USUAL_COLUMNS, COLUMN_BYTES = 18, 150  # each column more of a row: texts, or cells in quotes
SETTINGS = "_RJEM_MALLOC_CONF"  # in the environment; what stands there already stays


def kept(pages: str) -> str:
    """What has the allocator of Polars (jemalloc, on Linux) keep what is freed; ``pages``: its thp.

    Freed memory is asked for again at once, and taking it anew costs a third of a large run: it is
    kept for a minute, columns of above 8 MB too (which else go back at once), and in few pools, so
    that what one thread frees serves another. A column may be cut from a piece however much larger:
    kept whole, large pieces would lie idle while new ones are taken. Large pages (``always``) save
    time where memory is used again and again; to take them first costs more than that where a
    machine gets its own memory late, so a command, which runs once, leaves them alone
    (``default``).
    """
    return (
        f"thp:{pages},dirty_decay_ms:60000,muzzy_decay_ms:60000,oversize_threshold:0,"
        f"lg_extent_max_active_fit:16,narenas:{max(1, (os.cpu_count() or 1) // 4)}"
    )


def of_machine_bytes() -> int:
    """The memory of the machine, 0 where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # of Windows, and of systems without these names
        return 0
