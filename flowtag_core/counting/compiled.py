"""The kernel's object code: cached in the user's cache folder and loaded without Numba.

Importing Numba takes longer than counting 100 MB, and compiling takes seconds. So another process
compiles the kernel, once for each version and processor, while this one counts with the reference. Later
runs load the object code with llvmlite alone. It is stored with a digest of everything that it depends on,
and code with a different digest is never loaded. A cache that is missing, damaged, read-only or owned by
another user only costs time.
"""

from __future__ import annotations

import atexit
import ctypes
import io
import os
import stat
import sys
import threading
import time
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from flowtag_core import boundary, codes, counts
from flowtag_core.counting import contract
from flowtag_core.counting.contract import SIGNATURES, Kernel, ObjectCode
from flowtag_core.output import PART, write_whole

if TYPE_CHECKING:
    import subprocess


_WRITTEN_IN: Final = 60
"""Seconds after which an unfinished file is considered abandoned."""
_ROOT: Final = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))


def _sources() -> bytes:
    """Return the kernel's source code. It is read at import, since an update may change the files later."""
    content = b""
    kernel_file = os.path.join(os.path.dirname(__file__), "kernel.py")
    for path in (
        kernel_file,
        contract.__file__,
        __file__,
        boundary.__file__,
        codes.__file__,
        counts.__file__,
    ):
        with open(path, "rb") as file:
            content += file.read()
    return content


_SOURCES: Final = _sources()


@cache
def can_compile() -> bool:
    """Whether Numba and llvmlite are installed."""
    return find_spec("numba") is not None and find_spec("llvmlite") is not None


def no_kernel() -> str:
    """Return a sentence that explains why counting is slow here; empty if the kernel can be compiled."""
    if can_compile():
        return ""
    return (
        "Large logs are counted about 20 times slower without the Python package numba. "
        "Install it: pip install numba."
    )


class _Loaded:
    """The kernel that this process has loaded, and the process that compiles it."""

    kernel: Kernel | None = None
    code: ObjectCode | None = None
    is_begun = False
    compiler: subprocess.Popen[bytes] | None = None
    place: str | BinaryIO | None = None
    lock = threading.Lock()


def loaded() -> Kernel | None:
    """Return the kernel if it is already loaded, else None."""
    return _Loaded.kernel


def kernel(wait: bool = False) -> Kernel | None:
    """Return the kernel, or None if it cannot be compiled or is not compiled yet.

    In the latter case another process starts compiling it. With `wait`, wait for that process.
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
    """Load the kernel if it is compiled, else start compiling it, once; return whether that is under way."""
    if _Loaded.kernel is not None:  # Another thread has just loaded it.
        return False
    place = _Loaded.place = _Loaded.place or _place()
    is_on = _Loaded.compiler is not None and _Loaded.compiler.poll() is None
    is_readable = isinstance(place, str) or not is_on
    if is_readable and (code := _read_object_code(place, _key())):
        _Loaded.kernel, _Loaded.code = _load(code), code
        if not isinstance(place, str):
            place.close()
    elif not _Loaded.is_begun:
        _Loaded.is_begun = True
        _Loaded.compiler = _compile(place)
        is_on = _Loaded.compiler is not None
    return is_on


def use(path: str) -> None:
    """Load the kernel from this file, whatever it was compiled from."""
    code = _read_object_code(path)
    _Loaded.kernel = _load(code) if code else None


def key() -> str | None:
    """Return the key of the object code that this process needs, or None if it cannot load any."""
    return _key() if can_compile() else None


def code() -> bytes | None:
    """Return the object code for other processes with the same key, compiling it first; None if that fails."""
    kernel(wait=True)
    if _Loaded.code is None:
        return None
    written = io.BytesIO()
    write_object_code(written, _Loaded.code)
    return written.getvalue()


def accept(code: bytes) -> bool:
    """Load the kernel from what `code` returned in another process, if the key agrees; return whether it is loaded."""
    with _Loaded.lock:
        if _Loaded.kernel is None and can_compile():
            found = _read_object_code(io.BytesIO(code), _key())
            if found is not None:
                _Loaded.kernel, _Loaded.code = _load(found), found
    return _Loaded.kernel is not None


def write_object_code(file: str | BinaryIO, code: ObjectCode) -> None:
    """Write object code and its key to an open file, or to a path, where it appears complete or not at all."""
    table = ",".join(f"{name} {entry} {len(data)}" for name, (entry, data) in code.items())
    blocks = b"".join(data for _, data in code.values())
    content = b"\n".join([_key().encode(), table.encode(), blocks])
    write_whole([_digest(content), b"\n", content], file)


def _read_object_code(file: str | BinaryIO, key: str | None = None) -> ObjectCode | None:
    """Return the object code in a file; None if it is missing, damaged, writable by others or has another key.

    Without `key`, any key is accepted.
    """
    content = _content(file)
    digest, _, content = content.partition(b"\n")
    if _digest(content) != digest:
        return None
    made_of, table, blocks = content.split(b"\n", 2)
    if key is not None and made_of != key.encode():
        return None
    code = {}
    for row in table.decode().split(","):
        name, entry, size = row.split(" ")
        code[name] = entry, blocks[: int(size)]
        blocks = blocks[int(size) :]
    return code


def _content(file: str | BinaryIO) -> bytes:
    """Return the content of a file; empty if it is missing or others may write to it."""
    if not isinstance(file, str):
        file.seek(0)
        return file.read()
    try:
        with open(file, "rb") as opened:
            return opened.read() if _is_private(os.fstat(opened.fileno())) else b""
    except OSError:
        return b""


def _digest(content: bytes) -> bytes:
    import hashlib  # imported lazily: small logs do not need it

    return hashlib.sha256(content).hexdigest().encode()


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
        # Numbers are passed by value, everything else by address. The function keeps a reference to
        # `engine`, since the code is freed with it.
        kinds: list[Any] = [
            ctypes.c_int64 if kind == "number" else ctypes.c_void_p for kind in SIGNATURES[name]
        ]
        function = ctypes.CFUNCTYPE(ctypes.c_int64, *kinds)(engine.get_function_address(entry))
        function.engine = engine  # type: ignore[attr-defined]
        functions[name] = function
    return Kernel(**functions)


def _compile(place: str | BinaryIO) -> subprocess.Popen[bytes] | None:
    """Start the process that compiles the kernel; return None if it cannot be started.

    If it writes to the cache, it may outlive this process. It can import flowtag, installed packages and
    modules from absolute entries of PYTHONPATH. It imports nothing from the current folder, which may
    contain another version of flowtag or of a package.
    """
    import subprocess

    if isinstance(place, str):
        _remove_left_over(os.path.dirname(place))
    program = [sys.executable, "-P", "-m", "flowtag_core.counting.kernel"]
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    try:
        compiler = subprocess.Popen(  # noqa: S603  (our own program)
            [*program, place] if isinstance(place, str) else program,
            cwd=_ROOT,
            env={
                # Numba's settings change the code that it generates, and the key does not include them.
                **{
                    name: word for name, word in os.environ.items() if not name.startswith("NUMBA_")
                },
                "PYTHONPATH": os.pathsep.join([_ROOT, *filter(os.path.isabs, given)]),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if isinstance(place, str) else place,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return None
    if not isinstance(place, str):
        atexit.register(compiler.kill)  # no other process can read its output
    return compiler


def _remove_left_over(folder: str) -> None:
    """Remove the partial files of compilers that were killed while they were writing."""
    with suppress(OSError):
        for entry in os.scandir(folder):
            if entry.name.endswith(PART) and time.time() - entry.stat().st_mtime > _WRITTEN_IN:
                os.unlink(entry.path)


def _place() -> str | BinaryIO:
    """Return the path of the cached object code, or an unnamed temporary file if there is no cache folder."""
    folder = _folder()
    if folder is not None:
        return os.path.join(folder, f"{_key()}.kernel")
    import tempfile

    return cast(BinaryIO, tempfile.TemporaryFile())


def _folder() -> str | None:
    """Return the private cache folder, which is created if it is missing; None if it cannot be used."""
    base = os.path.expanduser(_caches())
    folder = os.path.join(base, "flowtag")
    if not os.path.isabs(base):
        return None
    try:
        os.makedirs(base, exist_ok=True)
        if not os.path.isdir(folder):
            os.mkdir(folder, mode=0o700)
        is_usable = _is_private(os.stat(folder)) and os.access(folder, os.W_OK)
    except OSError:
        return None
    return folder if is_usable else None


def _caches() -> str:
    """Return the folder for caches on this system; a relative XDG_CACHE_HOME is ignored, as XDG requires."""
    if sys.platform == "darwin":
        return "~/Library/Caches"
    is_windows = sys.platform == "win32"
    given = os.environ.get("LOCALAPPDATA" if is_windows else "XDG_CACHE_HOME", "")
    if os.path.isabs(given):
        return given
    return "~/AppData/Local" if is_windows else "~/.cache"


def _is_private(status: os.stat_result) -> bool:
    """Whether only this user can write to the file or folder: code that is loaded from it is executed."""
    if sys.platform == "win32":
        return True
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


@cache
def _key() -> str:
    """Return a digest of everything that the object code depends on: sources, Numba, LLVM and processor."""
    import llvmlite
    import llvmlite.binding as llvm

    made_by = llvmlite.__version__, llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    return _digest(repr([_numba(), *made_by]).encode() + _SOURCES).decode()


def _numba() -> str:
    """Return the version of Numba from the name of its metadata folder, since importing it takes a second."""
    import llvmlite

    beside = os.listdir(os.path.dirname(os.path.dirname(llvmlite.__file__)))
    return "".join(
        sorted(name for name in beside if name.startswith("numba-") and name.endswith("-info"))
    )
