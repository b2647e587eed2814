"""Steps, tables and how they are made; knows nothing of text or models."""
