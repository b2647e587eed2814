"""Turns raw web crawl into the training set that a given amount of compute deserves."""
