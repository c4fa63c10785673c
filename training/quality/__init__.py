"""Judgments to a light scorer of passage quality."""
