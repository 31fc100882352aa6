"""Tables of `analyse` in plain text, by what they are about."""
