"""The kernel's object code: kept in the user's cache folder, loaded without Numba.

To import Numba takes longer than to count 100 MB, and to compile takes seconds. So another process
compiles, once for each version and processor, while this one counts with the reference; later the
object code is loaded with llvmlite alone. A cache that is missing, damaged, another user's or not
to be written only costs time.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import stat
import sys
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    import subprocess

# What the kernel is told of a layout: one list of numbers, these are the places in it. Then comes
# for each protocol whether it has ports; with which three bytes known fields begin; for each number of
# words where the other layouts begin that lines of so many words might fit; and for each of these the
# places of dstport and protocol.
FIELDS, IS_DEFAULT, STAMPS, DSTPORT, PROTOCOL, SRCPORT, PACKETS, BYTES, START, ACTION, STATUS = (
    range(11)
)
WITH_PORTS: Final = 11
NAME_STARTS: Final = WITH_PORTS + 256
MOST_STARTS: Final = 64
OTHERS: Final = NAME_STARTS + MOST_STARTS
MOST_WORDS: Final = 63
OTHER_PLACES: Final = OTHERS + MOST_WORDS + 2
ABSENT: Final = -1

# What the kernel says of a line: it dealt with it, or it hands it on, with its fault where that is sure.
(
    FLOW,
    NO_DATA,
    SKIPPED_DATA,
    BLANK,
    ODD,
    BAD_PORT,
    BAD_PROTOCOL,
    TOO_FEW_FIELDS,
    UNSUPPORTED_VERSION,
) = range(9)
FITS_NONE: Final = 16  # is added to a fault: the line fits no other layout either

# A row's key: what a key of a Table is, but minutes for the window, with the kind of the row above
# (0 request, 1 reply, 2 reply by service).
PROTOCOL_SHIFT, REST_BITS, KIND_SHIFT = 18, 26, 53
UNKNOWN_MINUTE: Final = (1 << 27) - 1

MOST_FOLDED: Final = 1 << 23
"""Rows of which each can have a cell: a number of 31 bits with its window in the last eight."""
MOST_ROWS: Final = 1 << 15
MOST_ODD: Final = 1 << 13
MOST_SEPARATORS: Final = 1 << 12
MOST_TIDIED: Final = 1 << 10
"""Bytes of a line that may be written anew, to be read then."""

SIGNATURES: Final = {
    "read": tuple("address number int64s address int32s int64s int64s int64s int64s".split()),
    "pick": ("int64s", "number", "number", "int64s", "int64s", "int64s", "int64s"),
    "add": tuple("int64s number number int64s number int64s int64s int64s int64s".split()),
    "mark": ("int64s", "number", "number", "address", "address", "int64s"),
    "number": ("int64s", "int32s", "number", "number", "number"),
    "shrink": tuple("int64s number number int32s number int64s int32s int32s".split()),
    "fill": ("int32s", "number", "int32s", "number", "int64s"),
    "fold": tuple(
        "int64s int32s number int32s number int64s int32s int64s int64s address number".split()
    ),
}
"""The parameters of each function; all give a number."""

_KERNEL: Final = os.path.join(os.path.dirname(__file__), "kernel.py")


ObjectCode = Mapping[str, tuple[str, bytes]]
"""By the name of each function: the name of its entry, and its object code."""


class Kernel(NamedTuple):
    """The compiled functions; they let other threads run meanwhile."""

    read: Callable[..., int]
    pick: Callable[..., int]
    add: Callable[..., int]
    mark: Callable[..., int]
    number: Callable[..., int]
    shrink: Callable[..., int]
    fill: Callable[..., int]
    fold: Callable[..., int]


@cache
def can_compile() -> bool:
    """Whether Numba is there."""
    return find_spec("numba") is not None and find_spec("llvmlite") is not None


def slowly() -> str:
    """Why logs are counted slowly here; nothing where they are not."""
    if can_compile():
        return ""
    return (
        "Large logs are counted some twenty times as slowly as they could be, for the Python package "
        "numba is not installed. Install it: pip install numba."
    )


class _Loaded:
    """What this process knows of the kernel."""

    kernel: Kernel | None = None
    is_begun = False
    compiler: subprocess.Popen[bytes] | None = None
    path: str | None = None
    lock = threading.Lock()


def loaded() -> Kernel | None:
    """The kernel where it is loaded already."""
    return _Loaded.kernel


def kernel(wait: bool = False) -> Kernel | None:
    """The kernel, or None as long as it is not compiled, or cannot be; it is being compiled then.

    `wait` waits for it.
    """
    if not can_compile():
        return None
    while _Loaded.kernel is None:
        with _Loaded.lock:
            is_on = _get()
        if not (wait and is_on):
            break
        time.sleep(0.02)
    return _Loaded.kernel


def _get() -> bool:
    """Load the kernel if it is compiled, else have it compiled once; gives whether it is under way."""
    _Loaded.path = _Loaded.path or os.path.join(_folder(), f"{_key()}.kernel")
    is_on = _Loaded.compiler is not None and _Loaded.compiler.poll() is None
    if _Loaded.kernel is None and (code := _read_object_code(_Loaded.path)):
        _Loaded.kernel = _load(code)
    elif not _Loaded.is_begun:
        _Loaded.is_begun = True
        _Loaded.compiler = _compile(_Loaded.path)
        is_on = _Loaded.compiler is not None
    return is_on


def use(path: str) -> None:
    """Load the kernel from this file, whatever it was made of."""
    code = _read_object_code(path)
    _Loaded.kernel = _load(code) if code else None


def write_object_code(path: str, code: ObjectCode) -> None:
    """Keep object code in a file, which appears whole or not at all."""
    import tempfile

    table = ",".join(f"{name} {entry} {len(data)}" for name, (entry, data) in code.items())
    content = b"\n".join([table.encode(), b"".join(data for _, data in code.values())])
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(path), delete=False) as file:
        file.write(_checksum(content) + content)
    os.replace(file.name, path)


def _read_object_code(path: str) -> ObjectCode | None:
    """What was kept; None where there is nothing, it is damaged or somebody else's."""
    try:
        with open(path, "rb") as file:
            if not _is_private(os.fstat(file.fileno())):
                return None
            content = file.read()
    except OSError:
        return None
    if _checksum(content[4:]) != content[:4]:
        return None
    table, _, blocks = content[4:].partition(b"\n")
    code = {}
    for row in table.decode().split(","):
        name, entry, size = row.split(" ")
        code[name] = entry, blocks[: int(size)]
        blocks = blocks[int(size) :]
    return code


def _checksum(content: bytes) -> bytes:
    """Four bytes that tell damage; what nobody else may change needs no more."""
    return zlib.crc32(content).to_bytes(4, "little")


def _load(code: ObjectCode) -> Kernel:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    for _, data in code.values():
        engine.add_object_file(llvm.ObjectFileRef.from_data(data))
    engine.finalize_object()
    functions = {}
    for name, (entry, _) in code.items():
        # Numbers are passed as they are and everything else as an address; `engine` is kept, for
        # the code goes with it.
        kinds: list[Any] = [
            ctypes.c_int64 if kind == "number" else ctypes.c_void_p for kind in SIGNATURES[name]
        ]
        function = ctypes.CFUNCTYPE(ctypes.c_int64, *kinds)(engine.get_function_address(entry))
        function.engine = engine  # type: ignore[attr-defined]
        functions[name] = function
    return Kernel(**functions)


def _compile(path: str) -> subprocess.Popen[bytes] | None:
    """Start the process that compiles; it may outlive this one, for the next time."""
    import subprocess

    program = [sys.executable, "-m", "flowtag_core.reading.kernel", path]
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    try:
        return subprocess.Popen(  # noqa: S603
            program,
            env={**os.environ, "PYTHONPATH": paths},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return None


def _folder() -> str:
    """The private cache folder, made where it is missing; a temporary one where it cannot be used."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = os.path.join(os.path.expanduser(base), "flowtag")
    try:
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        if not os.path.isdir(folder):
            os.mkdir(folder, mode=0o700)
        if _is_private(os.stat(folder)) and os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    import tempfile

    temporary = tempfile.TemporaryDirectory(prefix="flowtag-", ignore_cleanup_errors=True)
    atexit.register(temporary.cleanup)
    return temporary.name


def _is_private(status: os.stat_result) -> bool:
    """Whether nobody else can write to it: what is loaded from it is run."""
    if sys.platform == "win32":
        return True
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _key() -> str:
    """What the object code depends on: the sources, Numba, LLVM and the processor."""
    import llvmlite
    import llvmlite.binding as llvm

    spec = find_spec("numba")
    sources = [_KERNEL, __file__]
    if spec and spec.origin:
        sources.append(os.path.join(os.path.dirname(spec.origin), "_version.py"))
    parts = [llvmlite.__version__, llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()]
    for path in filter(os.path.isfile, sources):
        with open(path, encoding="utf-8") as file:
            parts.append(file.read())
    return f"{zlib.crc32(repr(parts).encode()):08x}-{sum(map(len, parts))}"
