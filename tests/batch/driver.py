"""`uhisabi` with a small catalogue in place of the real one, as a program to interrupt and kill."""

import sys
import types
from pathlib import Path

if __name__ == "__main__":  # worker processes read this file as well and need none of it
    sys.path.insert(0, str(Path(__file__).parent))
    from small_project import build_catalogue

    from analysis.cli import main

    publish = types.ModuleType("analysis.publish")
    publish.build_catalogue = build_catalogue  # type: ignore[attr-defined]
    sys.modules["analysis.publish"] = publish
    main()
