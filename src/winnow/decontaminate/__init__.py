"""Overlap with evaluation items."""
