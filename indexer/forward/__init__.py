"""The forward index: what each passage says, as numbers, for the lexical features of a few candidates."""
