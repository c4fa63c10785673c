"""A cross-encoder of real size for timing: all-MiniLM-L6-v2 with a head that was never trained."""

from __future__ import annotations

import gzip
import json
import warnings
from pathlib import Path
from typing import Any

from tamis.models.bundle import MANIFEST, ModelBundle
from tamis.models.export_scorer import ScorerKind, ScorerPrecision, export_scorer
from tamis.models.minilm import find_minilm

from .harness import DATA, WORK

CORPUS = DATA / "msmarco-mini" / "corpus.jsonl.gz"
QUERY = "what is the difference between a llama and an alpaca"

T5_BASE = {"d_model": 768, "d_kv": 64, "num_heads": 12, "d_ff": 3_072, "num_layers": 12, "vocab_size": 32_128}


def minilm_source() -> Path:
    """Save the model for transformers, unless it is there."""
    folder = WORK / "reranker" / "minilm-l6"
    if not (folder / "config.json").is_file():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import torch
            from transformers import AutoModelForSequenceClassification, AutoTokenizer

            torch.manual_seed(1)
            model: Any = AutoModelForSequenceClassification.from_pretrained(find_minilm(), num_labels=1)
            torch.nn.init.normal_(model.classifier.weight, std=0.3)
            model.save_pretrained(folder)
            tokenizer: Any = AutoTokenizer.from_pretrained(find_minilm())
            tokenizer.save_pretrained(folder)
    return folder


def t5_source() -> Path:
    """Save a random T5 of base size with MiniLM's vocabulary, unless it is there."""
    folder = WORK / "reranker" / "t5-base"
    if not (folder / "config.json").is_file():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import torch
            from transformers import AutoTokenizer, T5Config, T5ForConditionalGeneration

            torch.manual_seed(1)
            T5ForConditionalGeneration(T5Config(**T5_BASE, decoder_start_token_id=0)).save_pretrained(folder)
            tokenizer: Any = AutoTokenizer.from_pretrained(find_minilm())
            tokenizer.save_pretrained(folder)
    return folder


def bundle_of(source: Path, kind: ScorerKind, precision: ScorerPrecision) -> ModelBundle:
    """Open the bundle of a source, exported first where it is not there."""
    out = source.with_name(f"{source.name}.{precision}")
    if not (out / MANIFEST).is_file():
        return export_scorer(source, out, kind, precision)
    return ModelBundle.open(out)


def msmarco_passages(count: int) -> list[str]:
    """Draw passages evenly from the corpus."""
    with gzip.open(CORPUS, "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    return texts[:: max(1, len(texts) // count)][:count]
