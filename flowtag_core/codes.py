"""Addresses and the names of interfaces as two 64-bit numbers, and back. Second looks add up such numbers.

An address is the two halves of an IPv6 address, signed; an IPv4 address is the IPv6 address that contains it. Of the
name of an interface, the digits after `eni-` are a number in base 36. The lower half has the last LOW_DIGITS of
them. The upper half has the others, and the number of digits, since they may begin with zeros.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Final

import numpy as np

from flowtag_core.boundary import number_of

UNREADABLE: Final = -1
"""Both halves of an address or interface that cannot be read."""
IPV4: Final = 0xFFFF << 32
"""What is added to an IPv4 address as the lower half of an IPv6 address."""
MOST_DIGITS: Final = 17
LOW_DIGITS: Final = 12

Code = tuple[int, int]
_NONE: Final[Code] = UNREADABLE, UNREADABLE
_UNKNOWN: Final = "unknown"
_ENI: Final = b"eni-"
_DIGITS: Final = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyz")
_HALF: Final = (1 << 64) - 1


def is_readable(code: Code) -> bool:
    """Whether a code stands for an address or interface."""
    return code != _NONE


@lru_cache(maxsize=1 << 14)
def address_code(address: bytes) -> Code:
    """Return the halves of an address; UNREADABLE if it is not a valid one."""
    found = number_of(address)
    if found is None:
        return _NONE
    version, value = found
    return (0, IPV4 | value) if version == 4 else (_signed(value >> 64), _signed(value))


@lru_cache(maxsize=1 << 12)
def interface_code(name: bytes) -> Code:
    """Return the halves of the number in an interface's name; UNREADABLE if it is not `eni-` with digits."""
    digits = name[len(_ENI) :]
    if (
        name[: len(_ENI)] != _ENI
        or not 1 <= len(digits) <= MOST_DIGITS
        or not _DIGITS.issuperset(digits)
    ):
        return _NONE
    high, low = digits[:-LOW_DIGITS], digits[-LOW_DIGITS:]
    return len(digits) << 32 | int(high or b"0", 36), int(low, 36)


def address_text(high: int, low: int) -> str:
    """Return an address as text; `unknown` if it could not be read."""
    if not is_readable((high, low)):
        return _UNKNOWN
    if high == 0 and low >> 32 == IPV4 >> 32:
        return str(ipaddress.IPv4Address(low & 0xFFFF_FFFF))
    return str(ipaddress.IPv6Address(address_number(high, low)))


def address_number(high: int, low: int) -> int:
    """Return the two halves of an IPv6 address as one number of 128 bits."""
    return (high & _HALF) << 64 | low & _HALF


def interface_text(high: int, low: int) -> str:
    """Return the name of an interface; `unknown` if it could not be read."""
    if not is_readable((high, low)):
        return _UNKNOWN
    digits, first = high >> 32, high & (1 << 32) - 1
    name = np.base_repr(low, 36).rjust(min(digits, LOW_DIGITS), "0")
    if digits > LOW_DIGITS:
        name = np.base_repr(first, 36).rjust(digits - LOW_DIGITS, "0") + name
    return f"eni-{name.lower()}"


def _signed(value: int) -> int:
    """Return the lowest 64 bits of a number as a signed number."""
    return (value + (1 << 63)) % (1 << 64) - (1 << 63)
