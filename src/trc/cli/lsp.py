"""`trc lsp`: speaks with an editor over standard input and output."""

from __future__ import annotations

from importlib import import_module

from trc import api
from trc.cli import exits
from trc.cli.options import subcommand
from trc.cli.output import Screen


@subcommand
def command(_screen: Screen) -> int:
    """Serve an editor: mistakes as you type, completion, hover, definitions, renaming.

    Editors start this command themselves and speak the Language Server Protocol with it, over
    standard input and output. docs/editor.md says how to set them up.
    """
    api.require_extra("lsp", "pygls")
    # The server stands beside the command line, and knows nothing of it: both stand on trc.api.
    import_module("trc.lsp.server").serve()
    return exits.OK
