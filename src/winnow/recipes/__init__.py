"""The shipped recipes, each readable as the paper it follows."""
