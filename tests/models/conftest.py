"""Real models for these tests: the default encoder, exported once per machine, and a tiny random one."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import pytest

from tamis.models.bundle import MODEL, TOKENIZER, ModelBundle
from tamis.models.publish import publish_bundle
from tamis.models.settings import BundleSettings
from tamis.models.store import resolve_encoder

from .scorer_sources import save_cross_encoder, save_t5

WORDS = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "the",
    "a",
    "cat",
    "dog",
    "sat",
    "on",
    "mat",
    "query",
    "passage",
    ":",
    "##s",
)

MakeSource = Callable[..., Path]


@pytest.fixture(scope="session")
def fp32() -> ModelBundle:
    """The default encoder, exact."""
    return resolve_encoder("all-MiniLM-L6-v2", "fp32")


@pytest.fixture(scope="session")
def int8() -> ModelBundle:
    """The default encoder, fast."""
    return resolve_encoder("all-MiniLM-L6-v2", "int8")


@pytest.fixture(scope="session")
def make_source(tmp_path_factory: pytest.TempPathFactory) -> MakeSource:
    """Saves a tiny random BERT as sentence-transformers does, with the pooling and parts that a test asks for."""

    def make(
        pooling: Literal["mean", "cls", "max"] = "mean",
        normalise: bool = True,
        dense: bool = False,
        prompts: dict[str, str] | None = None,
    ) -> Path:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's and transformers' own, at import
            return _save_tiny(tmp_path_factory.mktemp("tiny"), pooling, normalise, dense, prompts)

    return make


@dataclass(frozen=True, slots=True)
class Exported:
    """A tiny scorer as transformers saved it, and as a bundle."""

    source: Path
    bundle: ModelBundle


@pytest.fixture(scope="session")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A tiny random BERT with one logit."""
    from tamis.models.export_scorer import export_scorer

    folder = tmp_path_factory.mktemp("cross-encoder")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's and transformers' own, at import
        source = save_cross_encoder(folder / "tiny", "bert")
        return Exported(source, export_scorer(source, folder / "tiny.fp32", "cross-encoder"))


@pytest.fixture(scope="session")
def monot5(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A tiny random T5."""
    from tamis.models.export_scorer import export_scorer

    folder = tmp_path_factory.mktemp("monot5")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = save_t5(folder / "tiny")
        return Exported(source, export_scorer(source, folder / "tiny.fp32", "monot5"))


@pytest.fixture(scope="session")
def cross_encoder_int8(cross_encoder: Exported, tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    """The tiny BERT with int8 weights."""
    from tamis.models.graph import quantise_graph

    def fill(hidden: Path) -> BundleSettings:
        quantise_graph(cross_encoder.bundle.model, hidden / MODEL)
        shutil.copyfile(cross_encoder.bundle.tokenizer, hidden / TOKENIZER)
        return cross_encoder.bundle.settings.model_copy(update={"precision": "int8"})

    return publish_bundle(tmp_path_factory.mktemp("int8") / "tiny.int8", fill)


def _save_tiny(
    folder: Path, pooling: Literal["mean", "cls", "max"], normalise: bool, dense: bool, prompts: dict[str, str] | None
) -> Path:
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Dense, Normalize, Pooling, Transformer
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from tokenizers.processors import TemplateProcessing
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    vocabulary = [*WORDS, *(chr(letter) for letter in range(ord("b"), ord("z") + 1))]
    tokenizer = Tokenizer(WordPiece({word: number for number, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer()
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    fast = cast(Any, PreTrainedTokenizerFast)(  # not typed
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]",
        model_max_length=24,
    )  # fmt: skip
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=32, initializer_range=0.3,
    )  # fmt: skip
    plain = folder / "plain"
    BertModel(config, add_pooling_layer=False).save_pretrained(plain)
    fast.save_pretrained(plain)
    parts: list[torch.nn.Module] = [Transformer(str(plain)), Pooling(16, pooling_mode=pooling)]
    parts += [Dense(16, 8)] if dense else []
    parts += [Normalize()] if normalise else []
    SentenceTransformer(modules=parts, device="cpu", prompts=prompts).save(str(folder / "tiny"))
    return folder / "tiny"
