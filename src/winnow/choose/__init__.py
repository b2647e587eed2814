"""The only rooms where rows disappear: rules, ranks and samples."""
