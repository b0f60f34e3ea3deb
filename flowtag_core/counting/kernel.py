"""Bytes -> rows -> a table of counts, compiled: the only file that imports Numba.

`read` counts only what is provably a flow, a comment, or one of AWS's NODATA and SKIPDATA records; a
CloudWatch time stamp (and stream name) may come before a record, and more words after it. Every other line
is passed on by its position in the text, since only `reference` knows how to treat odd lines. This keeps
the kernel simple, and the two agree on all possible bytes. For the most frequent faults, the reason is passed
on too. The usual line consists of printable ASCII words separated by single spaces or tabs and is read in
place. A line with other white space or other bytes is first copied with single spaces and then read in the
same way (`_tidy`).

`look` reads text in the same way, for a second look at the flows that fit some filters: it writes where these come
from and go to. `codes` does the same for the addresses of a table.

`cells` writes the wanted cells of a CSV table's plain rows as lines of text, and `objects_on_lines` and
`objects_in_arrays` the wanted values of plain JSON objects; `read` then reads these lines. In a table it counts only
rows that are plain in every field: for all others, other rules apply than for text.

`add` adds up rows in a small table, and puts those that do not fit into it on piles. `mark`, `number`,
`shrink`, `fill` and `fold` turn a pile into a sorted table; `folding` calls them. `pick` does for the columns
of a table what `read` does for text, and `places` says where its addresses are.

All these functions work on plain addresses and arrays, allocate nothing and raise nothing. Their object code
depends on nothing but the processor, so `compiled` caches it in a file. Run as a program, this module writes
the object code to the given path, or to standard output.

Why it is fast:
- It looks at 64 bytes at a time. Comparing 64 bytes gives a 64-bit number with one bit for each byte
  (`_equal`, `_below_33`); LLVM compiles that to the machine's best vector instructions.
- Finding the odd ones among 64 bytes is then arithmetic on such numbers, without a branch for each byte.
- The positions of all separators go into one list, eight at a time, without checking how many there are;
  a field is what is between two separators.
- The last eight digits of a number are loaded as one 64-bit number, and those of all numbers in a record
  are checked and converted together, in one vector.
- Rows are added up in a small hot table that stays in the processor's cache. Flow logs are nearly in time
  order, so a frequent key soon comes again; a key that is pushed out goes on a pile.
- A pile is not sorted. Each possible key has a bit, in the order of keys; the number of set bits before
  that of a key is the index of its row. The total number of set bits, counted with wider windows, tells
  which windows are wide enough.
"""

from __future__ import annotations

import signal
import sys
from functools import reduce
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import cfunc, njit, types
from numba.extending import intrinsic

from flowtag_core.boundary import INSIDE, LONGEST_ADDRESS, OUTSIDE, UNKNOWN
from flowtag_core.codes import IPV4, LOW_DIGITS, MOST_DIGITS, UNREADABLE
from flowtag_core.counting.compiled import write_object_code
from flowtag_core.counting.contract import (
    ACCEPTED,
    ACTION,
    ACTIONS_WANTED,
    BAD_PORT,
    BAD_PROTOCOL,
    BLANK,
    BOUNDARIES_WANTED,
    BY_SERVICE,
    BYTES,
    DESTINATION,
    DSTADDR,
    DSTPORT,
    ENTRY_SIZE,
    EVERY_PORT,
    FIELDS,
    FIRST,
    FIRST_MINUTE,
    FIRST_OCTETS,
    FITS_NONE,
    FLOW,
    GATHERED_BYTES,
    GATHERED_FLOWS,
    GATHERED_PACKETS,
    HAS_PORTS,
    HIT_BEGIN,
    HIT_BYTES,
    HIT_END,
    HIT_INTERFACE,
    HIT_LINE,
    HIT_PACKETS,
    HIT_SIZE,
    INTERFACE,
    IS_DEFAULT,
    IS_TABLE,
    KEY,
    KEY_NUMBERS,
    KIND_SHIFT,
    LAST,
    LAST_MINUTE,
    MOST_SEPARATORS,
    MOST_STARTS,
    MOST_TIDIED,
    NAME_STARTS,
    NO_DATA,
    NO_PLACE,
    ODD,
    ODD_TOLD,
    OTHER_PLACES,
    OTHERS,
    PACKETS,
    PORT_PLACE,
    PORTS_WANTED,
    PROTOCOL,
    REJECTED,
    ROWS_TOLD,
    SEE_MORE,
    SIGNATURES,
    SKIPPED_DATA,
    SOURCE,
    SPANS,
    SRCADDR,
    SRCPORT,
    STAMPS,
    START,
    STATUS,
    TOO_FEW_FIELDS,
    UNKNOWN_MINUTE,
    UNSUPPORTED_VERSION,
    WORDS_TOLD,
    ObjectCode,
)
from flowtag_core.counts import (
    BOUNDARY_SHIFT,
    MOST_SUM,
    NEVER,
    PORT_SHIFT,
    PROTOCOL_SHIFT,
    UNKNOWN_BOUNDARY,
    WINDOW_SHIFT,
)

_BYTE: Final = ir.IntType(8)
_WORD: Final = ir.IntType(64)
_BLOCK: Final = ir.VectorType(_BYTE, 64)

# Numba turns an expression that mixes int64 and uint64 into a float. So masks and text are always uint64,
# counts and positions are always int64, and every conversion is explicit.
U = np.uint64
_ONE: Final = U(1)
_EIGHT: Final = U(8)
_63: Final = U(63)
_LOW_HALF: Final = U(0xFFFF_FFFF)
_ALL: Final = U(0xFFFF_FFFF_FFFF_FFFF)
_HIGH: Final = U(0x8080_8080_8080_8080)
_DIGITS: Final = U(0x3030_3030_3030_3030)
_OVER_9: Final = U(0x7676_7676_7676_7676)
_PAIRS: Final = U(0x00FF_00FF_00FF_00FF)
_FOURS: Final = U(0x0000_FFFF_0000_FFFF)


def _text(text: bytes) -> np.uint64:
    """Return a short text as a number, as `_word` loads it: its bytes are the last of the eight."""
    return U(int.from_bytes(text.rjust(8, b"\0"), "little"))


def _template(text: bytes) -> tuple[np.uint64, np.uint64]:
    """Return the bytes to compare a text with, and the bytes to add, so that high bits show differences.

    A `0` in the template matches any digit.
    """
    over = bytes(0x76 if byte == ord("0") else 0x7F for byte in text)
    return _text(text), U(int.from_bytes(over, "little"))


_LAST_2: Final = U(0xFFFF_0000_0000_0000)
_LAST_6: Final = U(0xFFFF_FFFF_FFFF_0000)
_ENI: Final = _text(b"eni-")
_OK: Final = _text(b"OK")
_NODATA: Final = _text(b"NODATA")
_SKIPDATA: Final = _text(b"SKIPDATA")
_ACCEPT: Final = _text(b"ACCEPT")
_REJECT: Final = _text(b"REJECT")
_DATE, _DATE_OVER = _template(b"0000-00-")
_HOUR, _HOUR_OVER = _template(b"00T00:00")
_TIME, _TIME_OVER = _template(b"00:00:00")
_MILLIS, _MILLIS_OVER = _template(b":00.000Z")

_LF, _CR, _TAB, _SPACE, _HASH, _QUOTE, _DASH, _COMMA = 10, 13, 9, 32, 35, 34, 45, 44
_BACKSLASH, _OPEN, _CLOSE, _POINT = 92, 123, 125, 46
_LONGEST_NUMBER: Final = 400  # Python does not read one of thousands of digits
_YEAR_2000: Final = 946_684_800
_YEAR_2100: Final = 4_102_444_800
_15_DIGITS: Final = 1_000_000_000_000_000
_MIX: Final = U(0x9E37_79B9_7F4A_7C15)  # 2**64 / golden ratio: spreads keys that differ little

_REST: Final = (1 << WINDOW_SHIFT) - 1
_WINDOW_BITS: Final = 8  # in a cell: there are at most 240 windows and the unknown one
_WINDOW: Final = (1 << _WINDOW_BITS) - 1
_BIT: Final = np.int64(1)
_AHEAD: Final = 16  # how many rows ahead memory is prefetched

# The indexes in `found` of the numbers of flows in which a field is present but unreadable.
_NO_SRCPORT, _NO_START, _NO_PACKETS, _NO_BYTES, _ODD_ACTION = range(9, 14)

_ODD_STATUS: Final = -1  # a verdict for internal use only


def _load(builder: Any, address: Any, kind: Any) -> Any:
    return builder.load(builder.inttoptr(address, kind.as_pointer()), align=1)


@intrinsic
def _below_33(_: Any, address: Any) -> Any:
    """Return a bit for each of 64 bytes, set if it is a space, a control character or not ASCII (negative)."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        low = builder.icmp_signed(
            "<", _load(builder, args[0], _BLOCK), ir.Constant(_BLOCK, [33] * 64)
        )
        return builder.bitcast(low, _WORD)

    return types.uint64(types.uint64), generate


@intrinsic
def _equal(_: Any, address: Any, byte: Any) -> Any:
    """Return a bit for each of 64 bytes, set if it equals `byte`."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        one = builder.insert_element(
            ir.Constant(_BLOCK, ir.Undefined), builder.trunc(args[1], _BYTE), ir.IntType(32)(0)
        )
        every = builder.shuffle_vector(
            one, one, ir.Constant(ir.VectorType(ir.IntType(32), 64), [0] * 64)
        )
        equal = builder.icmp_unsigned("==", _load(builder, args[0], _BLOCK), every)
        return builder.bitcast(equal, _WORD)

    return types.uint64(types.uint64, types.int64), generate


@intrinsic
def _word(_: Any, address: Any) -> Any:
    """Return eight bytes as a number, the first byte lowest (all platforms of Numba are little-endian)."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return _load(builder, args[0], _WORD)

    return types.uint64(types.uint64), generate


@intrinsic
def _byte(_: Any, address: Any) -> Any:
    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return builder.zext(_load(builder, args[0], _BYTE), _WORD)

    return types.int64(types.uint64), generate


@intrinsic
def _half_word(_: Any, address: Any) -> Any:
    """Return four bytes as a signed number."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return builder.sext(_load(builder, args[0], ir.IntType(32)), _WORD)

    return types.int64(types.uint64), generate


@intrinsic
def _put_byte(_: Any, address: Any, byte: Any) -> Any:
    def generate(context: Any, builder: Any, __: Any, args: Any) -> Any:
        place = builder.inttoptr(args[0], _BYTE.as_pointer())
        builder.store(builder.trunc(args[1], _BYTE), place, align=1)
        return context.get_dummy_value()

    return types.void(types.uint64, types.int64), generate


@intrinsic
def _put_word(_: Any, address: Any, word: Any) -> Any:
    def generate(context: Any, builder: Any, __: Any, args: Any) -> Any:
        builder.store(args[1], builder.inttoptr(args[0], _WORD.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(types.uint64, types.int64), generate


@intrinsic
def _first_bit(_: Any, mask: Any) -> Any:
    """Return the index of the lowest set bit; 64 if there is none."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@intrinsic
def _bits(_: Any, mask: Any) -> Any:
    """Return the number of set bits."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.uint64), generate


@intrinsic
def _prefetch(_: Any, address: Any) -> Any:
    """Prefetch the memory at an address that will be read soon, without waiting for it."""

    def generate(context: Any, builder: Any, __: Any, args: Any) -> Any:
        place = builder.inttoptr(args[0], _BYTE.as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [place.type, number, number, number])
        call = builder.module.declare_intrinsic("llvm.prefetch", [place.type], kind)
        builder.call(call, [place, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(types.uint64), generate


@intrinsic
def _eight_numbers(
    _: Any,
    word_0: Any,
    word_1: Any,
    word_2: Any,
    word_3: Any,
    word_4: Any,
    word_5: Any,
    word_6: Any,
    word_7: Any,
    before_0: Any,
    before_1: Any,
    before_2: Any,
    before_3: Any,
    before_4: Any,
    before_5: Any,
    before_6: Any,
    before_7: Any,
    numbers: Any,
) -> Any:
    """Do what `_eight` does for eight words in one go; return a bit for each word that is not all digits.

    The lowest `before` bits of a word are not part of its digits. The results go into `numbers`.
    """

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        word, before = _vector(builder, args[:8]), _vector(builder, args[8:16])
        digits = builder.shl(_every(_WORD, int(_ALL)), before)
        word = builder.and_(builder.xor(word, _every(_WORD, int(_DIGITS))), digits)
        unlike = builder.or_(word, builder.add(word, _every(_WORD, int(_OVER_9))))
        unlike = builder.and_(unlike, _every(_WORD, int(_HIGH)))
        unlike = builder.icmp_unsigned("!=", unlike, _every(_WORD, 0))
        for bits, base in ((16, 10), (32, 100), (64, 10_000)):
            lane = ir.IntType(bits)
            word = builder.bitcast(word, ir.VectorType(lane, 512 // bits))
            low = builder.and_(word, _every(lane, (1 << bits // 2) - 1))
            high = builder.lshr(word, _every(lane, bits // 2))
            word = builder.add(builder.mul(low, _every(lane, base)), high)
        place = builder.bitcast(args[16], word.type.as_pointer())
        builder.store(word, place, align=8)
        return builder.zext(builder.bitcast(unlike, _BYTE), _WORD)

    words = (types.uint64,) * 16
    return types.int64(*words, types.CPointer(types.int64)), generate


@intrinsic
def _two_ipv4(_: Any, end_0: Any, length_0: Any, end_1: Any, length_1: Any) -> Any:
    """Return a bit for each dot in the 16 bytes before two ends, if both end IPv4 addresses; else 0.

    The addresses have 7 to 15 characters. Octets above 255 and octets with a leading zero are recognized
    by their digits alone, without converting them to numbers.
    """

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        half, mask = ir.IntType(16), ir.IntType(32)
        kind = ir.VectorType(_BYTE, 16)
        loads = [_load(builder, builder.sub(args[at], _WORD(16)), kind) for at in (0, 2)]
        order = ir.Constant(ir.VectorType(mask, 32), list(range(32)))
        text = builder.shuffle_vector(*loads, order)
        text = builder.xor(text, ir.Constant(text.type, [0x30] * 32))  # digits are 0 to 9 then

        def where(sign: str, byte: int) -> Any:
            every = ir.Constant(text.type, [byte] * 32)
            return builder.bitcast(builder.icmp_unsigned(sign, text, every), mask)

        def later(bits: Any, count: int) -> Any:
            return builder.lshr(bits, mask(count))

        def all_of(*several: Any) -> Any:
            return reduce(builder.and_, several)

        befores = [builder.trunc(builder.sub(_WORD(16), args[at]), half) for at in (1, 3)]
        first_0, first_1 = (builder.zext(builder.shl(half(1), before), mask) for before in befores)
        field_0, field_1 = (
            builder.zext(builder.shl(half(0xFFFF), before), mask) for before in befores
        )
        field = builder.or_(field_0, builder.shl(field_1, mask(16)))
        dots = builder.and_(where("==", 46 ^ 0x30), field)
        digits = builder.and_(where("<=", 9), field)
        starts = builder.or_(builder.shl(dots, mask(1)), first_0)
        starts = builder.or_(starts, builder.shl(first_1, mask(16)))
        over_5 = where(">", 5)
        third = all_of(starts, digits, later(digits, 1), later(digits, 2))
        from_200 = builder.and_(third, where("==", 2))
        wrong = [
            builder.xor(builder.or_(dots, digits), field),
            builder.and_(dots, builder.or_(starts, mask(0x8000_8000))),
            all_of(digits, later(digits, 1), later(digits, 2), later(digits, 3)),
            all_of(starts, where("==", 0), later(digits, 1)),
            builder.and_(third, where(">", 2)),
            builder.and_(from_200, later(over_5, 1)),
            all_of(from_200, later(where("==", 5), 1), later(over_5, 2)),
        ]
        is_right = builder.icmp_unsigned("==", reduce(builder.or_, wrong), mask(0))
        for part in (builder.trunc(dots, half), builder.trunc(later(dots, 16), half)):
            has_three = builder.icmp_unsigned("==", builder.ctpop(part), half(3))
            is_right = builder.and_(is_right, has_three)
        return builder.zext(builder.select(is_right, dots, mask(0)), _WORD)

    return types.uint64(types.uint64, types.int64, types.uint64, types.int64), generate


def _vector(builder: Any, values: Any) -> Any:
    vector = ir.Constant(ir.VectorType(_WORD, 8), ir.Undefined)
    for place, value in enumerate(values):
        vector = builder.insert_element(vector, value, ir.IntType(32)(place))
    return vector


def _every(lane: Any, value: int) -> Any:
    """Return a vector of 512 bits that repeats one number."""
    count = 512 // lane.width
    return ir.Constant(ir.VectorType(lane, count), [value] * count)


# Decorates parts of the compiled functions. LLVM inlines them, since a call that might raise would need
# Numba's runtime. (Numba could inline them too, but would then take four times as long to compile.)
_part: Final = njit(error_model="numpy", forceinline=True)


@_part
def _eight(text: Any, end: Any, length: Any) -> Any:
    """Return the number in the 1 to 8 digits before `end`; -1 if they are not all digits.

    The bytes before the digits are set to zero. Then pairs of digits are combined to numbers below 100,
    pairs of these to numbers below 10,000, and so on: three steps instead of eight.
    """
    word = (_word(text + U(end) - _EIGHT) ^ _DIGITS) & (_ALL << U(64 - 8 * length))
    if (word | (word + _OVER_9)) & _HIGH:
        return -1
    word = (word * U(10) + (word >> _EIGHT)) & _PAIRS
    word = (word * U(100) + (word >> U(16))) & _FOURS
    return np.int64((word * U(10_000) + (word >> U(32))) & U(0xFFFF_FFFF))


@_part
def _number(text: Any, end: Any, length: Any, most: Any) -> Any:
    """Return the number in the `length` digits before `end`; -1 if it is not a number or too long."""
    if length < 1 or length > most:
        return -1
    if length <= 8:
        return _eight(text, end, length)
    low = _eight(text, end, 8)
    high = _eight(text, end - 8, length - 8)
    return high * 100_000_000 + low if low >= 0 and high >= 0 else -1


@_part
def _is_like(address: Any, template: Any, over: Any) -> Any:
    word = _word(address) ^ template
    return ((word | (word + over)) & _HIGH) == U(0)


@_part
def _is_stamp(text: Any, begin: Any, length: Any, stamps: Any) -> Any:
    """Whether a word is a time stamp in a form that CloudWatch and its tools write."""
    if length == 13:
        return stamps > 1 and _number(text, begin + 13, 13, 13) >= 0
    at = text + U(begin)
    if length < 19 or not (
        _is_like(at, _DATE, _DATE_OVER)
        and _is_like(at + _EIGHT, _HOUR, _HOUR_OVER)
        and _is_like(at + U(11), _TIME, _TIME_OVER)
    ):
        return False
    if length == 24 and _is_like(at + U(16), _MILLIS, _MILLIS_OVER):  # CloudWatch's own form
        return True
    at += U(19)
    end = text + U(begin + length)
    if at < end and (_byte(at) == 46 or _byte(at) == 44):  # . or , and fractions of a second
        at += _ONE
        if at == end or not 48 <= _byte(at) <= 57:
            return False
        while at < end and 48 <= _byte(at) <= 57:
            at += _ONE
    if at == end:
        return True
    zone = _byte(at)
    if zone == 90:  # Z
        return at + _ONE == end
    if zone != 43 and zone != 45:  # + or -, then hours and minutes, perhaps with a colon between
        return False
    left = np.int64(end - at)
    if left != 5 and not (left == 6 and _byte(at + U(3)) == 58):
        return False
    for place in range(1, left):
        is_colon = left == 6 and place == 3
        if not is_colon and not 48 <= _byte(at + U(place)) <= 57:
            return False
    return True


@_part
def _may_be_told_beside(text: Any, begin: Any) -> Any:
    """Whether a line may be a comment or a line that tools add, judging by its first two bytes."""
    one, two = _byte(text + U(begin)), _byte(text + U(begin) + _ONE)
    return (
        one == _HASH
        or (two == 47 and (one == 98 or one == 102))  # b/ f/
        or (two == 69 and (one == 83 or one == 78))  # SE NE
        or (one == 69 and two == 86)  # EV
        or (one == 80 and two == 101)  # Pe
        or (one == 67 and two == 87)  # CW
    )


@_part
def _may_be_glued(text: Any, separators: Any, first: Any, last: Any) -> Any:
    """Whether a word ends like OK2 or NODATA2: perhaps two records with nothing between them."""
    for place in range(first + 1, last + 1):
        at = text + U(separators[place])
        if _byte(at - _ONE) == 50:
            before = _byte(at - U(2))
            if before == 75 or before == 65:
                return True
    return False


@_part
def _has_tab(text: Any, separators: Any, first: Any, last: Any) -> Any:
    """Whether a tab separates two words."""
    for place in range(first + 1, last):  # noqa: SIM110  (any is a call)
        if _byte(text + U(separators[place])) == _TAB:
            return True
    return False


@_part
def _before_record(
    text: Any, begin: Any, layout: Any, separators: Any, first: Any, last: Any, words: Any
) -> Any:
    """Return the number of words before the record in a line, 0 to 2; -1 if that is not certain.

    Words in excess of the fields are a time stamp and perhaps a stream name, or they come after the record.
    """
    is_default = layout[IS_DEFAULT] != 0
    more, length = words - layout[FIELDS], separators[first + 1] - begin
    if more <= 0:
        return more if more == 0 else -1
    if is_default and _may_be_glued(text, separators, first, last):
        return -1
    if 1 <= length <= 9 and _number(text, begin + length, length, 9) >= 0:  # no time stamp
        if words >= 2 * layout[FIELDS] and _has_tab(text, separators, first, last):
            return -1  # tabs may separate whole records
        return 0
    if more > 2 or layout[STAMPS] == 0 or layout[FIELDS] < 3:
        return -1
    if not _is_stamp(text, begin, length, layout[STAMPS]):
        return -1
    # A stream name that begins with a digit would be mistaken for the record's version.
    if is_default and more == 2 and _byte(text + U(separators[first + 1]) + _ONE) < 58:
        return -1
    return more


@_part
def _verdict(
    text: Any, begin: Any, layout: Any, separators: Any, first: Any, last: Any, skip: Any
) -> Any:
    """Return the kind of a record, judging by its status and beginning: FLOW, NO_DATA, SKIPPED_DATA or ODD.

    Its numbers are not checked. _ODD_STATUS means a flow with a status that AWS does not write. The fields
    of the record are between the separators from index first + skip on.
    """
    is_default = layout[IS_DEFAULT] != 0
    record = separators[first + skip] + 1
    if is_default:
        is_version_2 = separators[first + skip + 1] - record == 1 and _byte(text + U(record)) == 50
        if not is_version_2:
            return ODD
    status = layout[STATUS]
    if status == NO_PLACE:
        return ODD if _may_be_told_beside(text, begin) else FLOW
    end = separators[first + skip + status + 1]
    length = end - separators[first + skip + status] - 1
    word = _word(text + U(end) - _EIGHT)
    if length == 2 and (word & _LAST_2) == _OK:
        return ODD if _byte(text + U(begin)) == _HASH else FLOW
    # If the status is the second field, the words after a time stamp and the status might be a header.
    if status == 1 or _may_be_told_beside(text, begin):
        return ODD
    if is_default and _may_be_glued(text, separators, first, last):
        return ODD
    if length == 6 and (word & _LAST_6) == _NODATA:
        return NO_DATA
    if length == 8 and word == _SKIPDATA:
        return SKIPPED_DATA
    # The status is not one of AWS's words; the line is a record if it begins with a few digits.
    return _ODD_STATUS if _field(text, separators, first, 9) >= 0 else ODD


@_part
def _action(text: Any, separators: Any, record: Any, position: Any) -> Any:
    end = separators[record + position + 1]
    if end - separators[record + position] != 7:
        return -1
    word = _word(text + U(end) - _EIGHT) & _LAST_6
    if word == _ACCEPT:
        return 0
    return 1 if word == _REJECT else -1


@_part
def _length(separators: Any, at: Any) -> Any:
    return separators[at + 1] - separators[at] - 1


@_part
def _field(text: Any, separators: Any, at: Any, most: Any) -> Any:
    return _number(text, separators[at + 1], _length(separators, at), most)


@_part
def _last_8(text: Any, separators: Any, at: Any) -> Any:
    """Return the last eight bytes before a field's end."""
    return _word(text + U(separators[at + 1]) - _EIGHT)


@_part
def _before(length: Any) -> Any:
    """Return the number of bits that come before a field of this length in the eight bytes before its end."""
    return U(64 - 8 * length) if length < 8 else U(0)


@_part
def _long(text: Any, separators: Any, at: Any, low: Any) -> Any:
    """Return the number in a field whose last eight digits have the value `low`; -1 if it is not a number."""
    length = _length(separators, at) - 8
    if length < 1:
        return low
    high = _number(text, separators[at + 1] - 8, length, 7)
    return high * 100_000_000 + low if high >= 0 else -1


@_part
def _may_be_header(text: Any, layout: Any, separators: Any, first: Any, words: Any) -> Any:
    """Whether a line may be a header: it begins like a known field name, or one of its words may be dstport."""
    begin = text + U(separators[first]) + _ONE
    if _length(separators, first) >= 3:
        start = _byte(begin) | (_byte(begin + _ONE) << 8) | (_byte(begin + U(2)) << 16)
        for place in range(NAME_STARTS, NAME_STARTS + MOST_STARTS):
            if layout[place] == start:
                return True
    for place in range(first, first + words):
        letter = _byte(text + U(separators[place]) + _ONE)
        if letter == 36 or (letter == 100 and _length(separators, place) >= 7):  # ${ or dstport
            return True
    return False


@_part
def _misfit(text: Any, layout: Any, separators: Any, first: Any, last: Any, words: Any) -> Any:
    """Return the fault of a line that does not fit the layout; ODD if it may be more than a faulty record.

    It may be a header, a line that a tool adds, or several records. If its first word begins with a digit
    and is long enough, that may be a time stamp.
    """
    begin, length = separators[first] + 1, _length(separators, first)
    if 48 <= _byte(text + U(begin)) <= 57:
        if length > 12:
            return ODD
    elif _may_be_told_beside(text, begin) or _may_be_header(text, layout, separators, first, words):
        return ODD
    if layout[IS_DEFAULT] != 0:
        if _may_be_glued(text, separators, first, last):
            return ODD
        if words >= layout[FIELDS]:  # with version 2 it would be a record
            if words >= 2 * layout[FIELDS] and _has_tab(text, separators, first, last):
                return ODD
            return UNSUPPORTED_VERSION
    return TOO_FEW_FIELDS if words < layout[FIELDS] else ODD


@_part
def _may_fit(text: Any, layout: Any, separators: Any, first: Any, words: Any) -> Any:
    """Whether a line might fit another layout: it has as many words, and its port and protocol are numbers.

    A single word may be many words separated by commas.
    """
    if words == 1:
        return True
    if words > WORDS_TOLD:
        return False
    for other in range(layout[OTHERS + words], layout[OTHERS + words + 1]):
        dstport = first + layout[OTHER_PLACES + 2 * other]
        protocol = first + layout[OTHER_PLACES + 2 * other + 1]
        is_port = 0 <= _field(text, separators, dstport, 5) <= 65535
        if is_port and _field(text, separators, protocol, 5) >= 0:
            return True
    return False


@_part
def _in_spans(value: Any, first: Any, layout: Any) -> Any:
    """Return where the IPv4 address with this integer value is; it is in no span before number `first`."""
    spans = layout[SPANS]
    for span in range(first, layout[spans]):
        if value <= layout[spans + 2 + 2 * span]:
            return INSIDE if value >= layout[spans + 1 + 2 * span] else OUTSIDE
    return OUTSIDE


@_part
def _top_octet(digits: Any) -> Any:
    """Return the octet whose digits are the values of the last bytes of a word; the other bytes are zero."""
    # Multiplying adjacent bytes d, e, f by the bytes 100, 10, 1 gives sums, one of which is the octet.
    return np.int64(((digits >> U(40)) * U(0x64_0A_01) >> U(16)) & U(0xFF))


@_part
def _place_4(text: Any, begin: Any, end: Any, dots: Any, layout: Any) -> Any:
    """Return where a valid IPv4 address is; `dots` has a bit for each dot in the 16 bytes before its end."""
    before = 16 - (end - begin)
    digits = _word(text + U(begin)) ^ _DIGITS
    dot = _first_bit(dots) - before  # the length of the first octet
    first = _top_octet(digits << U(64 - 8 * dot))
    place = layout[FIRST_OCTETS + first]
    if place < SEE_MORE:
        return place
    dots &= dots - _ONE
    next_dot = _first_bit(dots)
    length = next_dot - before - dot - 1
    second = _top_octet(digits >> U(8 * dot + 8) << U(64 - 8 * length))
    place = layout[place + second]
    if place < SEE_MORE:
        return place
    last_dot = _first_bit(dots & (dots - _ONE))
    digits = _word(text + U(end) - _EIGHT) ^ _DIGITS
    length = 15 - last_dot
    fourth = _top_octet(digits & (_ALL << U(64 - 8 * length)))
    digits = digits << U(8 * length + 8)
    third = _top_octet(digits & (_ALL << U(64 - 8 * (last_dot - next_dot - 1))))
    value = (first << 24) | (second << 16) | (third << 8) | fourth
    return _in_spans(value, place - SEE_MORE, layout)


@_part
def _octet(text: Any, begin: Any, end: Any) -> Any:
    """Return the value of an octet; -1 if it is not one or has leading zeros."""
    value = _number(text, end, end - begin, 3)
    least = 100 if end - begin == 3 else 10 if end - begin == 2 else 0
    return value if least <= value <= 255 else -1


@_part
def _four_octets(text: Any, begin: Any, end: Any) -> Any:
    """Return the integer value of an IPv4 address; -1 if it is not a valid one."""
    value, start, octets = 0, begin, 0
    for place in range(begin, end + 1):
        if place < end and _byte(text + U(place)) != 46:
            continue
        octet = _octet(text, start, place)
        if octet < 0:
            return -1
        value = (value << 8) | octet
        octets += 1
        start = place + 1
    return value if octets == 4 else -1


@_part
def _hex(text: Any, begin: Any, end: Any) -> Any:
    """Return the value of 1 to 4 hexadecimal digits; -1 if they are something else."""
    if not 1 <= end - begin <= 4:
        return -1
    value = 0
    for place in range(begin, end):
        byte = _byte(text + U(place))
        if 48 <= byte <= 57:
            digit = byte - 48
        elif 97 <= (byte | 32) <= 102:
            digit = (byte | 32) - 87
        else:
            return -1
        value = (value << 4) | digit
    return value


@_part
def _groups(text: Any, begin: Any, end: Any, groups: Any) -> Any:
    """Parse an IPv6 address into eight groups of 16 bits; return whether it is a valid one."""
    count, gap, place = 0, -1, begin
    if _byte(text + U(begin)) == 58:  # a : at the beginning must be ::
        if _byte(text + U(begin + 1)) != 58:
            return False
        place += 1
    while place < end:
        if _byte(text + U(place)) == 58:  # the second : of ::
            if gap >= 0:
                return False
            gap = count
            place += 1
            continue
        stop = place
        while stop < end and _byte(text + U(stop)) != 58:
            stop += 1
        is_last_4 = stop == end and stop - place > 4
        if count + is_last_4 > 7:
            return False
        if is_last_4:  # the last 32 bits may be written as IPv4
            value = _four_octets(text, place, stop)
            groups[count] = value >> 16
            groups[count + 1] = value & 0xFFFF
            count += 2
        else:
            value = _hex(text, place, stop)
            groups[count] = value
            count += 1
        if value < 0 or stop == end - 1:  # a : at the end must be ::
            return False
        place = stop + 1
    if gap < 0:
        return count == 8
    if count > 7:
        return False
    for group in range(7, -1, -1):
        at = group - (8 - count)
        groups[group] = groups[at] if at >= gap else (groups[group] if group < gap else 0)
    return True


@_part
def _half(groups: Any, first: Any) -> Any:
    """Return four groups of 16 bits, from this one on, as one signed number."""
    number = 0
    for group in range(first, first + 4):
        number = (number << 16) | groups[group]
    return number


@_part
def _place_6(groups: Any, layout: Any) -> Any:
    """Return where an IPv6 address is, or the IPv4 address that it contains, if any."""
    high, low = U(_half(groups, 0)), U(_half(groups, 4))
    if high == U(0) and low >> U(32) == U(0xFFFF):
        return _in_spans(np.int64(low & U(0xFFFF_FFFF)), 0, layout)
    spans = layout[SPANS] + 1 + 2 * layout[layout[SPANS]]
    for span in range(layout[spans]):
        at = spans + 1 + 4 * span
        first_high, first_low = U(layout[at]), U(layout[at + 1])
        last_high, last_low = U(layout[at + 2]), U(layout[at + 3])
        is_behind = high > first_high or (high == first_high and low >= first_low)
        is_before = high < last_high or (high == last_high and low <= last_low)
        if is_behind and is_before:
            return INSIDE
    return OUTSIDE


@_part
def _place(text: Any, begin: Any, end: Any, layout: Any, groups: Any) -> Any:
    """Return where an address of any kind is; UNKNOWN if it is not a valid one."""
    if end - begin < 2 or end - begin > LONGEST_ADDRESS:
        return UNKNOWN
    value = _four_octets(text, begin, end)
    if value >= 0:
        return _in_spans(value, 0, layout)
    return _place_6(groups, layout) if _groups(text, begin, end, groups) else UNKNOWN


@_part
def _boundary(text: Any, layout: Any, separators: Any, record: Any, numbers: Any) -> Any:
    """Return the boundary of a flow, judging by its two addresses."""
    if layout[SRCADDR] == layout[DSTPORT] or layout[DSTADDR] == layout[DSTPORT]:
        return UNKNOWN_BOUNDARY
    src, dst = record + layout[SRCADDR], record + layout[DSTADDR]
    src_end, dst_end = separators[src + 1], separators[dst + 1]
    src_length, dst_length = _length(separators, src), _length(separators, dst)
    if 7 <= src_length <= 15 and 7 <= dst_length <= 15:  # nearly always: IPv4
        dots = _two_ipv4(text + U(src_end), src_length, text + U(dst_end), dst_length)
        if dots:
            return _between(
                _place_4(text, src_end - src_length, src_end, dots & U(0xFFFF), layout),
                _place_4(text, dst_end - dst_length, dst_end, dots >> U(16), layout),
            )
    source = place = UNKNOWN
    for end, length in ((src_end, src_length), (dst_end, dst_length)):
        source, place = place, _place(text, end - length, end, layout, numbers)
    return _between(source, place)


@_part
def _between(source: Any, destination: Any) -> Any:
    """Return the boundary of a flow from one place to another, each INSIDE, OUTSIDE or UNKNOWN."""
    if source == UNKNOWN or destination == UNKNOWN:
        return UNKNOWN_BOUNDARY
    return 2 * (1 - destination) + (1 - source)


@_part
def _put(
    rows: Any,
    count: Any,
    layout: Any,
    dstport: Any,
    protocol: Any,
    srcport: Any,
    minute: Any,
    packets: Any,
    volume: Any,
    boundary: Any,
    action: Any,
) -> Any:
    """Write the row of a flow by destination port, and for a reply one by source port; return how many."""
    key = (minute << WINDOW_SHIFT) | (protocol << PROTOCOL_SHIFT)
    key |= (boundary << BOUNDARY_SHIFT) | action
    at = 3 * count
    is_reply = srcport < dstport and layout[HAS_PORTS + protocol] != 0
    if is_reply:
        rows[at + 3] = (2 << KIND_SHIFT) | key | (srcport << PORT_SHIFT)
        rows[at + 4] = packets
        rows[at + 5] = volume
        key |= 1 << KIND_SHIFT
    rows[at] = key | (dstport << PORT_SHIFT)
    rows[at + 1] = packets
    rows[at + 2] = volume
    return 2 if is_reply else 1


@_part
def _put_rows(
    text: Any,
    layout: Any,
    separators: Any,
    record: Any,
    boundary: Any,
    numbers: Any,
    rows: Any,
    count: Any,
) -> Any:
    """Write the rows of a flow and return how many: 1, 2 for a reply, 0 if a field is invalid.

    The position of a field that the layout lacks is that of dstport; the value read there is discarded.
    """
    dst, kind, src = record + layout[DSTPORT], record + layout[PROTOCOL], record + layout[SRCPORT]
    start, packet, byte = record + layout[START], record + layout[PACKETS], record + layout[BYTES]
    # A valid start has more than 8 digits: its last 8 and those before them are read as two numbers.
    low = 8 if start != dst else 0
    high = _length(separators, start) - low
    if (
        _length(separators, dst) > 5
        or _length(separators, kind) > 5
        or _length(separators, src) > 5
        or high < 1
        or high > 7
    ):
        return 0
    unlike = _eight_numbers(
        _last_8(text, separators, dst),
        _last_8(text, separators, kind),
        _last_8(text, separators, src),
        _last_8(text, separators, packet),
        _last_8(text, separators, byte),
        _last_8(text, separators, start),
        _word(text + U(separators[start + 1] - low) - _EIGHT),
        _DIGITS,
        _before(_length(separators, dst)),
        _before(_length(separators, kind)),
        _before(_length(separators, src)),
        _before(_length(separators, packet)),
        _before(_length(separators, byte)),
        _before(_length(separators, start)),
        _before(high),
        U(0),
        numbers,
    )
    if unlike:
        return 0
    dstport, protocol, srcport, minute, packets, volume, action = (
        numbers[0],
        numbers[1],
        65536,
        UNKNOWN_MINUTE,
        0,
        0,
        2,
    )
    if dstport > 65535 or protocol > 255:
        return 0
    if src != dst:
        srcport = numbers[2]
        if srcport > 65535:
            return 0
    if packet != dst:
        packets = _long(text, separators, packet, numbers[3])
    if byte != dst:
        volume = _long(text, separators, byte, numbers[4])
    if start != dst:
        seconds = numbers[6] * 100_000_000 + numbers[5]
        if seconds >= _YEAR_2100:
            seconds //= 1000  # milliseconds
        if seconds < _YEAR_2000 or seconds >= _YEAR_2100:
            return 0
        minute = seconds // 60
    if layout[ACTION] >= 0:
        action = _action(text, separators, record, layout[ACTION])
    if packets < 0 or volume < 0 or action < 0:
        return 0
    return _put(
        rows,
        count,
        layout,
        dstport,
        protocol,
        srcport,
        minute,
        packets,
        volume,
        boundary,
        action,
    )


@_part
def _put_doubtful(
    text: Any,
    layout: Any,
    separators: Any,
    record: Any,
    boundary: Any,
    rows: Any,
    count: Any,
    found: Any,
) -> Any:
    """Write the rows of a flow field by field, unreadable fields as unknown, and return how many.

    If the port or the protocol cannot be read, return the verdict instead, as a negative number.
    """
    dst, src = record + layout[DSTPORT], record + layout[SRCPORT]
    start, packet, byte = record + layout[START], record + layout[PACKETS], record + layout[BYTES]
    dstport = _field(text, separators, dst, 5)
    protocol = _field(text, separators, record + layout[PROTOCOL], 5)
    if dstport < 0 or dstport > 65535 or protocol < 0 or protocol > 255:
        if layout[STATUS] == NO_PLACE:  # it may report no data
            return -ODD
        return -BAD_PORT if dstport < 0 or dstport > 65535 else -BAD_PROTOCOL
    srcport, minute, packets, volume, action = 65536, UNKNOWN_MINUTE, 0, 0, 2
    if src != dst:
        srcport = _field(text, separators, src, 5)
        if srcport < 0 or srcport > 65535:
            srcport = 65536
            found[_NO_SRCPORT] += 1
    if start != dst:
        seconds = _field(text, separators, start, 15)
        if seconds >= _YEAR_2100:
            seconds //= 1000
        if _YEAR_2000 <= seconds < _YEAR_2100:
            minute = seconds // 60
        else:
            found[_NO_START] += 1
    if packet != dst:
        packets = _field(text, separators, packet, 15)
        if packets < 0:
            packets = 0
            found[_NO_PACKETS] += 1
    if byte != dst:
        volume = _field(text, separators, byte, 15)
        if volume < 0:
            volume = 0
            found[_NO_BYTES] += 1
    if layout[ACTION] >= 0:
        action = _action(text, separators, record, layout[ACTION])
        if action < 0:
            action = 2
            found[_ODD_ACTION] += 1
    return _put(
        rows,
        count,
        layout,
        dstport,
        protocol,
        srcport,
        minute,
        packets,
        volume,
        boundary,
        action,
    )


@_part
def _is_wanted(key: Any, wanted: Any) -> Any:
    """Whether a flow with this key is looked for."""
    minute = key >> WINDOW_SHIFT
    if minute < wanted[FIRST_MINUTE] or minute > wanted[LAST_MINUTE]:
        return False
    action, boundary = key & 3, (key >> BOUNDARY_SHIFT) & 7
    if not (wanted[ACTIONS_WANTED] >> action) & (wanted[BOUNDARIES_WANTED] >> boundary) & 1:
        return False
    if wanted[EVERY_PORT] != 0:
        return True
    bit = (key >> PORT_SHIFT) & 0xFF_FFFF  # the protocol and the port
    return (wanted[PORTS_WANTED + (bit >> 6)] >> (bit & 63)) & 1 != 0


@_part
def _put_code(text: Any, begin: Any, end: Any, codes: Any, at: Any, groups: Any) -> Any:
    """Write an address as the two halves of an IPv6 address; both are UNREADABLE if it is not a valid one."""
    codes[at] = codes[at + 1] = UNREADABLE
    if end - begin < 2 or end - begin > LONGEST_ADDRESS:
        return
    value = _four_octets(text, begin, end)
    if value >= 0:
        codes[at], codes[at + 1] = 0, IPV4 | value
    elif _groups(text, begin, end, groups):
        codes[at], codes[at + 1] = _half(groups, 0), _half(groups, 4)


@_part
def _put_interface(text: Any, begin: Any, end: Any, codes: Any, at: Any) -> Any:
    """Write the name of an interface as a number, as in `codes`; both halves are UNREADABLE if it is not valid."""
    codes[at] = codes[at + 1] = UNREADABLE
    digits = end - begin - 4
    if not 1 <= digits <= MOST_DIGITS or (_word(text + U(begin)) << U(32)) != _ENI:
        return
    high = low = 0
    for place in range(digits):
        byte = _byte(text + U(begin + 4 + place))
        if 48 <= byte <= 57:
            digit = byte - 48
        elif 97 <= byte <= 122:
            digit = byte - 87
        else:
            return
        if place < digits - LOW_DIGITS:
            high = 36 * high + digit
        else:
            low = 36 * low + digit
    codes[at], codes[at + 1] = (digits << 32) | high, low


@_part
def _put_hit(
    text: Any,
    layout: Any,
    separators: Any,
    record: Any,
    rows: Any,
    count: Any,
    added: Any,
    wanted: Any,
    hits: Any,
    numbers: Any,
) -> Any:
    """Write a flow to the hits if it is wanted, and return whether it is; its rows are after the first `count` ones."""
    at = 3 * (count + (1 if added == 2 and wanted[BY_SERVICE] != 0 else 0))
    key = rows[at] & ((1 << KIND_SHIFT) - 1)
    if not _is_wanted(key, wanted):
        return 0
    out = HIT_SIZE * count
    hits[out + KEY], hits[out + HIT_PACKETS], hits[out + HIT_BYTES] = (
        key,
        rows[at + 1],
        rows[at + 2],
    )
    for field, half in ((SRCADDR, SOURCE), (DSTADDR, DESTINATION)):
        hits[out + half] = hits[out + half + 1] = UNREADABLE
        if layout[field] != layout[DSTPORT]:
            place = record + layout[field]
            end = separators[place + 1]
            _put_code(text, end - _length(separators, place), end, hits, out + half, numbers)
    hits[out + HIT_INTERFACE] = hits[out + HIT_INTERFACE + 1] = UNREADABLE
    if layout[INTERFACE] >= 0:
        place = record + layout[INTERFACE]
        end = separators[place + 1]
        _put_interface(text, end - _length(separators, place), end, hits, out + HIT_INTERFACE)
    return 1


@_part
def _is_missing(text: Any, separators: Any, at: Any) -> Any:
    return _length(separators, at) == 1 and _byte(text + U(separators[at + 1]) - _ONE) == _DASH


@_part
def _lacks_only(text: Any, layout: Any, separators: Any, record: Any) -> Any:
    """Whether each field of a flow that cannot be read is `-`; port and protocol can be read."""
    dst = record + layout[DSTPORT]
    protocol = _field(text, separators, record + layout[PROTOCOL], 5)
    if not (0 <= _field(text, separators, dst, 5) <= 65535 and 0 <= protocol <= 255):
        return False
    for place, most in ((SRCPORT, 65535), (PACKETS, _15_DIGITS - 1), (BYTES, _15_DIGITS - 1)):
        at = record + layout[place]
        is_there = 0 <= _field(text, separators, at, 15) <= most
        if at != dst and not is_there and not _is_missing(text, separators, at):
            return False
    start = record + layout[START]
    if start != dst and not _is_missing(text, separators, start):
        seconds = _field(text, separators, start, 15)
        if seconds >= _YEAR_2100:
            seconds //= 1000
        if not _YEAR_2000 <= seconds < _YEAR_2100:
            return False
    action = layout[ACTION]
    return (
        action < 0
        or _action(text, separators, record, action) >= 0
        or _is_missing(text, separators, record + action)
    )


@_part
def _tidy(text: Any, begin: Any, end: Any, tidied: Any, separators: Any, at: Any) -> Any:
    """Copy a line with single spaces or tabs between its words and none at its ends; return its word count.

    The positions of its separators go into the list from index `at` on. At the ends, carriage returns and
    no-break spaces are white space too, and a byte order mark is removed. Returns -1 if there is a second
    one, or if the line is too long.
    """
    if end - begin > MOST_TIDIED:
        return -1
    is_marked = False
    while begin < end:
        byte, left = _byte(text + U(begin)), end - begin
        if byte == 32 or byte == 9 or byte == _CR:
            begin += 1
        elif byte == 0xC2 and left > 1 and _byte(text + U(begin + 1)) == 0xA0:
            begin += 2
        elif (
            byte == 0xEF
            and left > 2
            and _byte(text + U(begin + 1)) == 0xBB
            and _byte(text + U(begin + 2)) == 0xBF
        ):
            if is_marked:
                return -1
            begin += 3
            is_marked = True
        else:
            break
    while begin < end:
        byte = _byte(text + U(end) - _ONE)
        if byte == 32 or byte == 9 or byte == _CR:
            end -= 1
        elif byte == 0xA0 and end - begin > 1 and _byte(text + U(end) - U(2)) == 0xC2:
            end -= 2
        else:
            break
    words, size, is_apart = 0, 0, False
    separators[at] = -1
    for place in range(begin, end):
        byte = _byte(text + U(place))
        is_separator = byte == 32 or byte == 9  # space or tab
        if is_separator and is_apart:
            if byte == _TAB:
                _put_byte(tidied + U(size) - _ONE, byte)
            continue
        _put_byte(tidied + U(size), byte)
        if is_separator:
            words += 1
            separators[at + words] = size
        size += 1
        is_apart = is_separator
    if size > 0:
        words += 1
        separators[at + words] = size
    return words


@_part
def _lines(
    text: Any,
    size: Any,
    layout: Any,
    tail: Any,
    separators: Any,
    numbers: Any,
    rows: Any,
    odd: Any,
    found: Any,
    wanted: Any,
    hits: Any,
    is_look: Any,
) -> Any:
    """Do what `read` does, or, with `is_look`, what `look` does; decided at compile time."""
    lines = flows = no_data = skipped = stamped = row_count = odd_count = blank = odd_status = 0
    hit_count = 0
    is_table = layout[IS_TABLE] != 0
    tidied = tail + U(80)
    for place in range(_NO_SRCPORT, _ODD_ACTION + 1):
        found[place] = 0
    # The first separator is the line end before the first line. The carries tell whether the previous 64
    # bytes ended with a separator, with the CR of a CRLF, and in a line that is odd so far.
    separators[0] = -1
    count, first, dealt_with = 1, 0, 0
    carry, carry_cr, odd_so_far = _ONE, U(0), U(0)
    block = 0
    while block < size and row_count < ROWS_TOLD - 130 and odd_count < ODD_TOLD - 65:
        at = text + U(block)
        if size - block < 64:  # nothing after the text may be read
            for place in range(64):
                _put_byte(tail + U(place), _byte(at + U(place)) if block + place < size else 0)
            at = tail
        line_ends = _equal(at, _LF)
        parted = _equal(at, _SPACE) | _equal(at, _TAB) | line_ends
        crlf = _equal(at, _CR)
        if crlf:  # a CR is a separator only right before an LF
            is_before_lf = line_ends >> _ONE
            if block + 64 < size and _byte(text + U(block + 64)) == _LF:
                is_before_lf |= _ONE << _63
            crlf &= is_before_lf
            parted |= crlf
        # Odd are: unprintable bytes that are not separators, and adjacent separators other than CRLF.
        is_after = (parted << _ONE) | carry
        lf_of_crlf = line_ends & ((crlf << _ONE) | carry_cr)
        odd_bytes = (_below_33(at) & ~parted) | (parted & is_after & ~lf_of_crlf)
        carry, carry_cr = parted >> _63, crlf >> _63

        base = count
        todo = parted
        while True:
            for place in range(8):  # the next ones overwrite any excess
                separators[count + place] = block + _first_bit(todo)
                todo &= todo - _ONE
            count += 8
            if todo == U(0):
                break
        count = base + _bits(parted)

        while line_ends:
            line_end = line_ends & (~line_ends + _ONE)
            line_ends ^= line_end
            up_to_here = line_end | (line_end - _ONE)
            last = base + _bits(parted & (line_end - _ONE))
            is_odd = (odd_so_far | (odd_bytes & up_to_here)) != U(0)
            odd_bytes &= ~up_to_here
            odd_so_far = U(0)
            begin, end = separators[first] + 1, block + _first_bit(line_end)
            # Where the line's words are (in the text, or in a tidied copy), and between which separators.
            source, start, line_first, line_last, words = text, begin, first, last, 0
            if is_odd and not is_table:
                source, start, line_first = tidied, 0, count
                words = _tidy(text, begin, end, tidied, separators, count)
                line_last = count + words
            elif not is_odd:
                words = last - first - (1 if _byte(text + U(end) - _ONE) == _CR else 0)
            verdict, skip = ODD, -1
            if is_table:
                skip = 0 if words == layout[FIELDS] else -1
            elif words > 0:
                skip = _before_record(
                    source, start, layout, separators, line_first, line_last, words
                )
            if skip >= 0:
                verdict = _verdict(source, start, layout, separators, line_first, line_last, skip)
            is_odd_status = verdict == _ODD_STATUS and not is_table
            if verdict == FLOW or is_odd_status:
                verdict, record = FLOW, line_first + skip
                boundary = _boundary(source, layout, separators, record, numbers)
                added = _put_rows(
                    source, layout, separators, record, boundary, numbers, rows, row_count
                )
                if added == 0 and is_table and not _lacks_only(source, layout, separators, record):
                    added = -ODD
                elif added == 0:
                    added = _put_doubtful(
                        source, layout, separators, record, boundary, rows, row_count, found
                    )
                if added > 0 and is_look:
                    row_count += _put_hit(
                        source,
                        layout,
                        separators,
                        record,
                        rows,
                        row_count,
                        added,
                        wanted,
                        hits,
                        numbers,
                    )
                    if row_count > hit_count:
                        hits[HIT_SIZE * hit_count + HIT_LINE] = lines
                        hits[HIT_SIZE * hit_count + HIT_BEGIN] = begin
                        hits[HIT_SIZE * hit_count + HIT_END] = end
                        hit_count = row_count
                elif added > 0:
                    row_count += added
                if added > 0:
                    flows += 1
                    odd_status += is_odd_status
                else:
                    verdict = -added
            if is_table:
                verdict = ODD if verdict == _ODD_STATUS else verdict
            elif verdict == ODD and (
                words == 0 or (words > 0 and _byte(source + U(start)) == _HASH)
            ):
                verdict = BLANK
            elif verdict == ODD and words > 0:
                verdict = _misfit(source, layout, separators, line_first, line_last, words)
            stamped += verdict != ODD and skip > 0
            no_data += verdict == NO_DATA
            skipped += verdict == SKIPPED_DATA
            blank += verdict == BLANK
            if verdict > ODD and not _may_fit(source, layout, separators, line_first, words):
                verdict += FITS_NONE
            if verdict >= ODD:
                odd[4 * odd_count] = lines
                odd[4 * odd_count + 1] = begin
                odd[4 * odd_count + 2] = end
                odd[4 * odd_count + 3] = verdict
                odd_count += 1
            lines += 1
            first = last
            dealt_with = end + 1
        odd_so_far |= odd_bytes

        if count > MOST_SEPARATORS:
            if count - first > MOST_SEPARATORS // 2:  # a line of that many words is odd
                odd_so_far = _ONE
                count = first + 1
            for place in range(first, count):
                separators[place - first] = separators[place]
            count -= first
            first = 0
        block += 64
    found[0] = lines
    found[1] = flows
    found[2] = no_data
    found[3] = skipped
    found[4] = stamped
    found[5] = row_count
    found[6] = odd_count
    found[7] = blank
    found[8] = odd_status
    return dealt_with


def read(
    text: Any,
    size: Any,
    layout: Any,
    tail: Any,
    separators: Any,
    numbers: Any,
    rows: Any,
    odd: Any,
    found: Any,
) -> Any:
    """Read the lines of a text and return the number of bytes that were read.

    It reads up to the last line end, or less if `rows` or `odd` is full. `text` and `tail` are addresses;
    it may read 16 bytes before the text, and `tail` has 88 bytes more than the longest line that is
    tidied up. `separators` and `numbers` are working memory. `rows` gets (key, packets, bytes) for each
    row, `odd` gets (line number, begin, end, verdict) for each line that is passed on. `found` gets the
    numbers of lines, flows, NODATA records, SKIPDATA records, lines with a time stamp, rows, odd lines,
    blank lines (and comments) and flows with an odd status; then the numbers of flows with an unreadable
    srcport, start, packets, bytes and action.
    """
    return _lines(
        text, size, layout, tail, separators, numbers, rows, odd, found, found, found, False
    )


def look(
    text: Any,
    size: Any,
    layout: Any,
    tail: Any,
    separators: Any,
    numbers: Any,
    rows: Any,
    odd: Any,
    found: Any,
    wanted: Any,
    hits: Any,
) -> Any:
    """Read the lines of a text like `read`, but write only the flows that are `wanted`, with their addresses.

    They go into `hits`, as described in `contract`; `rows` is working memory, and what `found` gets for rows is
    the number of hits.
    """
    return _lines(
        text, size, layout, tail, separators, numbers, rows, odd, found, wanted, hits, True
    )


@_part
def _copy(text: Any, length: Any, out: Any) -> Any:
    """Copy a text to an address; up to 15 bytes after it are read and written too."""
    _put_word(out, np.int64(_word(text)))
    _put_word(out + _EIGHT, np.int64(_word(text + _EIGHT)))
    place = 16
    while place < length:
        _put_word(out + U(place), np.int64(_word(text + U(place))))
        place += 8


@_part
def _is_whole_float(text: Any, begin: Any, end: Any) -> Any:
    """Whether a text of at least three bytes is digits, a point and a zero."""
    if _byte(text + U(end - 1)) != 48 or _byte(text + U(end - 2)) != _POINT:
        return False
    place = begin
    while place < end - 2 and 48 <= _byte(text + U(place)) <= 57:
        place += 1
    return place == end - 2


@_part
def _put_cell(text: Any, begin: Any, end: Any, out: Any) -> Any:
    """Write a cell, `-` if it is empty, and a space; return how many bytes. `443.0` becomes `443`."""
    length = end - begin
    if length > 2 and _is_whole_float(text, begin, end):
        end -= 2
        length -= 2
    if length > 0:
        _copy(text + U(begin), length, out)
    else:
        _put_byte(out, _DASH)
        length = 1
    _put_byte(out + U(length), _SPACE)
    return length + 1


@_part
def _end_line(out: Any, written: Any) -> Any:
    """Replace the space at the end of a line with a newline."""
    _put_byte(out + U(written) - _ONE, _LF)


def cells(
    text: Any,
    size: Any,
    delimiter: Any,
    columns: Any,
    wanted: Any,
    out: Any,
    begins: Any,
    plain: Any,
    odd: Any,
    found: Any,
) -> Any:
    """Write the wanted cells of each plain row as a line with single spaces between them; return 0.

    The text is whole lines. A row has `columns` cells, of which those with a number other than 0 in `wanted`
    are written. A cell may be in quotes; an empty one becomes `-`. A line that is not a row of that many cells,
    or has a quote inside a wanted one, is odd. `begins` gets the index at which each line begins, `plain` and
    `odd` the numbers of these lines; `found` gets how many lines there are, how many of them are odd and how
    many plain, and the bytes written. Up to 64 bytes after the text may be read, and there must be room for
    twice the text.
    """
    written = row_begin = begin = column = 0
    rows = odds = plains = line_begin = 0
    quoted, closed, second = False, -1, -1
    is_odd = has_two = False
    block = 0
    while block < size:
        at = text + U(block)
        marks = _equal(at, delimiter) | _equal(at, _LF) | _equal(at, _QUOTE) | _equal(at, _CR)
        if size - block < 64:
            marks &= (_ONE << U(size - block)) - _ONE
        while marks:
            place = block + _first_bit(marks)
            marks &= marks - _ONE
            byte = _byte(text + U(place))
            if byte == _QUOTE:
                if place == second:  # of two quotes in a row, which mean one
                    continue
                if place == begin and not quoted:
                    quoted = True
                elif not quoted or closed >= 0:
                    is_odd = True
                elif place + 1 < size and _byte(text + U(place + 1)) == _QUOTE:
                    second = place + 1
                    has_two = True
                else:
                    closed = place
                continue
            if byte == _CR:
                is_odd = is_odd or _byte(text + U(place + 1)) != _LF
                continue
            is_end = byte == _LF
            if quoted and closed < 0 and not is_end:  # a delimiter inside a cell
                continue
            end = place
            if is_end and end > begin and _byte(text + U(end - 1)) == _CR:
                end -= 1
            if quoted:
                if closed != end - 1:
                    is_odd = True
                begin += 1
                end -= 1
            if column < columns and wanted[column] != 0 and not is_odd:
                is_odd = has_two
                written += _put_cell(text, begin, end, out + U(written))
            column += 1
            begin = place + 1
            quoted, closed, has_two = False, -1, False
            if is_end:
                begins[rows] = line_begin
                if is_odd or column != columns:
                    odd[odds] = rows
                    odds += 1
                    written = row_begin
                else:
                    _end_line(out, written)
                    plain[plains] = rows
                    plains += 1
                    row_begin = written
                rows += 1
                line_begin = begin
                column = 0
                is_odd = False
        block += 64
    found[0], found[1], found[2], found[3] = rows, odds, plains, written
    return 0


@_part
def _is_equal(one: Any, other: Any, length: Any) -> Any:
    """Whether two texts are equal; up to seven bytes after them may be read."""
    place = 0
    while place + 8 <= length:
        if _word(one + U(place)) != _word(other + U(place)):
            return False
        place += 8
    if place < length:
        unlike = _word(one + U(place)) ^ _word(other + U(place))
        return (unlike << U(64 - 8 * (length - place))) == U(0)
    return True


@_part
def _end_of_line(text: Any, place: Any) -> Any:
    """Return the index of the next line end."""
    while True:
        found = _equal(text + U(place), _LF)
        if found:
            return place + _first_bit(found)
        place += 64


@_part
def _end_of_string(text: Any, place: Any, end: Any) -> Any:
    """Return the index of the quote that ends a string; -1 if it is anything but printable ASCII.

    At the end of the string there may also be a newline, as an escape sequence.
    """
    while place < end:
        at = text + U(place)
        quotes = _equal(at, _QUOTE)
        stops = quotes | _equal(at, _BACKSLASH) | (_below_33(at) & ~_equal(at, _SPACE))
        if stops:
            first = _first_bit(stops)
            place += first
            if not (quotes >> U(first)) & _ONE:
                is_newline = (
                    _byte(text + U(place)) == _BACKSLASH and _byte(text + U(place + 1)) == 110
                )
                if not is_newline or _byte(text + U(place + 2)) != _QUOTE:
                    return -1
                place += 2
            return place if place < end else -1
        place += 64
    return -1


@_part
def _end_of_escape(text: Any, place: Any, end: Any) -> Any:
    """Return the index after an escape sequence that begins with a backslash; -1 if JSON has no such sequence."""
    byte = _byte(text + U(place + 1))
    if byte == 117:  # u
        if place + 6 > end or _hex(text, place + 2, place + 6) < 0:
            return -1
        return place + 6
    is_one = byte in (_QUOTE, _BACKSLASH, 47, 98, 102, 110, 114, 116)  # the last are / b f n r t
    return place + 2 if is_one and place + 2 <= end else -1


@_part
def _end_of_any_string(text: Any, place: Any, end: Any) -> Any:
    """Return the index of the quote that ends a string; -1 if no valid string ends there."""
    while place < end:
        at = text + U(place)
        stops = _equal(at, _QUOTE) | _equal(at, _BACKSLASH) | (_below_33(at) & ~_equal(at, _SPACE))
        if not stops:
            place += 64
            continue
        place += _first_bit(stops)
        byte = _byte(text + U(place))
        if byte == _QUOTE:
            return place if place < end else -1
        if byte == _BACKSLASH:
            place = _end_of_escape(text, place, end)
            if place < 0:
                return -1
        elif byte >= 128:
            place += 1
        else:
            return -1
    return -1


@_part
def _end_of_number(text: Any, place: Any, end: Any) -> Any:
    """Return the index after a whole number without leading zeros, or one like `443.0`; -1 if there is none."""
    stop = place
    while stop < end and 48 <= _byte(text + U(stop)) <= 57:
        stop += 1
    is_number = stop > place and (stop == place + 1 or _byte(text + U(place)) != 48)
    if not is_number or stop - place > _LONGEST_NUMBER:
        return -1
    is_float = stop + 2 <= end and _byte(text + U(stop)) == _POINT
    return stop + 2 if is_float and _byte(text + U(stop + 1)) == 48 else stop


@_part
def _end_of_object(text: Any, place: Any, end: Any) -> Any:
    """Return the index after the object that begins at an index, if it is valid; -1 if it has no end."""
    depth = 0
    while place < end:
        at = text + U(place)
        stops = _equal(at, _QUOTE) | _equal(at, _OPEN) | _equal(at, _CLOSE)
        if not stops:
            place += 64
            continue
        place += _first_bit(stops)
        if place >= end:
            return -1
        byte = _byte(text + U(place))
        place += 1
        if byte == _QUOTE:
            place = _end_of_any_string(text, place, end) + 1
            if place == 0:
                return -1
        elif byte == _OPEN:
            depth += 1
        else:
            depth -= 1
            if depth == 0:
                return place
    return -1


@_part
def _end_of_space(text: Any, place: Any, end: Any) -> Any:
    """Return the index of the next byte that JSON does not skip between values."""
    while place < end:
        byte = _byte(text + U(place))
        if byte != _SPACE and byte != _LF and byte != _CR and byte != _TAB:
            break
        place += 1
    return place


@_part
def _end_of_fit(
    text: Any, place: Any, end: Any, templates: Any, at: Any, segments: Any, spans: Any
) -> Any:
    """Return the index after the text that a template fits; -1 if it does not fit.

    `spans` gets the begin and the end of each wanted value.
    """
    values, begin = templates[at + 1], templates[at + 3]
    for value in range(values + 1):
        length = templates[at + 4 + value] - begin
        if place + length > end or not _is_equal(text + U(place), segments + U(begin), length):
            return -1
        place += length
        begin += length
        if value == values:
            break
        kind = templates[at + 5 + values + value]
        if kind & 1:
            stop = _end_of_number(text, place, end)
        elif kind:
            stop = _end_of_string(text, place, end)
        else:
            stop = _end_of_any_string(text, place, end)
        if stop < 0:
            return -1
        if kind > 1:
            spans[kind & ~1] = place
            spans[kind | 1] = stop
            if not kind & 1 and stop - place > 1 and _byte(text + U(stop - 2)) == _BACKSLASH:
                spans[kind | 1] = stop - 2  # the newline at its end
        place = stop
    return place


@_part
def _put_object(text: Any, templates: Any, at: Any, spans: Any, outs: Any, found: Any) -> Any:
    """Write the wanted values of an object as a line for its group; return the number of that line."""
    group = templates[at]
    out, written = U(outs[group]), found[3 + 2 * group]
    for slot in range(1, templates[at + 2] + 1):
        begin, end = spans[2 * slot], spans[2 * slot + 1]
        written += _put_cell(text, begin, end, out + U(written))
    _end_line(out, written)
    found[3 + 2 * group] = written
    found[2 + 2 * group] += 1
    return found[2 + 2 * group] - 1


@_part
def _sort_object(
    text: Any,
    size: Any,
    templates: Any,
    at: Any,
    spans: Any,
    outs: Any,
    plain: Any,
    odd: Any,
    found: Any,
) -> Any:
    """Count an object, and list it as a plain one that a template fits, or as an odd one if `at` is 0."""
    row = found[0]
    if at:
        place = _put_object(text, templates, at, spans, outs, found)
        plain[templates[at] * size + place] = row
    else:
        odd[found[1]] = row
        found[1] += 1
    found[0] = row + 1


def objects_on_lines(
    text: Any,
    size: Any,
    templates: Any,
    segments: Any,
    spans: Any,
    outs: Any,
    begins: Any,
    plain: Any,
    odd: Any,
    found: Any,
) -> Any:
    """Write the wanted values of each plain JSON object as a line with single spaces between them; return 0.

    The text is whole lines. A line is plain if one of the templates fits it, and is odd otherwise. The first
    numbers in `templates` are how many there are, how many of them are for objects, and where each of them
    begins. A template is a group, the number of its values, how many of these are wanted, the index in
    `segments` at which the text before its first value begins, the indexes at which the text before and after
    each value ends, and the kind of each value: 0 for a string or 1 for a whole number, plus twice its place in
    the written line, from 1 up, if it is wanted. A wanted string must be printable ASCII; an empty one becomes `-`.
    `outs` has the address for the lines of each group, with room for twice the text. `begins` gets the index
    at which each line of the text begins, `plain` the numbers of these lines for each group, `size` apart, and
    `odd` those of odd ones. `found` gets how many there are, how many of them are odd, and for each group how
    many are plain and the bytes written. `spans` has room for the begin and the end of each value, from 1 up.
    Up to 64 bytes after the text may be read.
    """
    begin = found[0] = found[1] = 0
    while begin < size:
        line_end = _end_of_line(text, begin)
        end = line_end
        if end > begin and _byte(text + U(end - 1)) == _CR:
            end -= 1
        at = 0
        for number in range(templates[1]):
            fits = templates[2 + number]
            if _end_of_fit(text, begin, end, templates, fits, segments, spans) == end:
                at = fits
                break
        begins[found[0]] = begin
        _sort_object(text, size, templates, at, spans, outs, plain, odd, found)
        begin = line_end + 1
    return 0


def objects_in_arrays(
    text: Any,
    size: Any,
    templates: Any,
    segments: Any,
    spans: Any,
    outs: Any,
    begins: Any,
    plain: Any,
    odd: Any,
    found: Any,
) -> Any:
    """Do what `objects_on_lines` does for the objects in JSON arrays; return 0, or -1 if that is unsure.

    The text begins with an object and ends where another one begins. What is between two objects is a comma,
    or text that one of the templates fits which are not for objects. An object that no template fits must have
    an end, but it may still be invalid.
    """
    begin = found[0] = found[1] = 0
    while begin < size:
        at, end = 0, -1
        for number in range(templates[1]):
            fits = templates[2 + number]
            end = _end_of_fit(text, begin, size, templates, fits, segments, spans)
            if end >= 0:
                at = fits
                break
        if end < 0:
            end = _end_of_object(text, begin, size)
            if end < 0:
                return -1
        begins[found[0]] = begin
        _sort_object(text, size, templates, at, spans, outs, plain, odd, found)
        begin = -1
        for number in range(templates[1], templates[0]):
            fits = templates[2 + number]
            begin = _end_of_fit(text, end, size, templates, fits, segments, spans)
            if begin >= 0:
                break
        if begin < 0:
            begin = _end_of_space(text, end, size)
            if begin >= size or _byte(text + U(begin)) != _COMMA:
                return -1
            begin = _end_of_space(text, begin + 1, size)
        if begin < size and _byte(text + U(begin)) != _OPEN:
            return -1
    return 0


@_part
def _hash(key_0: Any, key_1: Any, key_2: Any, key_3: Any, told: Any, bits: Any) -> Any:
    """Return the slot of a key in a table of 2 ** bits entries, unpredictable without the secret numbers.

    Each half of a number of the key has a secret multiplier. So no two keys collide more often than by chance
    (multilinear hashing: Carter and Wegman, 1979).
    """
    mixed, secret = U(told[KEY_NUMBERS]), KEY_NUMBERS + 1
    for part in (key_0, key_1, key_2, key_3):
        mixed += U(told[secret]) * (U(part) & _LOW_HALF)
        mixed += U(told[secret + 1]) * (U(part) >> U(32))
        secret += 2
    return np.int64(mixed >> U(64 - bits))


@_part
def _key_part(hits: Any, at: Any, place: Any) -> Any:
    if place == PORT_PLACE:
        return (hits[at + KEY] >> PORT_SHIFT) & 0xFF_FFFF
    return hits[at + place] if place >= 0 else 0


def gather(hits: Any, begin: Any, count: Any, told: Any, table: Any, bits: Any, used: Any) -> Any:
    """Add up hits from number `begin` on in a hash table with 2 ** bits entries, as described in `contract`.

    Returns the number of the first hit for which there is no room: three quarters of the entries are used. `used`
    has the number of entries in use.
    """
    mask = (1 << bits) - 1
    most = 3 << (bits - 2)
    for index in range(begin, count):
        at = HIT_SIZE * index
        key_0, key_1 = _key_part(hits, at, told[0]), _key_part(hits, at, told[1])
        key_2, key_3 = _key_part(hits, at, told[2]), _key_part(hits, at, told[3])
        slot = _hash(key_0, key_1, key_2, key_3, told, bits)
        entry = ENTRY_SIZE * slot
        while table[entry + GATHERED_FLOWS] != 0 and not (
            table[entry] == key_0
            and table[entry + 1] == key_1
            and table[entry + 2] == key_2
            and table[entry + 3] == key_3
        ):
            slot = (slot + 1) & mask
            entry = ENTRY_SIZE * slot
        if table[entry + GATHERED_FLOWS] == 0:
            if used[0] >= most:
                return index
            used[0] += 1
            table[entry], table[entry + 1] = key_0, key_1
            table[entry + 2], table[entry + 3] = key_2, key_3
            table[entry + FIRST], table[entry + LAST] = NEVER, -1
        key = hits[at + KEY]
        minute, action = key >> WINDOW_SHIFT, key & 3
        table[entry + GATHERED_FLOWS] += 1
        packets, volume = entry + GATHERED_PACKETS, entry + GATHERED_BYTES
        table[packets] = _plus(table[packets], hits[at + HIT_PACKETS])
        table[volume] = _plus(table[volume], hits[at + HIT_BYTES])
        table[entry + ACCEPTED] += action == 0
        table[entry + REJECTED] += action == 1
        if minute != UNKNOWN_MINUTE:
            if minute < table[entry + FIRST]:  # noqa: PLR1730  (min is a call)
                table[entry + FIRST] = minute
            if minute > table[entry + LAST]:  # noqa: PLR1730
                table[entry + LAST] = minute
    return count


def rehash(entries: Any, slots: Any, count: Any, told: Any, table: Any, bits: Any) -> Any:
    """Copy the entries in these slots of one hash table into an empty one that has room for them; return `count`."""
    mask = (1 << bits) - 1
    for index in range(count):
        at = ENTRY_SIZE * slots[index]
        slot = _hash(entries[at], entries[at + 1], entries[at + 2], entries[at + 3], told, bits)
        while table[ENTRY_SIZE * slot + GATHERED_FLOWS] != 0:
            slot = (slot + 1) & mask
        for place in range(ENTRY_SIZE):
            table[ENTRY_SIZE * slot + place] = entries[at + place]
    return count


def codes(text: Any, offsets: Any, count: Any, numbers: Any, found: Any) -> Any:
    """Write the code of each address of a text, as in hits; return `count`. The parameters are those of `places`."""
    for place in range(count):
        begin, end = np.int64(offsets[place]), np.int64(offsets[place + 1])
        _put_code(text, begin, end, found, 2 * place, numbers)
    return count


def places(text: Any, offsets: Any, count: Any, layout: Any, numbers: Any, found: Any) -> Any:
    """Write where each of `count` addresses is to `found`: INSIDE, OUTSIDE, or UNKNOWN if it is not a valid one.

    Each address ends where the next one begins, at an offset. Up to 64 bytes around the text may be read. Returns
    `count`.
    """
    place = 0
    while place < count:
        begin, end = offsets[place], offsets[place + 1]
        after = offsets[place + 2] if place + 2 <= count else end
        if 7 <= end - begin <= 15 and 7 <= after - end <= 15:  # nearly always: IPv4
            dots = _two_ipv4(text + U(end), end - begin, text + U(after), after - end)
            if dots:
                found[place] = _place_4(text, begin, end, dots & U(0xFFFF), layout)
                found[place + 1] = _place_4(text, end, after, dots >> U(16), layout)
                place += 2
                continue
        found[place] = _place(text, begin, end, layout, numbers)
        place += 1
    return count


@_part
def _in_column(columns: Any, number: Any, place: Any) -> Any:
    """Return the value of a row in a column; -1 if there is no such column."""
    address, size, meanings = (
        U(columns[3 * number]),
        columns[3 * number + 1],
        columns[3 * number + 2],
    )
    if address == U(0):
        return -1
    if size == 4:
        value = _half_word(address + U(4 * place))
    else:
        value = np.int64(_word(address + U(8 * place)))
    return np.int64(_word(U(meanings + 8 * value))) if meanings else value


def pick(columns: Any, begin: Any, end: Any, layout: Any, rows: Any, odd: Any, found: Any) -> Any:
    """Read rows of a table from `begin` to `end`; return the index of the first one for which there was no room.

    `columns` has for each column its address, the size of a value in bytes (4 or 8) and, unless it is 0, the address
    of what the values mean: dstport, protocol, srcport, packets, bytes, start, action (0 or 1), log-status (0 for
    OK), and where the source and the destination are. The address of a column is 0 if there is none. A negative
    number means that the value is invalid. `odd` gets the indexes of invalid rows, `found` gets the numbers of
    flows, rows and invalid rows.
    """
    flows = row_count = odd_count = 0
    place = begin
    while place < end and row_count < ROWS_TOLD - 2 and odd_count < ODD_TOLD:
        dstport, protocol = _in_column(columns, 0, place), _in_column(columns, 1, place)
        srcport, minute, packets, volume, action, status = 65536, UNKNOWN_MINUTE, 0, 0, 2, 0
        is_sound = 0 <= dstport <= 65535 and 0 <= protocol <= 255
        if layout[SRCPORT] != layout[DSTPORT]:
            srcport = _in_column(columns, 2, place)
            is_sound = is_sound and 0 <= srcport <= 65535
        if layout[PACKETS] != layout[DSTPORT]:
            packets = _in_column(columns, 3, place)
            is_sound = is_sound and 0 <= packets < _15_DIGITS
        if layout[BYTES] != layout[DSTPORT]:
            volume = _in_column(columns, 4, place)
            is_sound = is_sound and 0 <= volume < _15_DIGITS
        if layout[START] != layout[DSTPORT]:
            seconds = _in_column(columns, 5, place)
            if seconds >= _YEAR_2100:
                seconds //= 1000  # milliseconds
            is_sound = is_sound and _YEAR_2000 <= seconds < _YEAR_2100
            minute = seconds // 60
        if layout[ACTION] >= 0:
            action = _in_column(columns, 6, place)
        if layout[STATUS] >= 0:
            status = _in_column(columns, 7, place)
        if is_sound and action >= 0 and status == 0:
            boundary = UNKNOWN_BOUNDARY
            if columns[3 * 8] != 0:
                source, destination = _in_column(columns, 8, place), _in_column(columns, 9, place)
                boundary = _between(source, destination)
            row_count += _put(
                rows,
                row_count,
                layout,
                dstport,
                protocol,
                srcport,
                minute,
                packets,
                volume,
                boundary,
                action,
            )
            flows += 1
        else:
            odd[odd_count] = place
            odd_count += 1
        place += 1
    found[0] = flows
    found[1] = row_count
    found[2] = odd_count
    return place


@_part
def _plus(one: Any, other: Any) -> Any:
    """Return the sum of two non-negative numbers, at most MOST_SUM (a sum that wraps around is negative)."""
    both = one + other
    return both if both >= 0 else MOST_SUM


def add(
    rows: Any,
    begin: Any,
    end: Any,
    hot: Any,
    bits: Any,
    widths: Any,
    piles: Any,
    most: Any,
    used: Any,
) -> Any:
    """Add up rows from index `begin` to `end`; return the index of the first one that was not added.

    `hot` has 2 ** bits slots of (key, flows, packets, bytes) for each kind of row; a free slot has the key
    -1. If the slot of a row is taken by another key, that one moves to the pile of its kind, which is at
    the address `piles[kind]`, contains `used[kind]` rows and has room for `most[kind]`. `widths` has for
    each kind the minutes in a window, the last minute seen, the window of that minute, and the first and
    the last known minute.
    """
    shift = U(64 - bits)
    for place in range(begin, end):
        key = rows[3 * place]
        kind, minute = key >> KIND_SHIFT, (key >> WINDOW_SHIFT) & UNKNOWN_MINUTE
        if minute != widths[3 + kind]:  # mostly it is equal, since flows come nearly in time order
            widths[3 + kind] = widths[6 + kind] = minute
            if minute != UNKNOWN_MINUTE:
                widths[6 + kind] = minute // widths[kind]
                if minute < widths[9 + kind]:  # noqa: PLR1730  (min is a call)
                    widths[9 + kind] = minute
                if minute > widths[12 + kind]:  # noqa: PLR1730
                    widths[12 + kind] = minute
        key = (widths[6 + kind] << WINDOW_SHIFT) | (key & ((1 << WINDOW_SHIFT) - 1))
        slot = 4 * ((kind << bits) + np.int64((U(key) * _MIX) >> shift))
        if hot[slot] == key:
            hot[slot + 1] += 1
            hot[slot + 2] = _plus(hot[slot + 2], rows[3 * place + 1])
            hot[slot + 3] = _plus(hot[slot + 3], rows[3 * place + 2])
            continue
        if hot[slot] != -1:
            if used[kind] >= most[kind]:
                return place
            top = U(piles[kind] + 32 * used[kind])
            _put_word(top, hot[slot])
            _put_word(top + _EIGHT, hot[slot + 1])
            _put_word(top + U(16), hot[slot + 2])
            _put_word(top + U(24), hot[slot + 3])
            used[kind] += 1
        hot[slot] = key
        hot[slot + 1] = 1
        hot[slot + 2] = rows[3 * place + 1]
        hot[slot + 3] = rows[3 * place + 2]
    return end


def mark(pile: Any, count: Any, low: Any, windows: Any, protocols: Any, rests: Any) -> Any:
    """Mark which keys occur on a pile: set a byte for each known window, and a bit for each rest of a key.

    The first byte of `windows` is that of window `low`; `protocols` has a byte for each protocol. Returns
    `count`.
    """
    last = -1
    for row in range(count):
        window, rest = pile[4 * row] >> WINDOW_SHIFT, pile[4 * row] & _REST
        rests[rest >> 6] |= _BIT << (rest & 63)
        _put_byte(protocols + U(rest >> PROTOCOL_SHIFT), 1)
        if window != last:
            last = window
            if window != UNKNOWN_MINUTE:
                _put_byte(windows + U(window - low), 1)
    return count


def number(bits: Any, firsts: Any, begin: Any, end: Any, count: Any) -> Any:
    """Number the set bits in the words from `begin` to `end`, from `count` up; return the next free number.

    `firsts` gets for each word the number of its first set bit.
    """
    for word in range(begin, end):
        firsts[word] = count
        count += _bits(U(bits[word]))
    return count


@_part
def _number_of(bits: Any, firsts: Any, word: Any, bit: Any) -> Any:
    """Return the number that `number` gave to a set bit."""
    return firsts[word] + _bits(U(bits[word]) & ((_ONE << U(bit)) - _ONE))


def shrink(
    pile: Any, count: Any, low: Any, windows: Any, unknown: Any, rests: Any, firsts: Any, cells: Any
) -> Any:
    """Compute the cell of each row on a pile: the numbers of its key's rest and of its window.

    `windows` has the numbers of the windows from `low` up; `unknown` is that of the unknown window. Returns
    `count`.
    """
    last, its_number = -1, 0
    for row in range(count):
        window, rest = pile[4 * row] >> WINDOW_SHIFT, pile[4 * row] & _REST
        if window != last:
            last, its_number = window, unknown
            if window != UNKNOWN_MINUTE:
                its_number = windows[window - low]
        rest = _number_of(rests, firsts, rest >> 6, rest & 63)
        cells[row] = (rest << _WINDOW_BITS) | its_number
    return count


def fill(cells: Any, count: Any, wider: Any, words: Any, bits: Any) -> Any:
    """Set the bit of each cell in a grid of wider windows; return `count`.

    `wider` gives for each window the wider one that it is part of. A window has `words` words of 64 bits,
    with one bit for each rest of a key.
    """
    for row in range(count):
        rest = cells[row] >> _WINDOW_BITS
        word = wider[cells[row] & _WINDOW] * words + (rest >> 6)
        bits[word] |= _BIT << (rest & 63)
    return count


def fold(
    pile: Any,
    cells: Any,
    count: Any,
    wider: Any,
    words: Any,
    bits: Any,
    firsts: Any,
    windows: Any,
    columns: Any,
    columns_at: Any,
    size: Any,
) -> Any:
    """Add up the rows on a pile, each at the index that is the number of its cell's bit; return `count`.

    `columns` are keys, flows, packets and bytes, each `size` numbers long and initially zero; they are at
    the address `columns_at`. `windows` are the windows for their keys.
    """
    for row in range(count + _AHEAD):
        if row < count:
            rest, window = cells[row] >> _WINDOW_BITS, wider[cells[row] & _WINDOW]
            place = _number_of(bits, firsts, window * words + (rest >> 6), rest & 63)
            cells[row] = (place << _WINDOW_BITS) | window
            for column in range(4):
                _prefetch(columns_at + U(8 * (place + column * size)))
        done = row - _AHEAD
        if done >= 0:
            place = cells[done] >> _WINDOW_BITS
            window = windows[cells[done] & _WINDOW]
            columns[place] = (window << WINDOW_SHIFT) | (pile[4 * done] & _REST)
            columns[place + size] += pile[4 * done + 1]
            packets, volume = place + 2 * size, place + 3 * size
            columns[packets] = _plus(columns[packets], pile[4 * done + 2])
            columns[volume] = _plus(columns[volume], pile[4 * done + 3])
    return count


_KINDS: Final = {
    "address": types.uint64,
    "number": types.int64,
    "int32s": types.CPointer(types.int32),
    "int64s": types.CPointer(types.int64),
}


def object_code() -> ObjectCode:
    """Compile `read` and the other functions, and return their object code."""
    code = {}
    for function in (
        read,
        look,
        gather,
        rehash,
        cells,
        objects_on_lines,
        objects_in_arrays,
        codes,
        places,
        pick,
        add,
        mark,
        number,
        shrink,
        fill,
        fold,
    ):
        signature = types.int64(*(_KINDS[kind] for kind in SIGNATURES[function.__name__]))
        compiled = cfunc(signature, error_model="numpy")(function)
        library = compiled._library  # noqa: SLF001  (Numba's own caches do the same)
        code[function.__name__] = compiled.native_name, library._get_compiled_object()  # noqa: SLF001
    return code


if __name__ == "__main__":
    # Turned into an exception, the signal lets a partly written file be removed.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    write_object_code(sys.argv[1] if len(sys.argv) > 1 else sys.stdout.buffer, object_code())
