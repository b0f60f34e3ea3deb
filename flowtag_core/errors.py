"""Errors, with a class for each failure that a caller may want to handle differently.

FlowtagError
├── LogError            a flow log that cannot be read
│   ├── DamagedLogError a log that is damaged part-way; what was read before still counts
│   ├── StoreError      an object that its store does not return; it may do so later
│   ├── OverBudgetError a log that costs more memory or time than any real log of its size
│   └── UnforeseenError a log that triggers a bug in flowtag
├── FormatError         a format that lacks dstport or protocol
├── RangesError         invalid address ranges, or counts to be added whose ranges differ
├── LookupFileError     a lookup that cannot be used at all
├── SettingsError       a flowtag.toml that is not valid
├── RuleError           a rule that cannot be added to a lookup
├── ChoiceError         a measure, action, boundary or view that does not exist
├── StateError          a follower's state that is damaged or of another version
├── ClusterError        a cluster that cannot be reached or used, or that lost a piece
├── OutputError         a result that could not be written
└── Cancelled           the caller asked to stop

A bad line or a bad lookup row is not an error: it is counted and reported with the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

LOGGER: Final = "flowtag_core"
"""The logger that gets the traceback of a bug. It shows nothing until a handler is added to it."""


def reason_of(error: Exception) -> str:
    """Return the system's description of a failure, such as `No space left on device`."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


class FlowtagError(Exception):
    """Any failure in flowtag; its message says what happened and what to do."""


class LogError(FlowtagError):
    """A flow log that is missing or unreadable, or a file that is not a flow log."""


class DamagedLogError(LogError):
    """A log that is damaged part-way; `tail` is the incomplete line before the damage."""

    def __init__(self, message: str, tail: bytes = b"") -> None:
        super().__init__(message)
        self.tail = tail


class StoreError(LogError):
    """An object, or a listing, that a store does not return; it may do so later."""


class OverBudgetError(LogError):
    """A log that costs more memory or time than any real log of its size."""


class UnforeseenError(LogError):
    """A log that triggers a bug in flowtag; `__cause__` is the original exception."""


class FormatError(FlowtagError):
    """A format string that lacks dstport or protocol."""


class RangesError(FlowtagError):
    """Invalid address ranges, or counts that cannot be added because their ranges differ."""


class LookupFileError(FlowtagError):
    """A lookup file that is missing or unreadable, or lacks one of the three columns."""


class SettingsError(FlowtagError):
    """A settings file that is not valid; nothing was counted."""


class RuleError(FlowtagError):
    """A rule that is invalid or cannot be written to the lookup's file; nothing was changed."""


class ChoiceError(FlowtagError):
    """A measure, action, boundary, time or view that `map_tags` does not know."""


class StateError(FlowtagError):
    """A state file that is damaged, of another version, or for other settings; nothing was counted."""


class ClusterError(FlowtagError):
    """A cluster that cannot be reached or used, or that lost a piece; nothing was counted."""


class OutputError(FlowtagError):
    """A result that could not be written; no partial file is left behind."""


class Cancelled(FlowtagError):
    """The caller's `cancel` returned true; nothing was counted."""


@contextmanager
def as_log_error(name: str) -> Iterator[None]:
    """Turn any failure in the `with` block into an error that names the file.

    Raises UnforeseenError for a bug, and LogError if memory runs out or the system reports an error.
    Errors of flowtag itself pass through unchanged.
    """
    try:
        yield
    except FlowtagError:
        raise
    except MemoryError as error:
        raise LogError(f"{name}: there is not enough memory to read it.") from error
    except OSError as error:
        raise LogError(f"{name}: cannot be read: {reason_of(error)}.") from error
    except Exception as error:
        raise UnforeseenError(f"{name}: {report_bug(name, error)}") from error


def report_bug(name: str, error: Exception) -> str:
    """Log the traceback of a bug that showed up while working on `name`; return a message about it."""
    import logging

    logger = logging.getLogger(LOGGER)
    if not logger.hasHandlers():
        logger.addHandler(logging.NullHandler())
    logger.error("flowtag failed on %r", name, exc_info=error)
    return (
        f"this is a bug in flowtag ({type(error).__name__}: {str(error)[:200]}). Please report it, "
        "with the file if you can share it. For the traceback, see the terminal that runs the page, or "
        "set FLOWTAG_DEBUG=1 on the command line."
    )
