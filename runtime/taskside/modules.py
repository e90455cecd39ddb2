"""Loads a project's Python code into a warm process, where it must be neither stale nor another project's."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, ExtensionFileLoader, FileFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any, Optional

_NOT_OURS = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)
_Stamp = Optional[tuple[int, int, int]]


class ProjectLoader(SourceFileLoader):
    """Compiles a module from its source each time it is loaded.

    Cached bytecode is told apart by seconds, so that code written twice in one second would be stale.
    """

    stamp: _Stamp = None

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        self.stamp = stamp(path)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code

    def is_stale(self) -> bool:
        """Whether the file is another than the one that was compiled."""
        return self.stamp is None or self.stamp != stamp(self.path)


class ProjectFolders:
    """A hook of the import system: the folders whose modules are the project's, and what was loaded from them."""

    def __init__(self, folders: Sequence[str]) -> None:
        self.folders = tuple(folders)
        self.loaders: dict[str, ProjectLoader] = {}
        self.entries: dict[tuple[str, str], ModuleType] = {}
        """What `load` answered, by its arguments."""

    def __call__(self, path: str) -> FileFinder:
        if not self.holds(path):
            raise ImportError(path)
        source: Any = (self.loader, SOURCE_SUFFIXES)
        return FileFinder(path, (ExtensionFileLoader, EXTENSION_SUFFIXES), source)

    def holds(self, path: str) -> bool:
        whole = path + os.sep
        if any(part in whole for part in _NOT_OURS):
            return False
        return any(whole.startswith(folder + os.sep) for folder in self.folders)

    def loader(self, name: str, path: str) -> ProjectLoader:
        """The loader of one module, remembered."""
        loader = self.loaders[name] = ProjectLoader(name, path)
        return loader

    def is_stale(self) -> bool:
        """Whether a module in use is not what is on disk now."""
        return any(loader.is_stale() for name, loader in self.loaders.items() if name in sys.modules)


def load(project: str, file: str) -> ModuleType:
    """The module in `file`, relative to the folder `project`, as it is on disk now.

    What it imports is looked for beside it, then in the project, then where Python looks. Modules
    that an earlier call loaded are used again while none of the project's has changed; raises
    OSError where the file cannot be read, and whatever the module itself raises.
    """
    hook = next((one for one in sys.path_hooks if isinstance(one, ProjectFolders)), None)
    known = None if hook is None or hook.is_stale() else hook.entries.get((project, file))
    if hook is None or known is None or sys.modules.get(known.__name__) is not known:
        hook, known = _load_anew(hook, project, file)
    sys.path[:0] = hook.folders
    return known


def stamp(path: str) -> _Stamp:
    """What tells one state of a file from another; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _load_anew(hook: ProjectFolders | None, project: str, file: str) -> tuple[ProjectFolders, ModuleType]:
    path = os.path.normpath(os.path.join(project, file))
    os.stat(path)
    package_root, name = _full_name(path)
    folders = tuple(dict.fromkeys((os.path.dirname(path), os.path.normpath(project), package_root)))
    new = _renewed(hook, folders)
    before = list(sys.path)
    sys.path[:0] = folders
    try:
        module = new.entries[project, file] = _import(new, name, path)
    finally:
        sys.path[:] = before
    return new, module


def _full_name(path: str) -> tuple[str, str]:
    folder, base = os.path.split(path)
    names = [base.removesuffix(".py")]
    while os.path.exists(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        names.insert(0, package)
    return folder, ".".join(names)


def _renewed(hook: ProjectFolders | None, folders: tuple[str, ...]) -> ProjectFolders:
    """The hook in place, if it is for these folders and nothing is stale; else a new one, and nothing loaded."""
    if hook is not None:
        if hook.folders == folders and not hook.is_stale():
            return hook
        for name in hook.loaders:
            sys.modules.pop(name, None)
        sys.path_hooks.remove(hook)
    new = ProjectFolders(folders)
    sys.path_hooks.insert(0, new)
    # Finders remember what a folder held, and were made by the hook that is gone.
    sys.path_importer_cache.clear()
    importlib.invalidate_caches()
    return new


def _import(hook: ProjectFolders, name: str, path: str) -> ModuleType:
    present = sys.modules.get(name)
    if present is not None and _file_of(present) == path:
        return present
    if present is None and path.endswith(".py") and name.replace(".", "").isidentifier():
        module = importlib.import_module(name)
        if _file_of(module) == path:
            return module
    # Another module has this name, such as one of Python's own: the task's file gets a name for itself.
    own_name = "trc_task_" + "".join(char if char.isalnum() else "_" for char in os.path.basename(path))
    own = sys.modules.get(own_name)
    if own is not None and _file_of(own) == path:
        return own
    return _load_as(hook, own_name, path)


def _load_as(hook: ProjectFolders, name: str, path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path, loader=hook.loader(name, path))
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not Python code", name=name, path=path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _file_of(module: ModuleType) -> str | None:
    file = getattr(module, "__file__", None)
    return None if file is None else os.path.normpath(file)
