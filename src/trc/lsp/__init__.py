"""The language server: what an editor asks, answered from the compiler's results. One file a feature."""
