"""HTML to main text: one protocol, ``Extractor``, and its adapters."""
