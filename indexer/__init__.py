"""The offline half: corpus to published index, and the read side of that index."""
