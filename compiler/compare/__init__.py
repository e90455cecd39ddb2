"""What differs between pipelines in meaning: `fields` and `query` compare parts, `tasks` and `pipelines` wholes, `projects` pairs them."""
