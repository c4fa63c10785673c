"""The scorer: torch's scores, each decided by its own pair alone, and no bad passage fails a query."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from tamis.errors import DamagedFile, InvalidInput
from tamis.models.bundle import MODEL, TOKENIZER, ModelBundle
from tamis.models.scorer import Scorer
from tamis.models.settings import BundleSettings, ScorerSettings

from .conftest import Exported

TEXT = st.text(max_size=60) | st.sampled_from(
    [
        "",
        " ",
        "the cat",
        "a" * 300,
        "word " * 300,
        "emoji 🙂🇳🇿",
        "東京は日本の首都",
        "اللغة العربية",
        "[SEP] [PAD]",
        "</s>",
    ]
)
PAIRS = st.lists(st.tuples(TEXT, TEXT), max_size=10)
KINDS = ("exact", "fast", "text")


@pytest.fixture(scope="module")
def exact(cross_encoder: Exported) -> Iterator[Scorer]:
    """The tiny BERT on two threads."""
    with Scorer.open(cross_encoder.bundle, threads=2) as scorer:
        yield scorer


@pytest.fixture(scope="module")
def fast(cross_encoder_int8: ModelBundle) -> Iterator[Scorer]:
    """The tiny BERT in int8 on two threads."""
    with Scorer.open(cross_encoder_int8, threads=2) as scorer:
        yield scorer


@pytest.fixture(scope="module")
def text(monot5: Exported) -> Iterator[Scorer]:
    """The tiny T5 on two threads."""
    with Scorer.open(monot5.bundle, threads=2) as scorer:
        yield scorer


@pytest.mark.parametrize("kind", KINDS)
@given(pairs=PAIRS, seed=st.integers(0, 100), threads=st.integers(1, 4))
@settings(max_examples=10, deadline=None)
def test_a_score_is_the_same_alone_in_any_batch_order_and_number_of_threads(
    kind: str, pairs: list[tuple[str, str]], seed: int, threads: int, request: pytest.FixtureRequest
) -> None:
    scorer: Scorer = request.getfixturevalue(kind)
    together = scorer.score_pairs(pairs).scores
    assert np.isfinite(together).all()
    alone = [scorer.score(query, [passage]) for query, passage in pairs]
    order = np.random.default_rng(seed).permutation(len(pairs))
    with Scorer.open(scorer.bundle, threads=threads) as other:
        shuffled = other.score_pairs([pairs[place] for place in order]).scores
    assert together.tobytes() == b"".join(score.tobytes() for score in alone)
    assert shuffled.tobytes() == together[order].tobytes()


def test_callers_at_the_same_time_get_the_same_bits(exact: Scorer) -> None:
    pairs = [("what is a cat", "cat " * count) for count in range(30)]
    wanted, found = exact.score_pairs(pairs).scores.tobytes(), []
    threads = [
        threading.Thread(target=lambda: found.append(exact.score_pairs(pairs).scores.tobytes())) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [wanted] * 4


def test_scores_come_in_the_order_of_the_texts(exact: Scorer) -> None:
    texts = ["cats", "a dog sat", "", "mat"]
    found = exact.score("what is a cat", texts)
    assert (found.dtype.name, found.shape) == ("float32", (4,))
    assert exact.score("what is a cat", texts[::-1]).tolist() == found[::-1].tolist()
    assert len(set(found.tolist())) == 4


def test_int8_is_near(exact: Scorer, fast: Scorer) -> None:
    queries, texts = (
        ("read a file", "cats", "sort a list"),
        ("open a file", "cats", "", "words in a list", "x" * 40, "mat"),
    )
    pairs = [(query, text) for query in queries for text in texts]
    wanted = exact.score_pairs(pairs).scores
    assert np.corrcoef(wanted, fast.score_pairs(pairs).scores)[0, 1] > 0.85  # a tiny random model is a hard case


def test_the_report_counts_tokens_and_cuts(exact: Scorer) -> None:
    """The window is 96 tokens; three are special."""
    letters = {count: "a " * count for count in (1, 50, 91, 92, 100_000)}
    found = exact.score_pairs([("b c", text) for text in letters.values()])
    assert found.tokens.tolist() == [6, 55, 96, 96, 96]
    assert found.passages_cut.tolist() == [False, False, False, True, True]
    assert not found.queries_cut.any()
    assert found.scores[2] == found.scores[3] == found.scores[4] != found.scores[1]
    long = exact.score_pairs([("b " * 500, "c " * 500)])
    assert (long.queries_cut.tolist(), long.passages_cut.tolist(), long.tokens.tolist()) == ([True], [True], [96])


def test_no_texts_give_no_scores(exact: Scorer) -> None:
    assert exact.score("cat", []).shape == (0,)
    assert exact.score_pairs([]).stopped is False


def test_stop_leaves_the_rest_unscored(exact: Scorer) -> None:
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 10

    found = exact.score_pairs([("a", "b")] * 50, stop)
    assert found.stopped
    assert 9 <= np.isfinite(found.scores).sum() <= 11
    assert (found.tokens > 0).tolist() == np.isfinite(found.scores).tolist()
    assert exact.score_pairs([("a", "b")], lambda: False).stopped is False


def test_one_bad_passage_does_not_fail_a_query(exact: Scorer) -> None:
    found = exact.score_pairs([("cat", "a cat"), ("cat", "not \ud800 fine"), ("cat", "dogs")])
    assert np.isnan(found.scores).tolist() == [False, True, False]
    assert list(found.failed) == [1]
    assert "lone surrogate" in found.failed[1]
    assert found.scores[0] == exact.score("cat", ["a cat"])[0]


def test_a_query_whose_only_passage_is_bad_is_answered_too(exact: Scorer) -> None:
    assert np.isnan(exact.score("cat", ["\ud800"])).tolist() == [True]
    assert np.isnan(exact.score("cat", ["\ud800", "\udfff"])).tolist() == [True, True]


def test_a_bad_query_is_refused(exact: Scorer) -> None:
    with pytest.raises(InvalidInput, match="a query is not valid Unicode"):
        exact.score("\ud800", ["fine"])


@pytest.mark.parametrize("bad", [None, 5, b"bytes", ["nested"], float("nan")])
def test_what_is_no_string_is_refused_with_its_position(exact: Scorer, bad: Any) -> None:
    with pytest.raises(InvalidInput, match=f"passage of pair 2 is {type(bad).__name__}"):
        exact.score("cat", ["a", "b", bad])
    with pytest.raises(InvalidInput, match="texts is one string"):
        exact.score("cat", "dog")


def test_a_closed_scorer_refuses(cross_encoder: Exported) -> None:
    with Scorer.open(cross_encoder.bundle) as scorer:
        pass
    with pytest.raises(InvalidInput, match="closed"):
        scorer.score("cat", ["dog"])


def test_a_quality_model_reads_no_query(monot5: Exported, text: Scorer) -> None:
    quality = ScorerSettings(
        vocabulary=10_000, logits=2, prompt="Document: {passage} Relevant:", targets=("true", "false")
    )
    changed = monot5.bundle.settings.model_copy(update={"kind": "quality-t5", "scorer": quality})
    with Scorer.open(ModelBundle(monot5.bundle.folder, changed)) as scorer:
        assert not scorer.reads_query
        assert text.reads_query
        found = scorer.score_pairs([("cats", "a dog sat"), ("", "a dog sat"), ("\ud800", "a dog sat")])
    assert len(set(found.scores.tolist())) == 1
    assert not found.queries_cut.any()


def test_an_encoder_is_refused(fp32: ModelBundle) -> None:
    with pytest.raises(InvalidInput, match="holds an encoder, expected a cross-encoder"):
        Scorer.open(fp32)


def test_int8_is_refused_on_a_gpu_and_threads_are_at_least_one(cross_encoder_int8: ModelBundle) -> None:
    with pytest.raises(InvalidInput, match="int8, which is for CPUs"):
        Scorer.open(cross_encoder_int8, "cuda")
    with pytest.raises(InvalidInput, match="threads is 0"):
        Scorer.open(cross_encoder_int8, threads=0)


def test_a_foreign_tokenizer_is_refused_at_open(cross_encoder: Exported, fp32: ModelBundle, tmp_path: Path) -> None:
    """MiniLM's has 30,522 tokens, the tiny model 400."""
    (tmp_path / MODEL).symlink_to(cross_encoder.bundle.model)
    (tmp_path / TOKENIZER).symlink_to(fp32.tokenizer)
    with pytest.raises(DamagedFile, match="gives token ids up to 30521, but the model knows 400"):
        Scorer.open(ModelBundle(tmp_path, cross_encoder.bundle.settings))
    scorer = ScorerSettings(vocabulary=50_000, logits=1)
    lying = cross_encoder.bundle.settings.model_copy(update={"scorer": scorer})
    with pytest.raises(DamagedFile, match="cannot be run"):
        Scorer.open(ModelBundle(tmp_path, lying))


def graph(folder: Path, tokenizer: Path, output: list[int], values: list[float], outputs: int = 1) -> ModelBundle:
    """Make a bundle whose graph says the same of all pairs."""
    names = [f"score{number}" for number in range(outputs)]
    shape = ["batch", "sequence"]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in ("input_ids", "attention_mask")]
    constant = helper.make_tensor("said", TensorProto.FLOAT, output, values)
    onnx.save(
        helper.make_model(
            helper.make_graph(
                [helper.make_node("Identity", ["said"], [name]) for name in names],
                "says", inputs, [helper.make_tensor_value_info(name, TensorProto.FLOAT, output) for name in names],
                [constant],
            ),
            opset_imports=[helper.make_opsetid("", 18)], ir_version=9,
        ),
        folder / MODEL,
    )  # fmt: skip
    (folder / TOKENIZER).write_bytes(tokenizer.read_bytes())
    scorer = ScorerSettings(vocabulary=30_522, logits=1)
    return ModelBundle(
        folder, BundleSettings(kind="cross-encoder", name="says", dimension=1, max_length=32, scorer=scorer, files={})
    )


@pytest.mark.parametrize(("shape", "outputs"), [([1, 2], 1), ([2], 1), ([1], 2), ([], 1)])
def test_a_wrong_number_of_outputs_is_refused_at_open(
    tmp_path: Path, cross_encoder: Exported, shape: list[int], outputs: int
) -> None:
    values = [0.5] * int(np.prod([1, *shape]))
    with pytest.raises(DamagedFile, match=r"expected one output of shape \[1\]"):
        Scorer.open(graph(tmp_path, cross_encoder.bundle.tokenizer, shape, values, outputs))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_scores_that_are_no_numbers_are_never_returned_as_scores(
    tmp_path: Path, cross_encoder: Exported, value: float
) -> None:
    with (
        Scorer.open(graph(tmp_path, cross_encoder.bundle.tokenizer, [1], [value])) as scorer,
        pytest.raises(DamagedFile, match=f"could score none of 2 pairs: the model gave {value}"),
    ):
        scorer.score("cat", ["a", "b"])


def test_weights_outside_the_folder_are_refused_at_open(tmp_path: Path, cross_encoder: Exported) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(4_000))
    inside = tmp_path / "bundle"
    inside.mkdir()
    bundle = graph(inside, cross_encoder.bundle.tokenizer, [1], [0.5])
    whole = onnx.load(str(bundle.model))
    weights = whole.graph.initializer[0]
    weights.ClearField("float_data")
    weights.data_location = TensorProto.EXTERNAL
    for key, said in (("location", "../secret.bin"), ("offset", "0"), ("length", "4")):
        weights.external_data.add(key=key, value=said)
    bundle.model.write_bytes(whole.SerializeToString())
    with pytest.raises(DamagedFile, match=r"cannot load .*model\.onnx"):
        Scorer.open(bundle)
    weights.external_data[0].value = str(secret)
    bundle.model.write_bytes(whole.SerializeToString())
    with pytest.raises(DamagedFile, match=r"cannot load .*model\.onnx"):
        Scorer.open(bundle)


def test_operators_of_a_foreign_library_are_refused_at_open(tmp_path: Path, cross_encoder: Exported) -> None:
    bundle = graph(tmp_path, cross_encoder.bundle.tokenizer, [1], [0.5])
    whole = onnx.load(str(bundle.model))
    whole.graph.node[0].domain, whole.graph.node[0].op_type = "ai.example.custom", "Steal"
    whole.opset_import.add(domain="ai.example.custom", version=1)
    bundle.model.write_bytes(whole.SerializeToString())
    with pytest.raises(DamagedFile, match=r"cannot load .*model\.onnx"):
        Scorer.open(bundle)


def test_scoring_needs_neither_torch_nor_transformers(cross_encoder: Exported) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from tamis.models.bundle import ModelBundle; from tamis.models.scorer import Scorer\n"
        f"scorer = Scorer.open(ModelBundle.open(Path({str(cross_encoder.bundle.folder)!r})))\n"
        "assert scorer.score('cat', ['dog']).shape == (1,)\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'onnx', 'huggingface_hub', 'scipy'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_batches_for_a_gpu_report_as_the_cpu_does(exact: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The very code that runs on a GPU, on a CPU."""
    from tamis.models.device_batches import DeviceBatches
    from tamis.models.device_buffers import DeviceBuffers

    pairs = [("what is a cat", text) for text in ("", "a cat", "\ud800", "word " * 300, "dog")]
    wanted = exact.score_pairs(pairs)
    monkeypatch.setattr(exact, "_device", DeviceBatches(DeviceBuffers(exact._session, "cpu"), 96))
    found = exact.score_pairs(pairs)
    np.testing.assert_allclose(found.scores, wanted.scores, atol=1e-4)
    assert replace(found, scores=wanted.scores).tokens.tolist() == wanted.tokens.tolist()
    assert found.failed == wanted.failed
    assert found.passages_cut.tolist() == wanted.passages_cut.tolist()
    stopped = exact.score_pairs(pairs, lambda: True)
    assert stopped.stopped
    assert np.isnan(stopped.scores).all()


@pytest.mark.gpu
def test_a_gpu_gives_each_pair_the_same_bits_in_any_company(cross_encoder: Exported) -> None:
    pairs = [("what is a cat", "cat " * count) for count in range(1, 80)]
    with Scorer.open(cross_encoder.bundle, "cuda") as scorer, Scorer.open(cross_encoder.bundle) as cpu:
        assert scorer.provider == "CUDAExecutionProvider"
        together = scorer.score_pairs(pairs).scores
        np.testing.assert_allclose(together, cpu.score_pairs(pairs).scores, atol=1e-3)
        alone = [scorer.score_pairs([pair]).scores for pair in pairs]
        assert together.tobytes() == b"".join(score.tobytes() for score in alone)
        order = np.random.default_rng(1).permutation(len(pairs))
        assert scorer.score_pairs([pairs[place] for place in order]).scores.tobytes() == together[order].tobytes()
