"""Tiny random models of real classes, with real tokenizers trained on prose: sources for the exporter of scorers."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tamis.models.parity import sentences

VOCABULARY = 400

SIZES: dict[str, Any] = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
    "max_position_embeddings": 96, "initializer_range": 0.4, "attention_probs_dropout_prob": 0.0,
}  # fmt: skip


def transformers() -> Any:
    """Give the library, whose types do not know their own arguments."""
    return importlib.import_module("transformers")


def save_cross_encoder(folder: Path, family: str, logits: int = 1) -> Path:
    """Save a tiny cross-encoder of a family, as transformers does."""
    import torch

    torch.manual_seed(5)
    model, tokenizer = FAMILIES[family](logits)
    torch.nn.init.normal_(model.classifier.weight if hasattr(model.classifier, "weight") else _last(model), std=1.0)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def save_t5(folder: Path, tied: bool = True, sizes: Mapping[str, int] | None = None) -> Path:
    """Save a random T5 with a tokenizer that knows true and false; tiny, unless sizes say otherwise."""
    import torch

    torch.manual_seed(5)
    tokenizer: Any = transformers().T5Tokenizer(
        vocab=unigram("<pad>", "</s>", "<unk>"), extra_ids=0, model_max_length=96
    )
    values = {
        "d_model": 32,
        "d_kv": 8,
        "num_heads": 4,
        "d_ff": 64,
        "num_layers": 2,
        "vocab_size": VOCABULARY + 24,
        **(sizes or {}),
    }
    config = transformers().T5Config(
        **values, tie_word_embeddings=tied, feed_forward_proj="relu" if tied else "gated-gelu",
        decoder_start_token_id=0, initializer_factor=1.0,
    )  # fmt: skip
    transformers().T5ForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _last(model: Any) -> Any:
    """Give the weights that make the logits, in heads of two layers."""
    return getattr(model.classifier, "out_proj").weight  # noqa: B009 - not every head has it


def _bert(logits: int) -> tuple[Any, Any]:

    config = transformers().BertConfig(vocab_size=VOCABULARY, num_labels=logits, **SIZES)
    return transformers().BertForSequenceClassification(config), transformers().BertTokenizer(
        vocab=wordpiece(), model_max_length=96
    )


def _electra(logits: int) -> tuple[Any, Any]:

    config = transformers().ElectraConfig(vocab_size=VOCABULARY, embedding_size=16, num_labels=logits, **SIZES)
    return transformers().ElectraForSequenceClassification(config), transformers().BertTokenizer(
        vocab=wordpiece(), model_max_length=96
    )


def _deberta(logits: int) -> tuple[Any, Any]:
    config = transformers().DebertaV2Config(
        vocab_size=VOCABULARY + 24, num_labels=logits, relative_attention=True, position_buckets=16,
        pos_att_type=["p2c", "c2p"], norm_rel_ebd="layer_norm", share_att_key=True, type_vocab_size=0,
        position_biased_input=False, pad_token_id=0, **SIZES,
    )  # fmt: skip
    vocabulary = unigram("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]")
    return transformers().DebertaV2ForSequenceClassification(config), transformers().DebertaV2Tokenizer(
        vocab=vocabulary, model_max_length=96
    )


def _xlm_roberta(logits: int) -> tuple[Any, Any]:
    config = transformers().XLMRobertaConfig(
        vocab_size=VOCABULARY + 24, num_labels=logits, type_vocab_size=1, pad_token_id=1, bos_token_id=0,
        eos_token_id=2, **SIZES,
    )  # fmt: skip
    vocabulary = unigram("<s>", "<pad>", "</s>", "<unk>", "<mask>")
    return transformers().XLMRobertaForSequenceClassification(config), transformers().XLMRobertaTokenizer(
        vocab=vocabulary, model_max_length=90
    )


def _modernbert(logits: int) -> tuple[Any, Any]:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    specials = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=specials, show_progress=False)
    tokenizer.train_from_iterator(prose(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    fast = transformers().PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]",
        mask_token="[MASK]", model_max_length=96, model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip
    sizes = {name: value for name, value in SIZES.items() if name != "attention_probs_dropout_prob"}
    config = transformers().ModernBertConfig(
        vocab_size=VOCABULARY, num_labels=logits, pad_token_id=3, bos_token_id=1, eos_token_id=2, cls_token_id=1,
        sep_token_id=2, local_attention=16, global_attn_every_n_layers=2, **sizes,
    )  # fmt: skip
    return transformers().ModernBertForSequenceClassification(config), fast


FAMILIES: dict[str, Callable[[int], tuple[Any, Any]]] = {
    "bert": _bert, "electra": _electra, "deberta": _deberta, "xlm-roberta": _xlm_roberta, "modernbert": _modernbert,
}  # fmt: skip


def prose() -> list[str]:
    """Give some real English."""
    return [text[:2_000] for text in sentences() if text.isascii()]


def wordpiece() -> dict[str, int]:
    """Make a BERT vocabulary of letters and frequent words, the same each time.

    The trainer of tokenizers chooses otherwise each time among what is equally frequent, and what random weights
    compute hangs on it.
    """
    from tokenizers import normalizers, pre_tokenizers

    normalizer, splitter = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    counts = Counter(word for text in prose() for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text)))
    letters = sorted({letter for word in counts for letter in word})
    frequent = sorted((word for word in counts if len(word) > 1), key=lambda word: (-counts[word], word))
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters), *frequent]
    return {word: number for number, word in enumerate(words[:VOCABULARY])}


def unigram(*specials: str) -> list[tuple[str, float]]:
    """Train a SentencePiece vocabulary that begins with these tokens, and knows true and false."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=VOCABULARY, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(prose(), trainer)
    pieces = {piece: score for piece, score in json.loads(tokenizer.to_str())["model"]["vocab"]}
    words = ["▁true", "▁false", "▁Query", "▁Document", "▁Relevant", "▁yes", "▁no"]
    return [(one, 0.0) for one in specials] + [
        (piece, score)
        for piece, score in {**pieces, **dict.fromkeys(words, -3.0)}.items()
        if piece not in specials and piece != "<unk>"
    ]
