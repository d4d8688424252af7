# Variance of the effect in a stepped wedge by generalised least squares in base R, its power, and power.prop.test.
# Rscript stepped_wedge.R > stepped_wedge.json

library(jsonlite)

variance <- function(exposed, error, place, period) {
  places <- nrow(exposed)
  periods <- ncol(exposed)
  design <- cbind(as.vector(t(exposed)), kronecker(rep(1, places), diag(periods)))
  block <- function(j) diag(error[j, ] + period) + place
  covariance <- as.matrix(Matrix::bdiag(lapply(seq_len(places), block)))
  solve(t(design) %*% solve(covariance, design))[1, 1]
}

wedge <- function(places, per_step) {
  starts <- 1 + (seq_len(places) - 1) %/% per_step
  t(sapply(starts, function(s) as.numeric(0:max(starts) >= s)))
}

# 24 places, six a step, 100 people a cell, 5 per cent with the outcome, coefficient of variation 0.3 between places.
equal <- wedge(24, 6)
error <- matrix(0.05 * 0.95 / 100, 24, 5)
equal_variance <- variance(equal, error, (0.3 * 0.05)^2, 0)

# 15 places of unequal size, three a step, with a level of each place and period.
sizes <- c(400, 210, 150, 120, 90, 80, 70, 60, 55, 50, 45, 40, 30, 20, 12)
unequal <- wedge(15, 3)
unequal_variance <- variance(unequal, matrix(0.3 * 0.7 / sizes, 15, 6), 0.03^2, 0.015^2)

cat(toJSON(list(
  equal = equal_variance,
  equal_power = pnorm(0.015 / sqrt(equal_variance) - qnorm(0.975)),
  unequal = unequal_variance,
  sizes = sizes,
  proportions = power.prop.test(n = 800, p1 = 0.3, p2 = 0.37)$power,
  versions = list(R = as.character(getRversion()), Matrix = as.character(packageVersion("Matrix")))
), digits = 15, auto_unbox = TRUE, pretty = TRUE), "\n")
