"""Every error that sinr-geo raises on purpose.

SinrGeoError
├── InputError            a file cannot be read as what it claims to be
│   ├── NoAdapterError    no installed adapter opens the file
│   └── MissingReaderError  an optional package is needed to read the file
├── RequestError          the file is fine, what was asked of it is not
│   ├── NothingToDoError  nothing in the file can be recovered
│   └── OutputExistsError the output is there already
└── AdapterConflictError  two adapters claim a file with the same priority

The command line turns each of them into one sentence and exit status 2.
A message says what was found, what was expected and what to do.
"""

__all__ = [
    "AdapterConflictError",
    "InputError",
    "MissingReaderError",
    "NoAdapterError",
    "NothingToDoError",
    "OutputExistsError",
    "RequestError",
    "SinrGeoError",
]


class SinrGeoError(Exception):
    """Base of all errors that the user can mend."""


class InputError(SinrGeoError):
    """A file cannot be read as what it claims to be."""


class NoAdapterError(InputError):
    """No installed adapter opens the file."""


class MissingReaderError(InputError):
    """An optional package is needed to read the file."""


class RequestError(SinrGeoError):
    """The file is fine, what was asked of it is not."""


class NothingToDoError(RequestError):
    """Nothing in the file can be recovered."""


class OutputExistsError(RequestError):
    """The output is there already."""


class AdapterConflictError(SinrGeoError):
    """Two adapters claim a file with the same priority."""
