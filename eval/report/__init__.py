"""One self-contained page about a few evaluations: what differs, at what cost, and where passages were lost."""
