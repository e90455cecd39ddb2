"""Templates: values of parameters and targets, and the texts of a pipeline that they are rendered into."""
