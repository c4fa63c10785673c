"""Layouts of judged collections: one module each, all giving the same Content."""
