"""The checks of a lowered pipeline: each reports what it finds and goes on.

| check                       | asks                                                       |
| --------------------------- | ---------------------------------------------------------- |
| `values.check_values`       | do values that belong together fit together?               |
| `calls.check_calls`         | may the URLs of hooks and downloads be called?             |
| `graph.resolve`             | what does each read mean, and in which order can tasks run? |
| `sql.check_sql`             | do queries bind against the schemas of what they read?     |
| `contracts.check_contracts` | can the tasks' expectations be asked of their rows?        |
| `target.check_target`       | can the backend carry it out? Asked by plan and run        |
"""
