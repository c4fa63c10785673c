"""Request to response: the only folder that serves HTTP."""
