"""Judgments to models: encoder, reranker, blend, quality."""
