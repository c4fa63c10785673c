"""Parity: how far an exported encoder is from the library it came from, measured on real sentences."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from tamis.errors import BuildError

Encode = Callable[[Sequence[str]], npt.NDArray[np.float32]]

EXACT_COSINE = 1 - 1e-4
"""An fp32 export with a sentence below this is refused."""

FAST_COSINE = 0.9
"""An int8 export with a mean below this is refused: the model does not survive quantisation."""

SENTENCES = (
    "",
    "a",
    "?",
    "Hello, world!",
    "how do i sort a dictionary by value",
    "What is the boiling point of water at high altitude?",
    "symptoms of vitamin d deficiency in adults",
    "who wrote the origin of species",
    "  spaces   and\ttabs\nand line ends \n",
    "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG.",
    "0-dimensional biomaterials show inductive properties.",
    "The mitochondrion is the organelle in which most of a cell's adenosine triphosphate is made.",
    "In 1969, about 650 million people watched Neil Armstrong step onto the Moon; he said it was one small step.",
    "E = mc^2, a^2 + b^2 = c^2, and 3.14159265358979 is pi to fourteen places.",
    "def add(left: int, right: int) -> int:\n    return left + right",
    "SELECT name, COUNT(*) FROM passages WHERE year >= 2019 GROUP BY name ORDER BY 2 DESC;",
    "https://example.org/a/path?with=query&and=more#fragment",
    "Die Straßenbahn fährt über die Brücke, an Löwen und Bären vorbei.",
    "L'été dernier, nous sommes allés à la mer; c'était très agréable.",
    "El niño comió una manzana y después bebió un vaso de leche.",
    "東京は日本の首都であり、世界最大の都市圏の一つである。",
    "Москва является столицей Российской Федерации.",
    "اللغة العربية من أكثر اللغات انتشارا في العالم",
    "naïve café, coöperation, Ångström, ﬁne ligatures and “quotes”",
    "🙂 emoji 🚀 and flags 🇳🇿 in the middle of a sentence",
    "pneumonoultramicroscopicsilicovolcanoconiosis " * 3,
    "word " * 120,
    "A long passage, longer than the window of any small encoder, is cut off where the window ends. " * 40,
)

MODULES = (
    "abc", "argparse", "ast", "base64", "bisect", "calendar", "collections", "contextlib", "copy", "csv", "decimal",
    "difflib", "enum", "fractions", "functools", "glob", "gzip", "heapq", "html", "inspect", "json", "locale",
    "logging", "operator", "os", "pprint", "queue", "random", "re", "sched", "shlex", "shutil", "socket", "statistics",
    "string", "struct", "tempfile", "textwrap", "threading", "timeit", "tokenize", "typing", "uuid",
    "weakref", "zipfile",
)  # fmt: skip
"""Modules of the standard library whose documentation is real English prose of any length."""


def sentences() -> list[str]:
    """Give about 70 texts of varied length and script."""
    documents = (importlib.import_module(name).__doc__ for name in MODULES)
    return [*SENTENCES, *(document for document in documents if document)]


def measure_parity(exported: Encode, original: Encode) -> dict[str, float]:
    """Compare two encoders on the same sentences: cosines (mean, least) and the greatest difference of a number."""
    texts = sentences()
    found, wanted = exported(texts).astype(np.float64), original(texts).astype(np.float64)
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(wanted, axis=1)
    cosines = np.einsum("ij,ij->i", found, wanted) / np.maximum(lengths, 1e-12)
    return {
        "sentences": float(len(texts)),
        "cosine_mean": round(float(cosines.mean()), 8),
        "cosine_min": round(float(cosines.min()), 8),
        "difference_max": round(float(np.abs(found - wanted).max()), 8),
    }


def check_parity(parity: dict[str, float], precision: str, name: str) -> None:
    """Refuse an export that is not the model it came from.

    Raises:
        BuildError: cosines are below what this precision must reach.
    """
    key, floor = ("cosine_mean", FAST_COSINE) if precision == "int8" else ("cosine_min", EXACT_COSINE)
    if not parity[key] >= floor:
        raise BuildError(
            f"the {precision} export of {name} is not its source: {key} is {parity[key]}, expected at least {floor}; "
            "nothing was written. This architecture may need another version of torch or transformers"
        )
