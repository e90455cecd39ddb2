"""All that a state store remembers as one file, and back."""
