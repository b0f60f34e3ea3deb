"""The fates of files are packed into little space, and unpacked unchanged."""

import pickle
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.counts import Fault, FileCounts, FlowCounts, Reason
from flowtag_core.errors import DamagedLogError, LogError
from flowtag_core.reading.fates import Fate, packed, together, unpacked

kinds = st.sampled_from(
    [
        {},
        {"shapes": frozenset(["gzip: version 2"])},
        {"set_aside": Counter({Reason.NO_DATA: 2}), "damage": frozenset(["cut short"])},
        {"set_aside": Counter({Reason.NO_DATA: 3})},
    ]
)
plain = st.builds(
    lambda size, flows, kind: FileCounts(size=size, flows=flows, **kind),
    st.integers(0, 9),
    st.integers(0, 9),
    kinds,
)


def fate(name, file, more):
    counts = FlowCounts(files={name: file}, internal=())
    if more == 1:
        return Fate((counts, FlowCounts(files={f"{name}/inner": file}, internal=())))
    if more == 2:
        faults = (Fault(name, 1, Reason.BAD_PORT, "x"),)
        return Fate((FlowCounts(files={name: file}, faults=faults, internal=()),))
    return Fate((counts,))


@given(st.lists(st.tuples(plain, st.integers(0, 4)), max_size=20), st.integers(1, 5))
def test_packing_in_any_number_of_parts_keeps_every_fate(files, size):
    fates = [(n, f"{n}.log", fate(f"{n}.log", *given_)) for n, given_ in enumerate(files)]
    parts = [packed(fates[n : n + size], ()) for n in range(0, len(fates), size)]
    sent = pickle.loads(pickle.dumps(together([packed([], ()), *parts])))  # noqa: S301
    names = {number: name for number, name, _ in fates}
    found = dict(unpacked(sent, names, ()))
    assert found == {number: each for number, _, each in fates}


def test_an_error_is_kept_with_its_class():
    damage = DamagedLogError("cut", b"tail")
    sent = pickle.dumps(packed([(7, "a", Fate((), damage))], ()))
    ((_, found),) = unpacked(pickle.loads(sent), {}, ())  # noqa: S301
    assert isinstance(found.error, LogError)
    assert (str(found.error), found.error.tail) == ("cut", b"tail")


def test_many_clean_files_take_less_than_a_hundred_bytes_each():
    file = FileCounts(size=200_000, flows=6_500, shapes=frozenset(["gzip: version 2"]))
    fates = ((n, f"{n}", fate(f"{n}", file, 0)) for n in range(1_000))
    assert len(pickle.dumps(packed(fates, ()))) < 100_000
