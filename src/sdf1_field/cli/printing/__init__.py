"""Printers of the tables of `analyse`, in plain text, by subject."""
