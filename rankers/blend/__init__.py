"""The blend: a forest of trees over features that orders the first stage's candidates anew."""
