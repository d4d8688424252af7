"""A notebook of all that a kernel can do differently: its cells, to be run on two kinds of kernels and compared."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

CELLS = [
    "import asyncio, contextlib, gc, locale, logging, math, multiprocessing, os, pathlib, random, signal, subprocess\n"
    "import sys, threading, time, warnings",
    "import matplotlib, matplotlib.pyplot as plt, numpy as np, pandas as pd, seaborn as sns, statsmodels.api as sm\n"
    "import pandera.pandas",
    # The process
    "print(sys.argv[0], sys.argv[1:2], len(sys.argv), sys.orig_argv[1:3], sys.flags, sys.path, __name__, os.getcwd())",
    "print(sorted(os.environ), os.environ['PYTHONHASHSEED'], os.environ['MPLBACKEND'])",
    "print(os.environ['JPY_PARENT_PID'] == str(os.getppid()), os.getsid(0) == os.getpgid(0) == os.getpid())",
    "print([signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE)])\n"
    "print(signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.set_wakeup_fd(-1) >= -1, os.umask(0o22))",
    "print(locale.getlocale(), sys.stdout.encoding, sys.__stdout__.line_buffering, os.read(0, 10), hash('the seed'))",
    "print(gc.isenabled(), gc.get_threshold(), threading.current_thread() is threading.main_thread())\n"
    "print(len(threading.enumerate()), threading.Thread().name, len(multiprocessing.active_children()))",
    "print(multiprocessing.current_process().name, sys.getrecursionlimit(), sys.warnoptions, time.tzname)",
    # Output of all kinds
    "print('one'); print('error', file=sys.stderr); print('two')\nos.write(1, b'low\\n'); sys.stdout.flush()",
    "print('10 %', end='\\r'); print('100 %'); print('x\\by')",
    "!echo from the shell; echo $((6 * 7))",
    "listed = !printf 'a\\nb\\n'\nlisted",
    "%%bash\necho in bash; echo to error >&2",
    "subprocess.run(['echo', 'from a program']); None",
    "%%capture caught\nprint('kept back'); display('and this')",
    "caught.show(); caught.stdout",
    "from IPython.display import HTML, JSON, SVG, Latex, Markdown, clear_output, display\n"
    "shown = display('before', display_id='known'); display(HTML('<b>x</b>'), Markdown('*x*'), Latex('$x$'))",
    "shown.update('after'); display(JSON({'a': [1, 2]}), SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>'))",
    "print('gone'); clear_output(wait=True); print('stays')",
    "print('gone'); clear_output(); 'the value'",
    "class Shown:\n    def _repr_html_(self): return '<i>it</i>'\n    def __repr__(self): return 'it'\nShown()",
    "%config InteractiveShell.ast_node_interactivity = 'all'",
    "1; 'two'; None",
    "%config InteractiveShell.ast_node_interactivity = 'last_expr'",
    "_, __, Out.keys(), len(In)",
    # Warnings and errors
    "warnings.warn('once', DeprecationWarning)\nfor _step in range(3): warnings.warn('repeated')",
    "warnings.warn('hidden', PendingDeprecationWarning); logging.warning('logged'); np.array([1.0]) / 0",
    "def inner(value):\n    return 1 / value\n\ndef outer():\n    inner(0)\n\nouter()",
    "raise KeyError('with unicode: öäü')",
    "this is no Python",
    "pd.DataFrame({'a': [1]})['b']",
    "input('a question')",
    "with contextlib.suppress(SystemExit): sys.exit(3)\n'still here'",
    # Things at once
    "await asyncio.sleep(0.01); await asyncio.gather(*(asyncio.sleep(0, result=i) for i in range(3)))",
    "async def later():\n    await asyncio.sleep(0.05); print('from a task')\ntask = asyncio.create_task(later())",
    "await task; print('done')",
    "worker = threading.Thread(target=lambda: print('from a thread')); worker.start(); worker.join()",
    "def square(value):\n    return value * value\n\n"
    "with multiprocessing.get_context('fork').Pool(2) as pool: print(pool.map(square, range(5)))",
    "def tell():\n    print('from a forked process', flush=True)\n\n"
    "process = multiprocessing.get_context('fork').Process(target=tell); process.start(); process.join()\n"
    "time.sleep(0.3)",
    "pid = os.fork()\nif pid == 0: os._exit(7)\nos.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])",
    # Libraries that were there before the fork
    "print(matplotlib.get_backend(), plt.isinteractive(), plt.get_fignums(), dict(plt.rcParams))",
    "pd.DataFrame(np.arange(2500).reshape(50, 50)).add_prefix('column ')",
    "print(pd.DataFrame(np.arange(250).reshape(5, 50)).add_prefix('column '))\n"
    "pd.get_option('display.max_columns'), pd.get_option('display.max_rows'), pd.get_option('display.width')",
    "plt.plot([1, 3, 2]); plt.title('A title')",
    "fig, axes = plt.subplots(1, 2, figsize=(5, 2)); axes[0].bar(['a', 'b'], [1, 2]); plt.figure(); plt.show(); fig",
    "data = pd.DataFrame({'x': np.arange(200) % 17, 'y': np.sin(np.arange(200)), 'g': ['a', 'b'] * 100})\n"
    "sns.set_theme(); sns.scatterplot(data=data, x='x', y='y', hue='g')",
    "sns.lmplot(data=data, x='x', y='y', ci=None)",
    "plt.rcParams['svg.hashsalt'] = os.environ['SOURCE_DATE_EPOCH'] = '1'\n"
    "%config InlineBackend.figure_formats = ['svg']\nplt.plot([1, 2]);",
    "%matplotlib inline\nplt.gcf().add_subplot().annotate('still svg', (0.5, 0.5)); plt.savefig('figure.png')\n"
    "len(pathlib.Path('figure.png').read_bytes())",
    "a = np.linspace(0, 1, 250_000).reshape(500, 500); print(repr(float((a @ a.T).sum())), np.linalg.svd(a)[1][:2])",
    "random.seed(1); np.random.seed(1); print(random.random(), np.random.rand(2), np.random.default_rng(1).random())",
    "fit = sm.Logit((data['y'] > 0).astype(int), sm.add_constant(data['x'])).fit()\nprint(fit.params.round(8))",
    "sm.OLS([1.0, 2.0, 2.5], sm.add_constant([1.0, 2.0, 3.0])).fit().summary().tables[1]",
    # Magics that write files and read them
    "%%writefile part.py\nprint('part', __name__, __file__); value = 3",
    "%run part.py\nvalue",
    "import part; pathlib.Path('part.py').unlink(); part.value, part.__file__",
    "%who_ls int",
    "exit_codes = get_ipython().history_manager.db is not None; exit_codes, get_ipython().history_manager.hist_file",
]
FAILING = ("inner(0)", "KeyError", "no Python", "['b']", "input(")


def torture() -> dict[str, Any]:
    """The notebook, as JSON; cells that are meant to fail are tagged so."""
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "source": source,
            "metadata": {"tags": ["raises-exception"]} if any(part in source for part in FAILING) else {},
            "execution_count": None,
            "outputs": [],
        }
        for number, source in enumerate(CELLS)
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def comparable(notebook: Path) -> list[tuple[str, int | None, list[Any]]]:
    """Source, execution count and outputs of each cell, adjacent pieces of a stream joined, without numbers that
    differ between two runs of any kernel: process numbers, addresses of objects."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    return [
        (cell["source"], cell.get("execution_count"), _joined(cell.get("outputs", ())))
        for cell in content["cells"]
        if cell["cell_type"] == "code"
    ]


def _joined(outputs: list[dict[str, Any]]) -> list[Any]:
    pieces: list[Any] = []
    for output in outputs:
        text = output.get("text", "")
        text = text if isinstance(text, str) else "".join(text)
        if output["output_type"] == "stream" and pieces and pieces[-1].get("name") == output["name"]:
            pieces[-1]["text"] += text
        else:
            pieces.append({**output, "text": text})
    return json.loads(re.sub(r"ipykernel_\d+|0x[0-9a-f]{8,}", "…", json.dumps(pieces)))
