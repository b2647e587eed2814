"""What a language model makes of each document: the scores of one pass over its tokens, and what it knows by heart."""
