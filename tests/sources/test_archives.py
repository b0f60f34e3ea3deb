"""The files in an archive come in order; if it is damaged, everything before the damage is kept."""

import gzip
import io
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.errors import DamagedLogError, LogError
from flowtag_core.sources.archives import tar_files, zip_files
from flowtag_core.sources.budget import Budget
from tests.logs import line, text
from tests.sources.made import parse, tarred, zipped


def test_a_truncated_zip_file_is_refused_by_name():
    packed = zipped(text([line(dstport=str(port)) for port in range(20)]))
    for cut in range(8, len(packed), 7):
        with pytest.raises(LogError, match="damaged or cut short"):
            parse(packed[:cut])


def test_a_file_in_an_archive_that_is_not_a_log_does_not_affect_the_others():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.log", text([line()]))
        archive.writestr("x/picture.png", b"\x89PNG\r\n\x1a\n\0\0")
        archive.writestr("__MACOSX/._a.log", b"\0\0")
        archive.writestr("x/.DS_Store", b"\0\0")
        archive.writestr("folder/", b"")
        archive.writestr("..\\b.log.gz", gzip.compress(text([line()] * 2)))
    counts = parse(out.getvalue())
    assert {name: file.flows for name, file in counts.files.items()} == {
        "log/a.log": 1,
        "log/x/picture.png": 0,
        "log/../b.log.gz": 2,
    }
    (sentence,) = counts.total.damage
    assert sentence.startswith("log/x/picture.png: is a picture")


def test_an_archive_without_a_usable_file_is_an_error_that_says_why():
    with pytest.raises(LogError, match=r"log/a\.png: is a picture"):
        parse(zipped(b"\x89PNG\r\n\x1a\n\0\0", "a.png"))
    encrypted = bytearray(zipped(text([line()])))
    for place in (6, encrypted.index(b"PK\x01\x02") + 8):
        encrypted[place] |= 1
    with pytest.raises(LogError, match=r"log/a\.log: is encrypted. Unpack it with its password"):
        parse(bytes(encrypted))


@pytest.mark.parametrize("ends", [True, False])
def test_a_tar_archive_without_a_proper_end_is_reported(ends):
    archive = gzip.decompress(tarred(text([line()] * 9)))
    whole = parse(archive)
    assert (whole.total.flows, whole.total.damage) == (9, frozenset())
    cut = archive[: 512 + 1024] if ends else archive + b"x" * 512
    counts = parse(cut)
    assert counts.total.flows == 9
    assert "does not end" in " ".join(counts.total.damage)


def hostile_archives():
    header = tarfile.TarInfo("a.log")
    header.size = 1 << 80
    yield header.tobuf(tarfile.GNU_FORMAT) + b"\0" * 1024
    for key, value in (("GNU.sparse.map", "x"), ("GNU.sparse.size", "x"), ("size", "9" * 30)):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
            member = tarfile.TarInfo("a.log")
            member.pax_headers = {key: value}
            archive.addfile(member)
        yield out.getvalue()
    packed = zipped(text([line()] * 99))
    for place in range(0, len(packed), 3):
        yield packed[:place] + bytes([packed[place] ^ 0xFF]) + packed[place + 1 :]


def test_a_malicious_archive_yields_flows_or_one_error_message():
    for archive in hostile_archives():
        try:
            total = parse(archive).total
        except LogError as error:
            sentence = str(error)
        else:
            sentence = "log" if total.records == total.flows + total.set_aside.total() else ""
        assert sentence.startswith("log")


def tar_of(members, kind=tarfile.GNU_FORMAT):
    """Return a tar archive; a member whose content is None is a folder."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            if content is None:
                member.type = tarfile.DIRTYPE
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def cut_into(content, size):
    return (content[start : start + size] for start in range(0, len(content), size))


def got(files):
    """Return the name and content of each file up to any damage, and the damage."""
    found, damage = [], ""
    try:
        for file in files:
            found.append([file.name, b""])
            for piece in file.pieces():
                found[-1][1] += piece
    except DamagedLogError as error:
        damage = str(error)
    return found, damage


CONTENTS = st.lists(st.binary(max_size=2000), min_size=1, max_size=5)


@given(CONTENTS, st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]), st.integers(1, 4000))
def test_tar_files_come_in_order_however_the_archive_is_split_into_pieces(contents, kind, size):
    named = [(f"{'long name ' * (n * 30)}{n}", content) for n, content in enumerate(contents)]
    archive = tar_of([("folder", None), *named], kind)
    expected = [[f"logs.tar/{name}", content] for name, content in named]
    assert got(tar_files("logs.tar", cut_into(archive, size), Budget("logs.tar"))) == (expected, "")


@given(CONTENTS, st.data())
def test_a_truncated_tar_archive_yields_every_byte_before_the_cut(contents, data):
    archive = tar_of([(f"{n}.log", content) for n, content in enumerate(contents)])
    ends = 512 * sum(1 - -len(content) // 512 for content in contents)
    cut = data.draw(st.integers(0, ends))
    found, damage = got(tar_files("logs.tar", cut_into(archive[:cut], 700), Budget("logs.tar")))
    left, expected = cut, []
    for n, content in enumerate(contents):
        if left < 512:
            break
        expected.append([f"logs.tar/{n}.log", content[: left - 512]])
        left -= 512 * (1 - -len(content) // 512)
    assert found == expected
    assert damage.startswith("logs.tar: is ")


def test_a_tar_archive_in_damaged_gzip_keeps_everything_before_the_damage():
    archive = tar_of([("a.log", b"a" * 700), ("b.log", b"b" * 9000)])

    def pieces():
        yield archive[:5000]
        raise DamagedLogError("logs.tar: is cut short: the gzip data stops.")

    found, damage = got(tar_files("logs.tar", pieces(), Budget("logs.tar")))
    assert found == [["logs.tar/a.log", b"a" * 700], ["logs.tar/b.log", b"b" * (5000 - 2048)]]
    assert damage == "logs.tar: is cut short: the gzip data stops."


def test_tar_members_that_are_not_regular_files_are_skipped():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
            member = tarfile.TarInfo("a.log")
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    with pytest.raises(LogError, match="is a tar archive without files"):
        got(tar_files("logs.tar", iter([out.getvalue()]), Budget("logs.tar")))


def test_files_that_operating_systems_add_to_archives_are_skipped():
    names = ["__MACOSX/a.log", "x/._a.log", ".DS_Store", "x/Thumbs.db", "x/.hidden.log"]
    found, damage = got(
        tar_files("logs.tar", iter([tar_of([(name, b"x") for name in names])]), Budget("logs.tar"))
    )
    assert (found, damage) == ([["logs.tar/x/.hidden.log", b"x"]], "")


def zip_of(members, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out


@given(CONTENTS, st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
def test_zip_files_come_in_order(contents, method):
    named = [(f"{n}.log", content) for n, content in enumerate(contents)]
    expected = [[f"logs.zip/{name}", content] for name, content in named]
    assert got(
        zip_files("logs.zip", zip_of([("folder/", b""), *named], method), Budget("logs.zip"))
    ) == (expected, "")


MANY_LINES = text([line()] * 9000)


def test_a_damaged_file_in_a_zip_archive_yields_everything_before_the_damage():
    packed = bytearray(zip_of([("a.log", MANY_LINES)], zipfile.ZIP_STORED).getvalue())
    packed[packed.index(MANY_LINES) + 9] ^= 1
    found, damage = got(zip_files("logs.zip", io.BytesIO(packed), Budget("logs.zip")))
    assert len(found[0][1]) > len(MANY_LINES) // 2
    assert damage == "logs.zip/a.log: is damaged: the zip data is invalid."


@pytest.mark.parametrize(
    ("method", "words"),
    [(zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "LZMA"), (97, "another method")],
)
def test_a_file_in_a_zip_archive_with_an_unusual_compression_is_refused(method, words):
    packed = bytearray(zip_of([("a.log", b"x" * 99)]).getvalue())
    for place in (8, packed.index(b"PK\x01\x02") + 10):
        packed[place] = method
    (file,) = zip_files("logs.zip", io.BytesIO(packed), Budget("logs.zip"))
    assert file.refusal == (
        f"logs.zip/a.log: is packed with {words}, not deflate. Unpack it first."
    )


def test_thousands_of_long_names_without_a_file_are_damage_and_not_endless_recursion():
    name = tarfile.TarInfo("././@LongLink")
    name.type, name.size = tarfile.GNUTYPE_LONGNAME, 5
    archive = (name.tobuf(tarfile.GNU_FORMAT) + b"a.log".ljust(512, b"\0")) * 3000
    _, damage = got(tar_files("logs.tar", cut_into(archive, 1 << 16), Budget("logs.tar")))
    assert damage.startswith("logs.tar: is damaged")


def test_a_zip_archive_may_have_a_long_list_of_files_unless_it_is_packed_itself():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(8_000):
            archive.writestr(f"{'a' * 120}/{number}.log", line() + b"\n")
    assert parse(out.getvalue()).total.flows == 8_000
    with pytest.raises(LogError, match=r"the list of its files is 1,[0-9,]+ bytes long"):
        parse(gzip.compress(out.getvalue()))
