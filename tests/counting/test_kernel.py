"""kernel == reference: on any bytes, wherever they are cut, on any number of threads."""

import struct
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtag_core.counting import compiled, scratch
from flowtag_core.counts import MOST_SUM
from flowtag_core.shapes.layout import ASSUMED, format_layout
from tests.fuzz.kernel import FORMATS, by_kernel, by_reference, mutated, records
from tests.logs import line, log_lines

pytestmark = pytest.mark.skipif(
    not compiled.can_compile(), reason="numba has no wheel for this platform"
)


@pytest.fixture(scope="module", autouse=True)
def kernel():
    assert compiled.kernel(wait=True) is not None


texts = st.one_of(
    st.builds(mutated, st.integers(0, 2**32), st.sampled_from(FORMATS)),
    log_lines.map(b"\n".join),
    st.binary(max_size=300),
)


@given(text=texts, format=st.sampled_from(FORMATS), cuts=st.lists(st.integers(0, 4000), max_size=5))
@settings(max_examples=100)
@pytest.mark.parametrize("threads", [0, 1, 3])
def test_kernel_and_reference_agree_on_any_bytes_wherever_they_are_cut(threads, text, format, cuts):
    layout = format_layout(format) if format else ASSUMED
    assert by_kernel(text, layout, cuts, threads) == by_reference(text, layout)


def test_kernel_and_reference_cap_sums_at_the_largest_number():
    nines = {"packets": "9" * 15, "volume": "9" * 15}
    few, many = (line(dstport=port, srcport="0", **nines) for port in ("25", "443"))
    text = b"\n".join([few] * 9_000 + [many] * 9_300)
    one, other = by_kernel(text, ASSUMED, [], 0), by_reference(text, ASSUMED)
    assert one == other
    _, _, flows, packets, volume = one[0][1]
    assert flows == [9_000, 9_300]
    assert packets == volume == [9_000 * (10**15 - 1), MOST_SUM]


@pytest.mark.parametrize("format", FORMATS)
def test_the_kernel_counts_all_valid_records_of_any_layout(format):
    text = records(7, format, 500)
    layout = format_layout(format) if format else ASSUMED
    read = scratch.Scratch().read(compiled.kernel(), text, layout)
    assert read.found.lines == read.found.flows == 500
    assert read.dealt_with == len(text)


@pytest.mark.skipif(sys.platform != "linux", reason="reads ELF, the format of Linux")
def test_object_code_calls_no_external_function():
    """The code is loaded without Numba, so a call to a function of Numba or of C might crash."""
    llvm = pytest.importorskip("llvmlite.binding")
    assert compiled.kernel(wait=True) is not None
    for _, data in compiled._read_object_code(compiled._Loaded.place).values():
        parts = {part.name(): part.data() for part in llvm.ObjectFileRef.from_data(data).sections()}
        symbols = struct.iter_unpack("<IBBHQQ", parts[b".symtab"])
        outside = [name for name, info, _, part, _, _ in symbols if part == 0 and info >> 4]
        assert [parts[b".strtab"][name:].partition(b"\0")[0] for name in outside] == []
