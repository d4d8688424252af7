"""How long Cox and Fine–Gray regressions take beside statsmodels and R, on the same rows in one run.

    OMP_NUM_THREADS=1 python benchmarks/hazard_models.py [ROWS]

Prints a markdown table: seconds (the least of several runs; a single one of what takes long), how many times longer
than ours, and the largest difference of a coefficient and of a standard error. Cox: ROWS × 8 (a million by default),
Efron ties, times in days. Fine–Gray: 10,000 × 8, with variance. Without Rscript the rows of R say so.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from statsmodels.duration.hazard_regression import PHReg

from analysis.estimate.hazard_models import cox
from analysis.estimate.spells import Spells
from analysis.estimate.subdistribution import fine_gray

TERMS = [f"x{i}" for i in range(8)]
FINE_GRAY_ROWS = 10_000
Fit = tuple[float, np.ndarray, np.ndarray]  # seconds, coefficients, standard errors

R_COX = """
d <- as.data.frame(matrix(readBin("{file}", "double", {rows} * 10), ncol = 10))
names(d) <- c("time", "event", paste0("x", 0:7))
suppressMessages(library(survival))
s <- system.time(f <- coxph(Surv(time, event) ~ ., d, ties = "efron"))[["elapsed"]]
cat(s, coef(f), sqrt(diag(vcov(f))))
"""
R_CRR = """
d <- matrix(readBin("{file}", "double", {rows} * 10), ncol = 10)
suppressMessages(library(cmprsk))
s <- system.time(f <- crr(d[, 1], d[, 2], d[, 3:10]))[["elapsed"]]
cat(s, f$coef, sqrt(diag(f$var)))
"""


def make_rows(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Persons with eight covariates, leaving by one of two exits within some years or censored; days."""
    x = rng.normal(size=(rows, len(TERMS)))
    leaving = np.ceil(rng.exponential(200 * np.exp(-x @ np.linspace(-0.3, 0.3, len(TERMS)))))
    censored = rng.integers(30, 1000, rows)
    cause = np.where(leaving <= censored, rng.integers(1, 3, rows), 0)
    return pd.DataFrame(x, columns=TERMS).assign(time=np.minimum(leaving, censored), cause=cause)


def timed(fit: Callable[[], tuple[np.ndarray, np.ndarray]], runs: int) -> Fit:
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        coefficients, errors = fit()
        seconds.append(time.perf_counter() - start)
    return min(seconds), coefficients, errors


def ours_cox(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    found = cox(rows, entry=None, exit="time", event="event", covariates=TERMS)
    return found["log_ratio"].to_numpy(), found["std_error"].to_numpy()


def statsmodels_cox(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    model = PHReg(rows["time"].to_numpy(), rows[TERMS].to_numpy(), status=rows["event"].to_numpy(), ties="efron").fit()
    return model.params, model.bse


def ours_fine_gray(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    spells = Spells(rows["time"], rows["cause"], ("one", "other"))
    found = fine_gray(spells, rows[TERMS], "one", censored_at_ties="together")
    return found["log_ratio"].to_numpy(), found["std_error"].to_numpy()


def in_r(script: str, columns: pd.DataFrame) -> Fit | None:
    if shutil.which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.bin"
        columns.to_numpy(float).T.tofile(file)
        text = script.format(file=file.as_posix(), rows=len(columns))
        done = subprocess.run(["Rscript", "-e", text], capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    values = np.array(done.stdout.split(), dtype=float)
    return values[0], values[1:9], values[9:]


def line(task: str, who: str, fit: Fit | None, ours: Fit) -> str:
    if fit is None:
        return f"| {task} | {who} | skipped: no Rscript with this package | | | |"
    seconds, coefficients, errors = fit
    apart = [np.abs(a - b).max() for a, b in ((coefficients, ours[1]), (errors, ours[2]))]
    return f"| {task} | {who} | {seconds:.3f} | {seconds / ours[0]:.1f} | {apart[0]:.0e} | {apart[1]:.0e} |"


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rows = make_rows(size, np.random.default_rng(1))
    rows["event"] = (rows["cause"] > 0).astype(int)
    few = rows.iloc[:FINE_GRAY_ROWS]
    print("| task | engine | seconds | times ours | coefficients apart | errors apart |\n|---|---|---|---|---|---|")
    task, ours = f"Cox, {size:,} × 8, Efron", timed(lambda: ours_cox(rows), 3)
    print(line(task, "ours", ours, ours))
    print(line(task, "statsmodels PHReg", timed(lambda: statsmodels_cox(rows), 1), ours))
    print(line(task, "R survival::coxph", in_r(R_COX, rows[["time", "event", *TERMS]]), ours))
    task, ours = f"Fine–Gray, {len(few):,} × 8", timed(lambda: ours_fine_gray(few), 5)
    print(line(task, "ours", ours, ours))
    print(line(task, "R cmprsk::crr", in_r(R_CRR, few[["time", "cause", *TERMS]]), ours))


if __name__ == "__main__":
    main()
