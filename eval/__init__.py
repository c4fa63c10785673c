"""Queries and judgments to numbers, with the pipeline that is served."""
