"""Figures against peers: measured in one run, written to RESULTS.md with the machine and the command."""
