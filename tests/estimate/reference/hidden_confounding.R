# Reference values for tests/estimate/test_hidden_confounding.py and test_bounds.py, in base R only.
# Run in this folder: Rscript hidden_confounding.R > hidden_confounding.json

exposed <- c(38, 23, 41, 18, 37, 36, 23, 62, 31, 34, 24, 14, 21, 17, 16, 20, 15, 10, 45, 39, 22, 35, 49, 48, 44, 35,
             43, 39, 34, 13, 73, 25, 27)
control <- c(16, 18, 18, 24, 19, 11, 10, 15, 16, 18, 18, 13, 19, 10, 16, 16, 24, 13, 9, 14, 21, 19, 7, 18, 19, 12, 11,
             22, 25, 16, 13, 11, 13)  # Morton et al. (1982), as in Rosenbaum (2002), section 3.2.4

signed_rank <- function(d, gamma) {
  ranks <- rank(abs(d)) * (d != 0)
  p <- gamma / (1 + gamma)
  pnorm((sum(ranks[d > 0]) - p * sum(ranks)) / sqrt(p * (1 - p) * sum(ranks^2)), lower.tail = FALSE)
}
sign_test <- function(positive, pairs, gamma) {
  binom.test(positive, pairs, gamma / (1 + gamma), alternative = "greater")$p.value
}
critical <- function(apart) {
  uniroot(function(c) pnorm(c + apart) - pnorm(-c) - 0.95, c(1.6, 2), tol = 1e-12)$root
}
robustness <- function(t, df) {
  f <- abs(t) / sqrt(df)
  left <- c(f, f - abs(qt(0.025, df - 1)) / sqrt(df - 1))
  (sqrt(left^4 + 4 * left^2) - left^2) / 2
}
posterior <- function(mean, sd, low, high, n, q) {  # known share without help: one-dimensional integrals
  like <- function(x) pbinom(high, n, pmin(1, exp(x) * q)) - pbinom(low - 1, n, pmin(1, exp(x) * q))
  joint <- function(x) dnorm(x, mean, sd) * like(x)
  total <- integrate(joint, -3, log(1 / q), rel.tol = 1e-10)$value
  first <- integrate(function(x) x * joint(x), -3, log(1 / q), rel.tol = 1e-10)$value / total
  second <- integrate(function(x) x^2 * joint(x), -3, log(1 / q), rel.tol = 1e-10)$value / total
  above <- integrate(joint, 0, log(1 / q), rel.tol = 1e-10)$value / total
  c(first, sqrt(second - first^2), above)
}

show <- function(x) paste0("[", paste(sprintf("%.12g", x), collapse = ", "), "]")
gammas <- c(1, 1.5, 2, 3, 4, 4.25, 5)
apart <- c(0.1, 0.5, 1, 2, 4)
cat(sprintf('{
 "made_by": "hidden_confounding.R",
 "r": "%s",
 "exposed": %s,
 "control": %s,
 "gammas": %s,
 "signed_rank": %s,
 "sign_test_14_of_17": %s,
 "apart": %s,
 "critical": %s,
 "robustness_t_4.184_df_783": %s,
 "posterior_0.1_0.15_16_18_91_0.2": %s
}\n', as.character(getRversion()), show(exposed), show(control), show(gammas),
  show(sapply(gammas, function(g) signed_rank(exposed - control, g))),
  show(sapply(gammas, function(g) sign_test(14, 17, g))),
  show(apart), show(sapply(apart, critical)), show(robustness(4.184, 783)), show(posterior(0.1, 0.15, 16, 18, 91, 0.2))))
