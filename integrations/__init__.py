"""Tamis inside other frameworks."""
