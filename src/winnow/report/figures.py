"""Numbers as people read them."""

from __future__ import annotations

_SCALES = ((1e12, "T"), (1e9, "B"), (1e6, "M"))


def count(number: float) -> str:
    """A count with thousands separators, in millions and above with three digits.

    >>> [count(n) for n in (0, 9812, 2_450_000, 31_400_000_000)]
    ['0', '9,812', '2.45M', '31.4B']
    """
    for scale, letter in _SCALES:
        if abs(number) >= scale:
            return f"{number / scale:.3g}{letter}"
    return f"{number:,.0f}"


def size(num_bytes: float) -> str:
    """Bytes in decimal units.

    >>> [size(n) for n in (312, 99_688, 2.5e9)]
    ['312 B', '99.7 kB', '2.5 GB']
    """
    for scale, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if num_bytes >= scale:
            return f"{num_bytes / scale:.3g} {unit}"
    return f"{num_bytes:.0f} B"


def percent(part: float, whole: float) -> str:
    """A share of a whole, never rounded to 0% or 100% when it is not.

    >>> [percent(0, 9), percent(1, 30000), percent(1, 3), percent(29999, 30000), percent(9, 9)]
    ['0%', '<0.1%', '33.3%', '>99.9%', '100%']
    """
    if not whole or not part:
        return "0%"
    if part == whole:
        return "100%"
    share = 100 * part / whole
    if share < 0.1:
        return "<0.1%"
    return ">99.9%" if share > 99.9 else f"{share:.1f}%"


def duration(seconds: float) -> str:
    """Seconds, minutes or hours.

    >>> [duration(s) for s in (0.0042, 3.21, 75, 7500)]
    ['4 ms', '3.2 s', '1 min 15 s', '2 h 5 min']
    """
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def value(number: float | str | None) -> str:
    """A measured value: whole numbers in full, others with three digits.

    >>> [value(v) for v in (873, 0.061728, 1.0, None, "en")]
    ['873', '0.0617', '1', 'none', 'en']
    """
    if number is None:
        return "none"
    if isinstance(number, str):
        return number
    return count(number) if number == int(number) else f"{number:.3g}"
