# Reference values for tests/estimate/test_comparisons.py: Rscript comparisons.R > comparisons.json
# The score limits are found here by brute force: the likelihood is maximised numerically under every difference or
# ratio, and the limit is searched for; no closed form is shared with what is tested.
number <- function(x) if (is.infinite(x)) "\"Infinity\"" else formatC(x, digits = 12, format = "g", width = 1)

score_limits <- function(x1, n1, x0, n0, measure, confidence = 0.95) {
  z2 <- qchisq(confidence, 1)
  xlogy <- function(x, p) if (x == 0) 0 else x * log(p)
  first <- function(value, p) if (measure == "difference") p + value else p * value
  restricted <- function(value) {
    low <- if (measure == "difference") max(0, -value) else 0
    high <- if (measure == "difference") min(1, 1 - value) else min(1, 1 / value)
    loglik <- function(p) {
      q <- first(value, p)
      xlogy(x1, q) + xlogy(n1 - x1, 1 - q) + xlogy(x0, p) + xlogy(n0 - x0, 1 - p)
    }
    inside <- optimize(loglik, c(low, high), maximum = TRUE, tol = 1e-13)
    ends <- c(loglik(low), loglik(high))
    ends[is.nan(ends)] <- -Inf
    if (max(ends) > inside$objective) c(low, high)[which.max(ends)] else inside$maximum
  }
  excess <- function(value) {
    p <- restricted(value); q <- first(value, p)
    by <- if (measure == "difference") 1 else value
    gap <- if (measure == "difference") x1 / n1 - x0 / n0 - value else x1 / n1 - value * x0 / n0
    gap^2 - z2 * (q * (1 - q) / n1 + by^2 * p * (1 - p) / n0) * (n1 + n0) / (n1 + n0 - 1)
  }
  solve_between <- function(a, b) uniroot(excess, c(a, b), tol = 1e-12)$root
  if (measure == "difference") {
    estimate <- x1 / n1 - x0 / n0
    low <- if (estimate == -1) -1 else solve_between(-1 + 1e-9, estimate - 1e-5)
    high <- if (estimate == 1) 1 else solve_between(estimate + 1e-5, 1 - 1e-9)
  } else {
    estimate <- (x1 / n1) / (x0 / n0)
    low <- if (x1 == 0) 0 else solve_between(1e-6, if (is.finite(estimate)) estimate * (1 - 1e-5) else 1e4)
    high <- if (x0 == 0) Inf else solve_between(estimate * (1 + 1e-5) + 1e-5, 1e4)
  }
  c(low, high)
}

cases <- list(c(56, 70, 48, 80), c(9, 10, 3, 10), c(6, 7, 2, 7), c(5, 56, 0, 29), c(0, 10, 0, 20), c(0, 10, 0, 10),
              c(10, 10, 0, 20), c(10, 10, 0, 10), c(10, 10, 20, 20), c(17, 91, 700, 9000), c(0, 10, 3, 20), c(1, 1, 1, 1))
rows <- character()
for (case in cases) for (measure in c("difference", "ratio")) {
  if (measure == "ratio" && case[1] == 0 && case[3] == 0) next
  limits <- score_limits(case[1], case[2], case[3], case[4], measure)
  rows <- c(rows, sprintf('    {"counts": [%s], "measure": "%s", "low": %s, "high": %s}',
                          paste(case, collapse = ", "), measure, number(limits[1]), number(limits[2])))
}
powers <- character()
for (case in list(c(100, 0.5, 0.8), c(91, 0.1, 0.8), c(30, 0.2, 0.9), c(500, 0.37, 0.95))) {
  upper <- power.prop.test(n = case[1], p1 = case[2], power = case[3], tol = 1e-12)$p2
  powers <- c(powers, sprintf('    {"n": %d, "baseline": %s, "power": %s, "upper": %s}',
                              case[1], number(case[2]), number(case[3]), number(upper)))
}
exact <- character()
for (case in list(c(91, 0.1, 0.2), c(91, 0.1, 0.03), c(10, 0.5, 0.9), c(30, 0.2, 0.45))) {
  side <- if (case[3] > case[2]) "greater" else "less"
  rejected <- sapply(0:case[1], function(k) binom.test(k, case[1], case[2], side)$p.value <= 0.025)
  power <- sum(dbinom(0:case[1], case[1], case[3])[rejected])
  exact <- c(exact, sprintf('    {"n": %d, "baseline": %s, "proportion": %s, "power": %s}',
                            case[1], number(case[2]), number(case[3]), number(power)))
}
cat(sprintf('{\n  "made_by": "R %s",\n  "score_limits": [\n%s\n  ],\n  "power_prop_test": [\n%s\n  ],\n  "binomial_power": [\n%s\n  ]\n}\n',
            getRversion(), paste(rows, collapse = ",\n"), paste(powers, collapse = ",\n"), paste(exact, collapse = ",\n")))
