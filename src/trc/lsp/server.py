"""`trc lsp`: the documents that an editor has open, and which feature answers which question."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

import trc
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.lsp import actions, completion, definition, diagnostics, formatting, hover, references, rename, symbols
from trc.lsp.ask import Ask
from trc.lsp.protocol import Protocol
from trc.lsp.text import Text
from trc.workspace import Workspace

T = TypeVar("T")

PAUSE: Final = 0.02
"""Seconds in which further keystrokes are waited for before a text is compiled."""

_BYTE_ORDER_MARK: Final = "\ufeff"
_WATCHED: Final = "**/*.{py,sql,toml,yaml,yml,trc,csv,parquet,json,txt}"


@dataclass(slots=True)
class Document:
    """A file that the editor shows. `follower` compiles it as long as it changes.

    `is_judged` says that the present text is being compiled, or has been: a change of it makes that false.
    `own` are the findings of the text `own_of`, `across` those of its neighbours.
    """

    uri: str
    path: Path
    text: Text
    version: int
    own: tuple[Diagnostic, ...] = ()
    own_of: Text | None = None
    across: tuple[Diagnostic, ...] = ()
    is_judged: bool = False
    follower: asyncio.Task[None] | None = None


@dataclass(slots=True)
class Session:
    """What one editor has open. Compiling goes on in one thread, so that the editor is always listened to."""

    server: LanguageServer
    workspace: Workspace = field(default_factory=Workspace)
    documents: dict[str, Document] = field(default_factory=dict[str, Document])
    worker: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "compiler"))
    loaders: dict[Path, asyncio.Task[None]] = field(default_factory=dict[Path, "asyncio.Task[None]"])

    def open(self, item: types.TextDocumentItem) -> None:
        path = to_fs_path(item.uri)
        if path is None:
            return
        text = Text(item.text.removeprefix(_BYTE_ORDER_MARK), self.server.workspace.position_codec.client_num_units)
        document = Document(item.uri, Path(path).resolve(), text, item.version)
        self.documents[item.uri] = document
        self._shown(document)

    def change(
        self, identifier: types.VersionedTextDocumentIdentifier, changes: Iterable[types.TextDocumentContentChangeEvent]
    ) -> None:
        document = self.documents.get(identifier.uri)
        if document is None:
            return
        for change in changes:
            document.text = document.text.changed(change)
        document.version = identifier.version
        self._shown(document)

    def _shown(self, document: Document) -> None:
        """A text has changed: it is told of, and so is what was compiled with it."""
        self.workspace.show(document.path, document.text.content)
        if not self.workspace.is_pipeline(document.path):
            self.moved([document.path])
            return
        self.follow(document)
        readers = self.workspace.readers(document.path)
        if readers:
            self.workspace.forget([document.path])
        for other in self.documents.values():
            if other.path in readers:
                self.follow(other)

    def close(self, uri: str) -> None:
        document = self.documents.pop(uri, None)
        if document is None:
            return
        if document.follower is not None:
            document.follower.cancel()
        self.workspace.hide(document.path)
        self.server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))
        self.moved([document.path])

    def moved(self, paths: Iterable[Path]) -> None:
        """Files have changed that pipelines may be compiled with."""
        self.workspace.forget(paths)
        for document in self.documents.values():
            self.follow(document)

    def follow(self, document: Document) -> None:
        """Makes sure that the document's newest text is compiled and told of."""
        document.is_judged = False
        if document.follower is None or document.follower.done():
            document.follower = asyncio.create_task(self._follow(document))
            document.follower.add_done_callback(self._tell_bug)

    async def _follow(self, document: Document) -> None:
        while not document.is_judged:
            await asyncio.sleep(PAUSE)
            document.is_judged = True
            if not self.workspace.is_pipeline(document.path):
                continue
            checked = await self.in_worker(lambda: self.workspace.check(document.path))
            if not document.is_judged:
                continue
            document.own, document.own_of = self.workspace.own(checked), document.text
            await self._tell_across(document)
            self._load(document)

    async def _tell_across(self, document: Document) -> None:
        """Publishes the document's findings, and those of the other open ones that its change concerns."""
        across = await self.in_worker(lambda: self.workspace.across(document.path))
        if not document.is_judged or self.documents.get(document.uri) is not document:
            return
        project = self.workspace.project_of(document.path)
        for other in list(self.documents.values()):
            found = across.get(other.path, ())
            concerns = other is not document and project is not None and other.path.is_relative_to(project)
            if other is document or (concerns and other.own_of is other.text and found != other.across):
                other.across = found
                self._publish(other)

    def _publish(self, document: Document) -> None:
        self.server.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(
                document.uri,
                diagnostics.told((*document.own, *document.across), str(document.path), document.text, self.text_of),
                document.version,
            )
        )

    def _load(self, document: Document) -> None:
        """Compiles the other pipelines of the document's project in the background, once."""
        project = self.workspace.project_of(document.path)
        if project is not None and project not in self.loaders:
            self.loaders[project] = asyncio.create_task(self._load_siblings(document))
            self.loaders[project].add_done_callback(self._tell_bug)

    async def _load_siblings(self, document: Document) -> None:
        for path in await self.in_worker(lambda: self.workspace.siblings(document.path)):
            await self.in_worker(lambda one=path: self.workspace.check(one))  # type: ignore[misc]
        if document.is_judged:
            document.own = self.workspace.own(await self.in_worker(lambda: self.workspace.check(document.path)))
            await self._tell_across(document)

    def _tell_bug(self, task: asyncio.Task[None]) -> None:
        """An error that nobody foresaw is told, and the editor goes on being listened to."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            message = f"this is a bug in trc: {type(error).__name__}: {error}"
            self.server.window_show_message(types.ShowMessageParams(types.MessageType.Error, message))

    async def in_worker(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.worker, work)

    def text_of(self, path: str) -> Text | None:
        """The text of a file that a place lies in, as the editor shows it or as its disk holds it."""
        for document in self.documents.values():
            if str(document.path) == path:
                return document.text
        units = self.server.workspace.position_codec.client_num_units
        try:
            return Text(Path(path).read_bytes().decode("utf-8"), units)
        except (OSError, UnicodeDecodeError):
            return None

    async def ask(self, identifier: types.TextDocumentIdentifier, position: types.Position | None = None) -> Ask | None:
        """The document in question with what is known of its present text; None where it is no pipeline."""
        document = self.documents.get(identifier.uri)
        if document is None or not self.workspace.is_pipeline(document.path):
            return None
        checked = await self.in_worker(lambda: self.workspace.check(document.path))
        offset = document.text.offset(position) if position is not None else 0
        return Ask(document.uri, document.text, offset, checked, self.workspace, self.text_of)


def make_server() -> LanguageServer:
    """The server with all its features, not started yet."""
    server = LanguageServer("trc", trc.__version__, protocol_cls=Protocol)
    session = Session(server)
    _listen(server, session)
    _answer(server, session)
    return server


def _listen(server: LanguageServer, session: Session) -> None:
    """What the editor tells."""

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def _open(params: types.DidOpenTextDocumentParams) -> None:
        session.open(params.text_document)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def _change(params: types.DidChangeTextDocumentParams) -> None:
        session.change(params.text_document, params.content_changes)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def _close(params: types.DidCloseTextDocumentParams) -> None:
        session.close(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def _save(params: types.DidSaveTextDocumentParams) -> None:
        session.moved(_paths([params.text_document.uri]))

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def _moved(params: types.DidChangeWatchedFilesParams) -> None:
        session.moved(_paths(change.uri for change in params.changes))

    @server.feature(types.INITIALIZED)
    async def _initialized(_params: types.InitializedParams) -> None:
        workspace = server.client_capabilities.workspace
        watching = workspace.did_change_watched_files if workspace else None
        if watching and watching.dynamic_registration:
            options = types.DidChangeWatchedFilesRegistrationOptions([types.FileSystemWatcher(_WATCHED)])
            registration = types.Registration("watch", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            await server.client_register_capability_async(types.RegistrationParams([registration]))


def _answer(server: LanguageServer, session: Session) -> None:
    """What the editor asks."""

    @server.feature(
        types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=[".", ":", " ", "[", "{", "-"])
    )
    async def _complete(params: types.CompletionParams) -> types.CompletionList | None:
        ask = await session.ask(params.text_document, params.position)
        return completion.complete(ask) if ask else None

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def _hover(params: types.HoverParams) -> types.Hover | None:
        ask = await session.ask(params.text_document, params.position)
        return hover.hover(ask) if ask else None

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    async def _definition(params: types.DefinitionParams) -> types.Location | None:
        ask = await session.ask(params.text_document, params.position)
        return definition.define(ask) if ask else None

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    async def _references(params: types.ReferenceParams) -> list[types.Location] | None:
        ask = await session.ask(params.text_document, params.position)
        return references.refer(ask, with_definition=params.context.include_declaration) if ask else None

    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    async def _prepare(params: types.PrepareRenameParams) -> types.PrepareRenamePlaceholder | None:
        ask = await session.ask(params.text_document, params.position)
        return rename.prepare(ask) if ask else None

    @server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    async def _rename(params: types.RenameParams) -> types.WorkspaceEdit | None:
        ask = await session.ask(params.text_document, params.position)
        return await session.in_worker(lambda: rename.rename(ask, params.new_name)) if ask else None

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    async def _symbols(params: types.DocumentSymbolParams) -> list[types.DocumentSymbol] | None:
        ask = await session.ask(params.text_document)
        return symbols.outline(ask) if ask else None

    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    async def _format(params: types.DocumentFormattingParams) -> list[types.TextEdit] | None:
        ask = await session.ask(params.text_document)
        return await session.in_worker(lambda: formatting.lay_out(ask)) if ask else None

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])
    )
    async def _actions(params: types.CodeActionParams) -> list[types.CodeAction] | None:
        ask = await session.ask(params.text_document, params.range.start)
        return actions.offer(ask, params.range) if ask else None


def _paths(uris: Iterable[str]) -> list[Path]:
    return [Path(path).resolve() for path in map(to_fs_path, uris) if path is not None]


def serve() -> None:
    """Speaks with one editor over standard input and output, until it says goodbye."""
    # A question that is refused is answered as such: nobody wants a traceback of it in the editor's log.
    logging.getLogger("pygls").setLevel(logging.CRITICAL + 1)
    # The server closes what it wrote to; the process's own standard output stays open.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as output:
        make_server().start_io(sys.stdin.buffer, output)
