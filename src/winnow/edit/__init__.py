"""Edits: new text for the same documents."""
