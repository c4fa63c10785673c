"""Judgments to a blend: features of real candidates, and the forest that learns to order them."""
