# Reference values for tests/scale/test_information.py. Run in this folder: Rscript information.R
# Needs mgcv and jsonlite. Partial information by generalised additive models, as Strong, Oakley & Brennan (2014).
library(mgcv)
library(jsonlite)

set.seed(14)
n <- 600
x <- round(rnorm(n), 4)
z <- round(rlnorm(n, 0, 0.5), 4)
first <- round(sin(2 * x) + 0.5 * x - 0.3 + rnorm(n, 0, 0.8), 4)
second <- round(0.6 * x * z - 0.1 + rnorm(n, 0, 0.8), 4)

gains <- cbind(0, first, second)
best <- which.max(colMeans(gains))
over_best <- gains[, -best] - gains[, best]
value <- function(fitted) mean(pmax(0, apply(fitted, 1, max)))
smooths <- list(
  x_same_basis = ~ s(x, bs = "cr", k = 15), z_same_basis = ~ s(z, bs = "cr", k = 15),
  x_default = ~ s(x), z_default = ~ s(z), x_z_tensor = ~ te(x, z, bs = "cr", k = 8)
)
partial <- lapply(smooths, function(formula) {
  value(apply(over_best, 2, function(y) fitted(gam(update(formula, y ~ .), data = list(x = x, z = z, y = y)))))
})
explained <- lapply(list(x = ~ s(x, bs = "cr", k = 15), z = ~ s(z, bs = "cr", k = 15)), function(formula) {
  g <- fitted(gam(update(formula, first ~ .)))
  mean((g - mean(g))^2) / mean((first - mean(first))^2)
})
write_json(
  list(
    versions = list(R = R.version.string, mgcv = as.character(packageVersion("mgcv"))),
    draws = list(x = x, z = z, first = first, second = second),
    perfect = value(over_best), partial = partial, first_order = explained
  ),
  "information.json", auto_unbox = TRUE, digits = 12
)
