"""Revisions of a project that git keeps: `git` asks for them, `checkout` writes one out, `shown` names its files."""
