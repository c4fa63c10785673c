"""The word index: BM25 through Lucene (Java from a wheel), or through bm25s where there is no Java."""
