"""`python -m tamis.cli`."""

from .main import main

main()
