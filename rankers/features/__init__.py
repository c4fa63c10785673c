"""Features of candidates for the blend: query and passages to numbers, one row a candidate."""
