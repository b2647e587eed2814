"""DataRater (Calian et al. 2025, arXiv 2505.17895): a model that learns what documents are worth for training."""
