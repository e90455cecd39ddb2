"""Text to checked IR, stage by stage, without network, state store or backend.

| stage       | module                    | from → to                                   |
| ----------- | ------------------------- | ------------------------------------------- |
| read        | `trc.compiler.source`     | bytes → `SourceFile`                        |
| parse       | `trc.compiler.frontends`  | `SourceFile` → syntax tree, spans kept      |
| lower       | `trc.compiler.frontends`  | syntax tree → IR and its table of places    |
| check       | `trc.compiler.checks`     | IR → checked IR, schemas, all diagnostics   |
"""
