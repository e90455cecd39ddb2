"""What a user is told about a pipeline: values, a catalogue of codes, and one renderer a format."""
