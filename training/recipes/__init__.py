"""How the default reranker is made: what prepares its data, and the order of its steps."""
