"""Known cases planted in a user's own documents, and what a recipe made of them."""
