"""One renderer a format: diagnostics and the texts they point into, made into output."""
