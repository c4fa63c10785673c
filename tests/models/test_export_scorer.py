"""The exporter of scorers on tiny random models of real classes: same scores, honest settings, clear refusals."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from tamis.errors import DamagedFile, InvalidInput, NotFound
from tamis.models.bundle import ModelBundle
from tamis.models.export_scorer import PROMPTS, ScorerKind, ScorerOptions, export_scorer
from tamis.models.layout import filled
from tamis.models.scorer import Scorer

from .conftest import Exported
from .scorer_sources import save_cross_encoder, save_t5

PAIRS = [
    ("how do I sort a list", "Sorting: use sorted(), which returns a new list."),
    ("", "an empty query"),
    ("an empty passage", ""),
    ("naïve café 東京 🙂", "ﬁne ligatures and “quotes”\n\nand lines"),
    ("long", "The passage is cut where the window ends, and only there. " * 40),
]


def torch_scores(source: Path, pairs: list[tuple[str, str]], window: int) -> list[float]:
    """Score with sentence-transformers' own CrossEncoder, raw logits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from sentence_transformers import CrossEncoder

        model: Any = CrossEncoder(str(source), max_length=window, device="cpu")
        logits = model.predict(pairs, activation_fn=torch.nn.Identity(), convert_to_numpy=True)
    wide = np.asarray(logits, np.float64)
    return [float(value) for value in (wide if wide.ndim == 1 else wide[:, 1] - wide[:, 0])]


def generation_scores(source: Path, texts: list[str], targets: tuple[str, str]) -> list[float]:
    """Give the log-softmax of two tokens in transformers' own generation, by the definition."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        model: Any = AutoModelForSeq2SeqLM.from_pretrained(source)
        tokenizer: Any = AutoTokenizer.from_pretrained(source)
        ids = [tokenizer.convert_tokens_to_ids(target) for target in targets]
        scores = []
        for text in texts:
            tokens = tokenizer(text, return_tensors="pt")
            found = model.generate(
                input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"], max_new_tokens=1,
                return_dict_in_generate=True, output_logits=True, do_sample=False,
            )  # fmt: skip
            yes, no = (float(found.logits[0][0, one]) for one in ids)
            scores.append(yes - float(np.logaddexp(yes, no)))
    return scores


def test_a_cross_encoder_gives_sentence_transformers_logits(cross_encoder: Exported) -> None:
    with Scorer.open(cross_encoder.bundle) as scorer:
        found = scorer.score_pairs(PAIRS)
    np.testing.assert_allclose(found.scores, torch_scores(cross_encoder.source, PAIRS, 96), atol=1e-4)
    assert found.passages_cut.tolist() == [False, False, False, False, True]


def test_the_bundle_says_what_it_is(cross_encoder: Exported) -> None:
    settings = cross_encoder.bundle.settings
    assert (settings.kind, settings.precision, settings.dimension) == ("cross-encoder", "fp32", 1)
    assert (settings.name, settings.source, settings.max_length) == ("tiny", "tiny", 96)
    assert settings.scorer is not None
    assert (settings.scorer.vocabulary, settings.scorer.logits, settings.scorer.prompt) == (400, 1, None)
    assert settings.parity.keys() >= {"pairs", "difference_max", "difference_mean", "spearman", "kendall"}
    assert settings.parity["spearman"] > 0.9999
    assert settings.source_sha256 is not None
    assert ModelBundle.open(cross_encoder.bundle.folder) == cross_encoder.bundle
    assert str(cross_encoder.source.parent).encode() not in cross_encoder.bundle.model.read_bytes()


def test_the_last_layer_works_for_the_first_token_alone_and_layers_have_their_names(cross_encoder: Exported) -> None:
    names = [node.name for node in onnx.load(str(cross_encoder.bundle.model)).graph.node]
    assert {"first_token", "bert.encoder.layer.1.attention.self.query", "bert.encoder.layer.0.output.dense"} <= {*names}
    assert len(names) == len(set(names))


def test_two_logits_are_scored_by_their_difference_and_layers_can_stay_fp32(tmp_path: Path) -> None:
    """One export in int8: a plain fp32 one of two logits is among the slow tests."""
    source = save_cross_encoder(tmp_path / "two", "bert", logits=2)
    options = ScorerOptions(name="pair", max_length=64, keep_fp32=["layer.1", "embeddings"])
    bundle = export_scorer(source, tmp_path / "pair.int8", "cross-encoder", "int8", options)
    assert bundle.settings.scorer is not None
    assert (bundle.settings.scorer.logits, bundle.settings.max_length, bundle.settings.name) == (2, 64, "pair")
    assert 0.8 < bundle.settings.parity["spearman"] < 1
    with Scorer.open(bundle) as scorer:
        found = scorer.score_pairs(PAIRS).scores
    assert np.corrcoef(found, torch_scores(source, PAIRS, 64))[0, 1] > 0.98
    graph = onnx.load(str(bundle.model)).graph
    quantised = [tensor.name for tensor in graph.initializer if tensor.data_type == TensorProto.INT8]
    products = [node.name for node in graph.node if node.op_type == "MatMul"]
    assert quantised
    assert all("layer.1" in name for name in products if "layer" in name)
    assert any("layer.1" in name for name in products)
    with pytest.raises(InvalidInput, match="exists already"):
        export_scorer(source, bundle.folder, "cross-encoder")
    with pytest.raises(InvalidInput, match=r"no layer is called like 'layer\.9'"):
        export_scorer(source, tmp_path / "o", "cross-encoder", "int8", ScorerOptions(keep_fp32=["layer.9"]))
    assert not (tmp_path / "o").exists()


def test_monot5_gives_transformers_own_generation(monot5: Exported) -> None:
    pairs = PAIRS[:4]
    with Scorer.open(monot5.bundle) as scorer:
        found = scorer.score_pairs(pairs).scores
    texts = [filled(PROMPTS["monot5"], *pair) for pair in pairs]
    np.testing.assert_allclose(found, generation_scores(monot5.source, texts, ("▁true", "▁false")), atol=1e-4)
    assert (found < 0).all()
    settings = monot5.bundle.settings
    assert settings.scorer is not None
    assert (settings.kind, settings.scorer.prompt, settings.scorer.targets) == (
        "monot5", "Query: {query} Document: {passage} Relevant:", ("true", "false"),
    )  # fmt: skip


@pytest.mark.slow
def test_quality_t5_with_other_targets_and_prompt_gives_transformers_own_generation(tmp_path: Path) -> None:
    source = save_t5(tmp_path / "t5", tied=False)
    options = ScorerOptions(prompt="Text: {passage} Good?", targets=("yes", "no"))
    bundle = export_scorer(source, tmp_path / "quality", "quality-t5", "fp32", options)
    texts = [text for _, text in PAIRS[:4]]
    with Scorer.open(bundle) as scorer:
        assert not scorer.reads_query
        found = scorer.score("", texts)
    wanted = generation_scores(source, [f"Text: {text} Good?" for text in texts], ("▁yes", "▁no"))
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("logits", [1, 2])
@pytest.mark.parametrize("family", ["bert", "electra", "deberta", "xlm-roberta", "modernbert"])
def test_every_family_gives_sentence_transformers_logits(tmp_path: Path, family: str, logits: int) -> None:
    source = save_cross_encoder(tmp_path / family, family, logits)
    bundle = export_scorer(source, tmp_path / "out", "cross-encoder")
    with Scorer.open(bundle) as scorer:
        found = scorer.score_pairs(PAIRS).scores
    wanted = np.array(torch_scores(source, PAIRS, bundle.settings.max_length))
    np.testing.assert_allclose(found, wanted, atol=1e-4 * max(1.0, np.abs(wanted).max()))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cross-encoder", "monot5"])
def test_fp16_is_near_its_source(tmp_path: Path, kind: ScorerKind) -> None:
    source = save_cross_encoder(tmp_path / "m", "bert") if kind == "cross-encoder" else save_t5(tmp_path / "m")
    bundle = export_scorer(source, tmp_path / "out", kind, "fp16")
    assert bundle.settings.parity["spearman"] > 0.99
    half = [tensor for tensor in onnx.load(str(bundle.model)).graph.initializer if tensor.data_type == 10]
    assert len(half) > 10


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize(
    "sizes",
    [
        {"d_model": 512, "d_kv": 64, "num_heads": 8, "d_ff": 2048, "num_layers": 6},
        {"d_model": 768, "d_kv": 64, "num_heads": 12, "d_ff": 3072, "num_layers": 12},
    ],
    ids=["t5-small", "t5-base"],
)
def test_t5_of_real_size_gives_transformers_own_generation(tmp_path: Path, sizes: dict[str, int]) -> None:
    """Random weights and the real vocabulary's size, of which few tokens are read."""
    source = save_t5(tmp_path / "t5", sizes={"vocab_size": 32_128, **sizes})
    bundle = export_scorer(source, tmp_path / "out", "monot5")
    assert bundle.settings.parity["difference_max"] < 1e-4
    pairs = PAIRS[:4]
    with Scorer.open(bundle) as scorer:
        found = scorer.score_pairs(pairs).scores
    texts = [filled(PROMPTS["monot5"], *pair) for pair in pairs]
    np.testing.assert_allclose(found, generation_scores(source, texts, ("▁true", "▁false")), atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "precision", "options", "message"),
    [
        ("cross-encoder", "fp32", {"prompt": "{passage}"}, "prompt and targets are for monot5"),
        ("cross-encoder", "fp32", {"targets": ("yes", "no")}, "prompt and targets are for monot5"),
        ("cross-encoder", "fp32", {"keep_fp32": ["layer.0"]}, "precision is fp32"),
        ("cross-encoder", "fp32", {"max_length": 97}, "max_length is 97, expected 8 to 96"),
        ("cross-encoder", "fp32", {"max_length": 1}, "max_length is 1, expected 8 to 96"),
        ("cross-encoder", "int8", {"keep_fp32": ["("]}, "'\\(' is no regular expression"),
        ("quality-t5", "fp32", {"prompt": "{query} {passage}"}, "has no {query}"),
        ("monot5", "fp32", {"prompt": "{passage}"}, "needs {query}"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    cross_encoder: Exported, tmp_path: Path, kind: ScorerKind, precision: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        export_scorer(cross_encoder.source, tmp_path / "out", kind, precision, ScorerOptions(**options))
    assert not (tmp_path / "out").exists()


def test_targets_of_one_token_are_refused(monot5: Exported, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="begin with the same token"):
        export_scorer(monot5.source, tmp_path / "out", "monot5", options=ScorerOptions(targets=("true", "true")))


def test_another_kind_of_model_is_refused(cross_encoder: Exported, monot5: Exported, tmp_path: Path) -> None:
    with pytest.raises(DamagedFile, match="transformers cannot load"):
        export_scorer(cross_encoder.source, tmp_path / "out", "monot5")
    with pytest.raises(InvalidInput, match=r"no config\.json"):
        export_scorer(tmp_path, tmp_path / "out", "cross-encoder")
    with pytest.raises(NotFound, match="neither a folder nor a model in the hub's cache"):
        export_scorer("nobody/nothing-here", tmp_path / "out", "cross-encoder")
    assert monot5.source.is_dir()


def test_three_logits_are_refused(tmp_path: Path) -> None:
    source = save_cross_encoder(tmp_path / "three", "bert", logits=3)
    with pytest.raises(InvalidInput, match="gives 3 logits, expected 1, or 2"):
        export_scorer(source, tmp_path / "out", "cross-encoder")


def test_weights_as_pickle_are_never_read_and_missing_ones_never_made_up(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    source = save_cross_encoder(tmp_path / "tiny", "bert")
    weights = source / "model.safetensors"
    kept = {name: value for name, value in load_file(weights).items() if not name.startswith("classifier")}
    save_file(kept, weights, {"format": "pt"})
    with pytest.raises(DamagedFile, match=r"lacks 2 of the model's weights, such as classifier\.bias"):
        export_scorer(source, tmp_path / "out", "cross-encoder")
    weights.rename(source / "pytorch_model.bin")
    with pytest.raises(DamagedFile, match="transformers cannot load"):
        export_scorer(source, tmp_path / "out", "cross-encoder")
