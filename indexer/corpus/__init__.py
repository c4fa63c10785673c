"""Corpora as streams of documents: one reader per format."""
