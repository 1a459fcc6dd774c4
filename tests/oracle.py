"""The slow and obvious version of the rules, to test the real one against.

It shares no code with the program: every function below is written from the rule's own words, with
plain loops, whole numbers, fractions and decimals. Where a function could be clever it is not.

MCPM = Medicare Claims Processing Manual, CMS Pub. 100-04. "Decision" marks a choice of this project
where no authority decides.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import combinations, pairwise

# ---------------------------------------------------------------------------------------------
# Counting
# ---------------------------------------------------------------------------------------------

# Rules that look at each code alone: the minute that earns the first unit; each further unit takes
# 15 minutes more. ama: the CPT midpoint rule; the other two are customs of payers.
FIRST_MINUTE = {"ama": 8, "round-up": 1, "whole-units": 15}


def band(minutes: int) -> int:
    """Units of a day's timed minutes: walk down the chart of MCPM ch. 5 s. 20.2.

    Under 8 minutes no unit; 8 to 22 one; 23 to 37 two; 38 to 52 three; and so on without end.
    """
    if minutes < 8:
        return 0
    units, low, high = 1, 8, 22
    while not low <= minutes <= high:
        units, low, high = units + 1, low + 15, high + 15
    return units


def units_of_a_code_alone(minutes: int, first_minute: int) -> int:
    """Units of one code that is never pooled (CPT's midpoint rule and payers' variants of it)."""
    units, needed = 0, first_minute
    while minutes >= needed:
        units, needed = units + 1, needed + 15
    return units


def whole_blocks(minutes: int) -> tuple[int, int]:
    """Whole 15-minute blocks and the minutes left over, by taking 15 away again and again."""
    blocks = 0
    while minutes >= 15:
        blocks, minutes = blocks + 1, minutes - 15
    return blocks, minutes


def leftover_units(minutes: dict[str, int]) -> int:
    """Units of the day that the whole blocks of its codes do not use up (MCPM ch. 5 s. 20.2)."""
    return band(sum(minutes.values())) - sum(whole_blocks(m)[0] for m in minutes.values())


def day_units(
    minutes: dict[str, int], rule: str = "cms", billed: dict[str, int] | None = None
) -> dict[str, int]:
    """Units per 15-minute code of one day and pool.

    cms: MCPM ch. 5 s. 20.2: the day's total decides how many; each code gets its whole blocks; the
    units left go to the largest remainders, one each. Equal remainders (Decision; the manual allows
    either code): the larger number of billed units, then more total minutes, then the lower code.
    """
    if rule != "cms":
        return {code: units_of_a_code_alone(m, FIRST_MINUTE[rule]) for code, m in minutes.items()}
    billed = billed or {}
    units = {code: whole_blocks(m)[0] for code, m in minutes.items()}
    waiting = sorted(
        minutes,
        key=lambda c: (-whole_blocks(minutes[c])[1], -(billed.get(c) or 0), -minutes[c], c),
    )
    for code in waiting[: leftover_units(minutes)]:
        units[code] += 1
    return units


def allowed_allocations(minutes: dict[str, int]) -> list[dict[str, int]]:
    """Every allocation that MCPM ch. 5 s. 20.2 allows: try all choices, keep the right ones.

    A choice of codes for the units left is right if no code without one has a larger remainder than
    a code with one.
    """
    rest = {code: whole_blocks(m)[1] for code, m in minutes.items()}
    right = []
    for chosen in combinations(sorted(minutes), leftover_units(minutes)):
        others = [code for code in minutes if code not in chosen]
        if all(rest[winner] >= rest[loser] for winner in chosen for loser in others):
            right.append({c: whole_blocks(minutes[c])[0] + (c in chosen) for c in minutes})
    return right


def other_length_units(minutes: int, first: int, further: int | None) -> int:
    """Units of a code with another length than 15 minutes, first and further ones together.

    CPT's midpoint rule: a unit is earned in the minute in which more than half of it has passed.
    The first unit is `first` minutes long, each further one `further`; None: there is no further.
    Walks minute by minute; `begin` and `length` are those of the unit to be earned next.
    """
    units, begin, length = 0, 0, first
    for minute in range(1, minutes + 1):
        if length and 2 * (minute - begin) > length:
            units += 1
            begin, length = begin + length, further
    return units


# ---------------------------------------------------------------------------------------------
# Time that counts once
# ---------------------------------------------------------------------------------------------


def union_length(windows: list[tuple[int, int]]) -> int:
    """Length of the union of intervals: between two neighbouring ends, is anything going on?"""
    points = sorted({point for window in windows for point in window})
    length = 0
    for left, right in pairwise(points):
        if any(start <= left and right <= end for start, end in windows):
            length += right - left
    return length


def overlapping(one: dict, other: dict) -> bool:
    """Do two windows share time? Two that only touch (10:30 and 10:30) do not."""
    return max(one["start"], other["start"]) < min(one["end"], other["end"])


def clusters(rows: list[dict]) -> list[list[dict]]:
    """Rows in groups connected by overlapping windows: put each row in, merge what it touches."""
    groups: list[list[dict]] = []
    for row in rows:
        touched = [group for group in groups if any(overlapping(row, other) for other in group)]
        groups = [group for group in groups if group not in touched]
        groups.append([*(member for group in touched for member in group), row])
    return groups


def has_times(row: dict) -> bool:
    """Has the row an interval? One that ends before it starts is the caller's mistake."""
    if row["start"] is None or row["end"] is None:
        return False
    if row["end"] < row["start"]:
        raise ValueError(f"ends before it starts: {row}")
    return True


def own_length(row: dict) -> int:
    """Milliseconds of a row by itself; with minutes and times the smaller of the two (Decision).

    A row with neither has none: minutes are never invented.
    """
    lengths = [row["minutes_ms"]] if row["minutes_ms"] is not None else []
    if has_times(row):
        lengths.append(row["end"] - row["start"])
    return min(lengths, default=0)


def is_full(row: dict) -> bool:
    """Does the row fill its interval, so that its clock times say exactly when it took place?"""
    return own_length(row) == row["end"] - row["start"]


def new_parts(rows: list[dict]) -> list[int]:
    """Step 1, rows in order: what a full row adds to earlier full rows; other rows their minutes.

    Decision (CMS: one-on-one minutes of a patient count once): shared minutes stay with the row
    that began first.
    """
    earlier: list[tuple[int, int]] = []
    parts = []
    for row in rows:
        if is_full(row):
            with_it = [*earlier, (row["start"], row["end"])]
            parts.append(union_length(with_it) - union_length(earlier))
            earlier = with_it
        else:
            parts.append(own_length(row))
    return parts


def count_cluster(rows: list[dict]) -> list[int]:
    """Step 2, rows in order: the running sum never exceeds the union of the windows so far.

    Decision: an interval wider than its row's minutes is a window; windows conflict only where the
    minutes cannot fit into their union (CMS's own example has three patients in one 45 minutes).
    """
    counted = []
    running = 0
    for number, part in enumerate(new_parts(rows), start=1):
        room = union_length([(row["start"], row["end"]) for row in rows[:number]])
        after = min(running + part, room)
        counted.append(after - running)
        running = after
    return counted


def count_once(rows: list[dict]) -> list[int]:
    """Counted milliseconds of each row, in the order given.

    rows: patient, code, start, end (ms or None), minutes_ms (or None), one_on_one, order.
    One-on-one rows of a patient share one clock over all codes; other rows (supervised, group,
    remote) share one per patient and code only. Rows without times count their minutes.
    """
    counted = [own_length(row) for row in rows]
    clocks: dict[tuple, list[dict]] = {}
    for place, row in enumerate(rows):
        if has_times(row):
            clock = (row["patient"], None if row["one_on_one"] else row["code"], row["one_on_one"])
            clocks.setdefault(clock, []).append({**row, "place": place})
    for members in clocks.values():
        for cluster in clusters(members):
            in_order = sorted(cluster, key=lambda row: (row["start"], row["order"]))
            for row, amount in zip(in_order, count_cluster(in_order), strict=True):
                counted[row["place"]] = amount
    return counted


def pool(row: dict) -> tuple[str, ...]:
    """What beside the patient decides which rows are counted together."""
    return tuple(row.get(name, "") for name in ("date", "discipline", "provider", "payer"))


def therapist_once(rows: list[dict]) -> dict[tuple, int]:
    """The therapist's milliseconds of each (patient, code, one_on_one, pool), painted one by one.

    rows: as `count_once`, with role, start and end, and no minutes. A millisecond is the code's
    whose row began first; the therapist's, if a row of his with that code and pool has it too.
    """
    painted: dict[tuple, int] = {}
    for patient in {row["patient"] for row in rows}:
        for lane in {None if row["one_on_one"] else row["code"] for row in rows}:
            mine = [
                row
                for row in rows
                if row["patient"] == patient
                and (None if row["one_on_one"] else row["code"]) == lane
            ]
            edges = sorted({row[edge] for row in mine for edge in ("start", "end")})
            for start, end in pairwise(edges):
                there = [row for row in mine if row["start"] <= start and end <= row["end"]]
                if not there:
                    continue
                first = min(there, key=lambda row: (row["start"], row["order"]))
                his = any(
                    row["role"] != "assistant"
                    and (row["code"], pool(row)) == (first["code"], pool(first))
                    for row in there
                )
                key = (patient, first["code"], first["one_on_one"], *pool(first))
                painted[key] = painted.get(key, 0) + (end - start if his else 0)
    return painted


# ---------------------------------------------------------------------------------------------
# Assistants
# ---------------------------------------------------------------------------------------------


def assistant_minutes(therapist_ms: int, assistant_ms: int) -> tuple[int, int]:
    """Therapist's and assistant's minutes of a code from milliseconds (Decision).

    All minutes: the floor of all time; the therapist's: the floor of his own (joint time is his);
    the assistant's: the difference.
    """
    T = therapist_ms // 60_000
    return T, (therapist_ms + assistant_ms) // 60_000 - T


def last_unit_modified(t: int, a: int, policy: int) -> bool:
    """Does the one unit left carry CQ/CO, from the leftover minutes t and a?

    42 USC 1395m(v) and the CY 2020 and 2022 physician fee schedule rules. 2020: more than 10% of
    the leftover minutes are the assistant's. 2022: not if the therapist has 8 or more; otherwise if
    the assistant has any.
    """
    if policy == 2020:
        return a > 0 and Fraction(a, a + t) > Fraction(1, 10)
    if t >= 8:
        return False
    return a > 0


def assistant_units(
    T: int, A: int, units: int, policy: int, whole_code_alone: bool = True
) -> tuple[int, int]:
    """(plain, modified) units of one code that has `units` for T and A minutes.

    42 USC 1395m(v) and the CY 2020 and 2022 rules. policy: 0 no modifier yet, 2020, or 2022.
    Whole blocks of either go by who furnished them; the units left are judged on the leftovers.
    Two left: 2020 both modified; 2022, 9 to 14 minutes of each and 23 to 28 together, one and one;
    any other two left (only a pool with other codes gives them under CMS counting): one modified,
    the other judged as one left. whole_code_alone: False says that the units come from a pool; it
    only selects the branch, both give the same for 9 to 14.
    """
    if policy not in (0, 2020, 2022):
        raise ValueError(f"no such policy: {policy}")
    if policy == 0:
        return units, 0
    plain, t = whole_blocks(T)
    modified, a = whole_blocks(A)
    left = units - plain - modified
    if left not in (0, 1, 2):
        raise ValueError(f"{units} units cannot come from {T} + {A} minutes")
    if left == 2 and policy == 2020:
        return plain, modified + 2
    if left == 2:
        nine_to_fourteen = 9 <= t <= 14 and 9 <= a <= 14 and 23 <= t + a <= 28
        if whole_code_alone and nine_to_fourteen:
            return plain + 1, modified + 1
        modified, left = modified + 1, 1
    if left == 1 and last_unit_modified(t, a, policy):
        return plain, modified + 1
    return plain + left, modified


def pooled_assistant_units(
    codes: dict[str, tuple[int, int]], policy: int, billed: dict[str, int] | None = None
) -> dict[str, tuple[int, int]]:
    """(plain, modified) per code of one CMS pool; codes: code -> (T, A).

    MCPM ch. 5 s. 20.2 on all minutes of each code first, so that the larger leftover takes the
    unit; then each code by itself: whoever furnished it decides.
    """
    units = day_units({code: T + A for code, (T, A) in codes.items()}, "cms", billed)
    return {
        code: assistant_units(T, A, units[code], policy, whole_code_alone=len(codes) == 1)
        for code, (T, A) in codes.items()
    }


def per_day_modified(T: int, A: int, policy: int) -> bool:
    """Does a per-day code carry CQ/CO: is more than 10% of its time the assistant's, exactly?

    42 USC 1395m(v), CY 2020 rule. T and A may be minutes or milliseconds.
    """
    if policy == 0 or A == 0:
        return False
    return Fraction(A, A + T) > Fraction(1, 10)


# ---------------------------------------------------------------------------------------------
# Money
# ---------------------------------------------------------------------------------------------


def exact(number: Decimal | Fraction | int | str) -> Fraction:
    """The number as a fraction. A float has lost its digits already and is refused."""
    if isinstance(number, float):
        raise TypeError(f"money is never a float: {number!r}")
    return Fraction(number)


def half_up(x: Decimal | Fraction | int | str, places: int = 2) -> Decimal:
    """Round once, halves up. No rule here makes a negative amount, so none is taken."""
    x = exact(x)
    if x < 0:
        raise ValueError(f"negative amount: {x}")
    whole, rest = divmod(x * 10**places, 1)
    if rest >= Fraction(1, 2):
        whole += 1
    return Decimal(int(whole)).scaleb(-places)


def percent(share: Decimal | Fraction | int | str, amount: Decimal | Fraction | int | str):
    """A percentage of an amount, rounded to cents."""
    return half_up(exact(amount) * exact(share) / 100)


def fee(work, pe, mp, gw, gpe, gmp, cf, pe_factor=1) -> Decimal:
    """One unit's fee: 42 USC 1395w-4(b), each component by its GPCI, rounded once at the end.

    pe_factor: 1, or 0.5 for a unit under the multiple procedure payment reduction (MCPM ch. 5
    s. 10.7).
    """
    work_part = exact(work) * exact(gw)
    pe_part = exact(pe) * exact(gpe) * exact(pe_factor)
    mp_part = exact(mp) * exact(gmp)
    return half_up((work_part + pe_part + mp_part) * exact(cf))


def work_payment(units: int, work_rvu, cf) -> Decimal:
    """The simplest estimate: units x work RVU x conversion factor, rounded once for the line."""
    return half_up(exact(units) * exact(work_rvu) * exact(cf))


def mppr_rank(line: dict) -> tuple:
    """Sort key, first is paid in full: practice expense, then the fee (MCPM ch. 5 s. 10.7).

    Decision where both are equal: plain before modified, then code, discipline, payer, locality.
    """
    return (
        -exact(line["pe_rvu"]),
        -exact(line["fee"]),
        1 if line["modified"] else 0,
        line["code"],
        line["discipline"],
        line["payer"],
        line["locality"],
    )


def visit_allowed(lines: list[dict]) -> list[Decimal | None]:
    """Allowed amount of each line of one patient, date and billing provider, in the order given.

    MCPM ch. 5 s. 10.7: of all units with indicator 5, over all disciplines, one is paid in full and
    every other at its reduced fee. Lines of payers without the reduction (mppr False) and other
    indicators take no part. A line without a fee has no allowed amount and takes no part.
    """
    units = []
    for place, line in enumerate(lines):
        if line["fee"] is not None and str(line["indicator"]) == "5" and line["mppr"]:
            units += [place] * line["units"]
    units.sort(key=lambda place: mppr_rank(lines[place]))
    allowed: list[Decimal | None] = []
    for place, line in enumerate(lines):
        if line["fee"] is None:
            allowed.append(None)
        elif place in units:
            full = 1 if units[0] == place else 0
            reduced = line["units"] - full
            amount = full * exact(line["fee"]) + reduced * exact(line["reduced_fee"])
            allowed.append(half_up(amount))
        else:
            allowed.append(half_up(line["units"] * exact(line["fee"])))
    return allowed


def settle(
    allowed, deductible_left, modified: bool, share_percent, sequestration_percent, cut_percent=85
) -> dict[str, Decimal]:
    """Who pays what of one line's allowed amount (after the lesser of charge and fee, and MPPR).

    42 USC 1395l(a): deductible, then Medicare's share (share_percent: 80) and the patient's, the
    rest of 100. 42 USC 1395m(v): with CQ/CO Medicare pays 85% of its share (cut_percent: 100 before
    2022). Sequestration comes last, on what Medicare pays. Each step is rounded to cents.
    """
    deductible_used = min(exact(allowed), exact(deductible_left))
    after_deductible = exact(allowed) - deductible_used
    paid = percent(share_percent, after_deductible)
    if modified:
        paid = percent(cut_percent, paid)
    withheld = percent(sequestration_percent, paid)
    coinsurance = percent(100 - exact(share_percent), after_deductible)
    return {
        "medicare_pays": paid - withheld,
        "patient_pays": half_up(deductible_used) + coinsurance,
        "deductible_used": half_up(deductible_used),
        "paid": paid,
        "withheld": withheld,
    }


# 42 USC 1395l(g), as CMS announced it for each year; the same figure for PT with SLP and for OT.
KX_THRESHOLD = {
    2018: 2010,
    2019: 2040,
    2020: 2080,
    2021: 2110,
    2022: 2150,
    2023: 2230,
    2024: 2330,
    2025: 2410,
    2026: 2480,
}


def kx_running(
    lines: list[dict], opening: dict | None = None, thresholds: dict | None = None
) -> list[bool]:
    """Which lines need KX: the running total with the line exceeds the threshold (equal: no).

    42 USC 1395l(g); MCPM ch. 5 s. 10.3. lines: patient, year, bucket, allowed, in order of date and
    line. opening: (patient, year, bucket) -> dollars spent elsewhere. thresholds: year -> dollars.
    A line that does not accrue (0.00, or None for one without a price) needs none; but one that the
    contractor prices (``contractor``) adds something, so that with no room left it needs KX.
    """
    thresholds = thresholds or KX_THRESHOLD
    totals = {key: exact(amount) for key, amount in (opening or {}).items()}
    needed = []
    for line in lines:
        key = (line["patient"], line["year"], line["bucket"])
        if not line["allowed"]:
            no_room = totals.get(key, Fraction(0)) >= exact(thresholds[line["year"]])
            needed.append(no_room and line.get("contractor", False))
            continue
        totals[key] = totals.get(key, Fraction(0)) + exact(line["allowed"])
        needed.append(totals[key] > exact(thresholds[line["year"]]))
    return needed
