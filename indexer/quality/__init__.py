"""Passage quality: what can a passage answer, judged without a query, before anything costly is done with it."""
