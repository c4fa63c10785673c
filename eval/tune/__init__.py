"""Which settings of the pipeline answer best within a time: search, choice, confirmation."""
