"""Results of a generated register kept on disk, so that 79 pages do not compute the same national tables 79 times.

As with the registers themselves (:mod:`analysis.records.synthetic_cache`) only what is synthetic is kept, never a
result of an extract, which may hold rows of persons. What is kept lies in `data/processed/results/` and may be deleted
at any time. It is read back with `pickle`: nobody may be let write there who may not change the code.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import scipy
import statsmodels

from analysis.evidence.files import RawData, project_root, sha256_of
from analysis.records.opening import SYNTHETIC, open_register
from analysis.records.register import Register
from analysis.records.synthetic_cache import KeptFolder, keep_folder, key_of, register_key, sources_of

FOLDER = "data/processed/results"
_RESULT = "result.pickle"
_LIBRARIES = ("analysis", "numpy", "pandas", "pyarrow")
_PACKAGE = Path(__file__).resolve().parents[1]

P = ParamSpec("P")
T = TypeVar("T")


def result_of(
    make: Callable[Concatenate[Register, P], T], source: str, size: int, seed: int, /, *args: P.args, **named: P.kwargs
) -> T:
    """`make(register, ...)` of the register that `source` names (see :func:`open_register`).

    Of a synthetic register the result is read from disk if it was made before: by the same function from the same
    arguments, data, code and versions; the register is then not even opened. A damaged copy is thrown away, and where
    nothing can be written the result is made every time. Safe for several processes at once.

    `make` is a function of a module of this package that draws on its arguments and on data/raw alone, and whose
    arguments say in their `repr` all that they are. Must not be used for one that reads anything else.
    """
    if source != SYNTHETIC:
        return make(open_register(source, size, seed), *args, **named)
    folder = project_root() / FOLDER / _key(make, size, seed, args, named)
    with contextlib.suppress(OSError, ValueError, pickle.UnpicklingError, EOFError):
        kept = KeptFolder(folder)
        result: T = _Known(io.BytesIO(kept.content(_RESULT))).load()
        kept.used()
        return result
    shutil.rmtree(folder, ignore_errors=True)  # if anything is there, it is damaged
    result = make(open_register(source, size, seed), *args, **named)
    with contextlib.suppress(OSError):
        keep_folder(folder, lambda part: _write(result, part))
    return result


class _Known(pickle.Unpickler):
    """Makes objects of this package and of the libraries its tables come from, and of nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """The class or function of that name; UnpicklingError for a module that no result comes from."""
        if module.partition(".")[0] not in _LIBRARIES and (module, name) != ("builtins", "slice"):
            raise pickle.UnpicklingError(f"{module}.{name} found; only {', '.join(_LIBRARIES)} expected.")
        return super().find_class(module, name)


def _write(result: object, folder: Path) -> None:
    (folder / _RESULT).write_bytes(pickle.dumps(result, protocol=pickle.HIGHEST_PROTOCOL))


def _key(make: Callable[..., object], size: int, seed: int, args: tuple[Any, ...], named: dict[str, Any]) -> str:
    raw = RawData()
    parts = {
        "register": register_key(size, seed),
        "make": f"{make.__module__}.{make.__qualname__}",
        "arguments": [repr(args), repr(sorted(named.items()))],
        "versions": [scipy.__version__, statsmodels.__version__],
        "raw": {name: sha256_of(raw.path(name)) for name in raw.names()},
        "source": {str(path): sha256_of(path) for path in sources_of([make.__module__, __name__], _PACKAGE)},
    }
    return key_of(parts)
