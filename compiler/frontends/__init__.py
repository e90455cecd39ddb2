"""From text to IR: each spelling of a pipeline is parsed into one syntax tree, and that is lowered."""
