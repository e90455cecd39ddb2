"""Where data lies: listing, identifying and publishing files."""
