"""Proof that a pruned index answers as well as the whole one."""
