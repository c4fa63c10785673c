"""Every error that Tamis raises on purpose.

TamisError
├── MissingPrerequisite     a library, extra or device that the request needs is not installed
├── NotFound                an index, model, passage or file that was named does not exist
├── InvalidInput            what was given cannot be right: configuration, query, argument
│   └── CorpusError         the corpus cannot be read, or holds records that cannot be indexed
├── DamagedFile             a file differs from its manifest, or its manifest cannot be read
├── Overloaded              too much work waits already; the same request may succeed later
├── OutOfTime               a stage that was required had not the time to do its whole work
├── ServiceError            a service was asked and could not answer
│   ├── Unreachable         nobody answers at its address
│   ├── OtherVersion        what answers is no Tamis, or speaks another version of its API
│   └── Denied              it wants a key, or a better one
└── BuildError              a build could not finish; what was published before is untouched

`exit_code` is what the command line returns: see docs/exit-codes.md.
"""

from __future__ import annotations


class TamisError(Exception):
    """Base of all errors that Tamis raises on purpose; its message says what to do."""

    exit_code = 6


class MissingPrerequisite(TamisError):
    """A library, extra or device that the request needs is not installed."""

    exit_code = 3


class NotFound(TamisError):
    """An index, model, passage or file that was named does not exist."""

    exit_code = 4


class InvalidInput(TamisError):
    """What was given cannot be right: configuration, query, argument."""

    exit_code = 5


class CorpusError(InvalidInput):
    """The corpus cannot be read, or holds records that cannot be indexed."""


class DamagedFile(TamisError):
    """A file differs from its manifest, or its manifest cannot be read."""

    exit_code = 5


class Overloaded(TamisError):
    """Too much work waits already; the same request may succeed later."""


class OutOfTime(TamisError):
    """A stage that was required had not the time to do its whole work."""


class ServiceError(TamisError):
    """A service was asked and could not answer."""


class Unreachable(ServiceError):
    """Nobody answers at a service's address."""


class OtherVersion(ServiceError):
    """What answers is no Tamis, or speaks another version of its API."""


class Denied(ServiceError):
    """The service wants a key, or a better one."""


class BuildError(TamisError):
    """A build could not finish; what was published before is untouched."""
