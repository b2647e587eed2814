"""Candidates, scales and seeds: the ledger of runs, what it says for certain, and what it does not."""
