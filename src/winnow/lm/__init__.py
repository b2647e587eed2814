"""Small language models with a fixed recipe: tokens, mixtures, one model, one table of scales, training."""
