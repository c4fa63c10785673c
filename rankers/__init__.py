"""The online half: query to ranking. Stages and the Pipeline that joins them."""
