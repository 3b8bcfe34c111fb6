"""The known ways of placing and sizing memory, each as its authors describe it."""
