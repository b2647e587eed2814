"""Scaling laws of data filtering and repetition, fitted with their uncertainty, and the advice that follows."""
