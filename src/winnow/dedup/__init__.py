"""Finding documents, lines and passages that stand elsewhere already."""
