"""Runs a module in an isolated Python, which by itself finds neither a checkout nor the folders in `PYTHONPATH`.

Run as `python -I child_main.py FOLDERS MODULE ARGUMENTS…`; FOLDERS are the parent's folders of modules as a JSON list.
They are searched last, after Python's own. This package is the one that this file belongs to; the folder around it is
not searched.
"""

from __future__ import annotations

import json
import runpy
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path


def main(arguments: list[str]) -> None:
    """Run the module with its own arguments."""
    folders, module, *rest = arguments
    sys.path += [folder for folder in json.loads(folders) if folder not in sys.path]
    package = Path(__file__).parents[2]
    spec = spec_from_file_location(package.name, package / "__init__.py", submodule_search_locations=[str(package)])
    assert spec is not None
    assert spec.loader is not None
    sys.modules[package.name] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules[package.name])
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
