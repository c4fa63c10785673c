"""The encoder: sentence-transformers' vectors, and each one decided by its own text alone."""

from __future__ import annotations

import importlib
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from tamis.errors import DamagedFile, InvalidInput
from tamis.models.batches import TOKENS
from tamis.models.bundle import MODEL, TOKENIZER, ModelBundle
from tamis.models.encoder import Encoder, Vectors
from tamis.models.settings import BundleSettings

MODULES = ("array", "asyncio", "cmath", "codecs", "datetime", "dis", "email", "hashlib", "itertools", "math",
           "mmap", "numbers", "platform", "plistlib", "sqlite3", "ssl", "subprocess", "tarfile", "time", "urllib",
           "xml", "zlib")  # fmt: skip
"""None of these is among the sentences that the exporter measures with."""

TEXTS = st.lists(st.text(max_size=60) | st.sampled_from(["", "the cat", "a" * 300, "word " * 300]), max_size=12)


@pytest.fixture(scope="module")
def exact(fp32: ModelBundle) -> Iterator[Encoder]:
    """The default encoder, fp32, on two threads."""
    with Encoder.open(fp32, threads=2) as encoder:
        yield encoder


@pytest.fixture(scope="module")
def fast(int8: ModelBundle) -> Iterator[Encoder]:
    """The default encoder, int8, on two threads."""
    with Encoder.open(int8, threads=2) as encoder:
        yield encoder


@pytest.fixture(scope="module")
def prose() -> list[str]:
    """Real English of any length."""
    documents = [importlib.import_module(name).__doc__ or "" for name in MODULES]
    return [text for text in documents if text] + [line for text in documents for line in text.splitlines()[:2]]


@pytest.fixture(scope="module")
def original(prose: list[str]) -> Vectors:
    """Sentence-transformers' own vectors of the prose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, at import
        from sentence_transformers import SentenceTransformer

        from tamis.models.minilm import find_minilm

        model = SentenceTransformer(str(find_minilm()), device="cpu", local_files_only=True)
        return np.asarray(model.encode(prose, show_progress_bar=False))


def test_exact_vectors_are_those_of_sentence_transformers(exact: Encoder, prose: list[str], original: Vectors) -> None:
    found = exact.encode(prose, "passage")
    assert (found.dtype.name, found.shape) == ("float32", (len(prose), 384))
    assert (found * original).sum(1).min() > 1 - 1e-5
    np.testing.assert_allclose(found, original, atol=2e-6)


def test_fast_vectors_are_near(fast: Encoder, prose: list[str], original: Vectors) -> None:
    cosines = (fast.encode(prose, "passage") * original).sum(1)
    assert cosines.mean() > 0.985
    assert cosines.min() > 0.95


def test_vectors_have_unit_length(exact: Encoder, fast: Encoder, prose: list[str]) -> None:
    for encoder in (exact, fast):
        np.testing.assert_allclose(np.linalg.norm(encoder.encode(prose, "passage"), axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@given(texts=TEXTS, seed=st.integers(0, 100), threads=st.integers(1, 4))
@settings(max_examples=15, deadline=None)
def test_a_vector_is_the_same_alone_in_any_batch_order_and_number_of_threads(
    precision: str, texts: list[str], seed: int, threads: int, request: pytest.FixtureRequest
) -> None:
    bundle: ModelBundle = request.getfixturevalue(precision)
    encoder: Encoder = request.getfixturevalue("exact" if precision == "fp32" else "fast")
    together = encoder.encode(texts, "passage")
    alone = [encoder.encode([text], "passage")[0] for text in texts]
    order = np.random.default_rng(seed).permutation(len(texts))
    with Encoder.open(bundle, threads=threads) as other:
        shuffled = other.encode([texts[place] for place in order], "passage")
    assert together.tobytes() == b"".join(vector.tobytes() for vector in alone)
    assert shuffled.tobytes() == together[order].tobytes()


def test_callers_at_the_same_time_get_the_same_bits(exact: Encoder, prose: list[str]) -> None:
    wanted = exact.encode(prose[:20], "passage").tobytes()
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(exact.encode(prose[:20], "passage").tobytes())) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [wanted] * 4


def test_batches_for_a_gpu_give_the_same_vectors_but_for_rounding(exact: Encoder, prose: list[str]) -> None:
    """The very code that runs on a GPU, on a CPU."""
    texts = sorted(prose, key=len)[:40]
    vectors = np.empty((len(texts), 384), np.float32)
    assert sum(exact._in_batches(texts, vectors)) == len(texts)
    np.testing.assert_allclose(vectors, exact.encode(texts, "passage"), atol=2e-6)


@pytest.mark.gpu
def test_a_gpu_gives_the_same_vectors_but_for_rounding(fp32: ModelBundle, exact: Encoder, prose: list[str]) -> None:
    with Encoder.open(fp32, "cuda") as encoder:
        assert encoder.provider == "CUDAExecutionProvider"
        for kind in ("passage", "query"):
            found = encoder.encode(prose, kind)
            np.testing.assert_allclose(found, exact.encode(prose, "passage"), atol=1e-4)
        assert encoder.encode(prose[:1], "passage").tobytes() == encoder.encode(prose, "passage")[:1].tobytes()


def test_text_beyond_the_window_is_cut_off(exact: Encoder) -> None:
    """256 tokens with [CLS] and [SEP]: 254 words of one token."""
    whole, longer, shorter = ("cat " * count for count in (254, 900, 253))
    found = exact.encode([whole, longer, shorter], "passage")
    assert found[0].tobytes() == found[1].tobytes() != found[2].tobytes()


def test_an_empty_text_has_a_vector_of_its_own(exact: Encoder) -> None:
    found = exact.encode(["", "cat"], "query")
    assert np.linalg.norm(found[0]) == pytest.approx(1, abs=1e-6)
    assert found[0] @ found[1] < 0.99


def test_no_texts_give_no_vectors(exact: Encoder) -> None:
    assert exact.encode([], "query").shape == (0, 384)


@pytest.mark.parametrize("bad", [None, 5, b"bytes", ["nested"], float("nan")])
def test_what_is_no_string_is_refused_with_its_position(exact: Encoder, bad: object) -> None:
    with pytest.raises(InvalidInput, match=f"text 2 is {type(bad).__name__}"):
        exact.encode(["a", "b", bad], "passage")  # type: ignore[list-item]


def test_a_single_string_is_refused(exact: Encoder) -> None:
    with pytest.raises(InvalidInput, match="texts is one string"):
        exact.encode("cat", "passage")


def test_a_lone_surrogate_is_refused_with_its_position(exact: Encoder) -> None:
    with pytest.raises(InvalidInput, match="text 40 is not valid Unicode"):
        exact.encode([*["fine"] * 40, "not \ud800 fine", "fine"], "passage")


def test_tokens_are_counted_uncut(exact: Encoder) -> None:
    assert exact.token_count(["", "cat", "cat " * 900]).tolist() == [2, 3, 902]


def test_progress_ends_at_the_number_of_texts_and_only_grows(exact: Encoder) -> None:
    told: list[int] = []
    exact.encode(["cat"] * 45, "passage", told.append)
    assert told == sorted(set(told))
    assert told[-1] == 45


def test_a_closed_encoder_refuses(fp32: ModelBundle) -> None:
    with Encoder.open(fp32) as encoder:
        pass
    with pytest.raises(InvalidInput, match="closed"):
        encoder.encode(["cat"], "query")


def test_threads_are_at_least_one(fp32: ModelBundle) -> None:
    with pytest.raises(InvalidInput, match="threads is 0"):
        Encoder.open(fp32, threads=0)


def test_int8_is_refused_on_a_gpu(int8: ModelBundle) -> None:
    with pytest.raises(InvalidInput, match="int8, which is for CPUs"):
        Encoder.open(int8, "cuda")


def test_another_kind_of_model_is_refused(fp32: ModelBundle) -> None:
    other = ModelBundle(fp32.folder, fp32.settings.model_copy(update={"kind": "monot5"}))
    with pytest.raises(InvalidInput, match="holds a monot5, expected an encoder"):
        Encoder.open(other)


def test_vectors_that_are_not_finite_are_never_returned(tmp_path: Path, fp32: ModelBundle) -> None:
    """A graph that divides by zero."""
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "s"]) for name in ("input_ids", "attention_mask")
    ]
    zero = helper.make_tensor("zero", TensorProto.FLOAT, [1, 2], [0.0, 0.0])
    graph = helper.make_graph(
        [helper.make_node("Div", ["zero", "zero"], ["sentence_embedding"])], "nan", inputs,
        [helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, [1, 2])], [zero],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), tmp_path / MODEL)
    (tmp_path / TOKENIZER).write_bytes(fp32.tokenizer.read_bytes())
    broken = ModelBundle(tmp_path, BundleSettings(name="nan", dimension=2, max_length=8, files={}))
    with Encoder.open(broken) as encoder, pytest.raises(DamagedFile, match="not finite"):
        encoder.encode(["cat"], "passage")


def test_a_tokenizer_that_is_none_is_refused(tmp_path: Path, fp32: ModelBundle) -> None:
    (tmp_path / MODEL).symlink_to(fp32.model)
    (tmp_path / TOKENIZER).write_text("{}")
    with pytest.raises(DamagedFile, match=r"tokenizer\.json is not a tokenizer"):
        Encoder.open(ModelBundle(tmp_path, fp32.settings))


def test_encoding_needs_neither_torch_nor_transformers(fp32: ModelBundle) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from tamis.models.bundle import ModelBundle; from tamis.models.encoder import Encoder\n"
        f"encoder = Encoder.open(ModelBundle.open(Path({str(fp32.folder)!r})))\n"
        "assert encoder.encode(['cat'], 'query').shape == (1, 384)\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'onnx', 'huggingface_hub'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_batches_hold_more_than_one_text() -> None:
    """Else the test of batches above would prove nothing."""
    assert TOKENS // 256 > 1
