"""One task of ECS."""
