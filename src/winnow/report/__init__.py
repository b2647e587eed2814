"""Pages and plots from tables; makes nothing new."""
