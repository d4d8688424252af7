# Reference values for tests/estimate/test_groups*.py. Run: Rscript groups.R (in this folder); writes groups.json and
# groups_cbpp.csv: data cbpp of lme4 (GPL 2 or later), a table of counts from Lesnoff, Laval, Bonnet et al. (2004),
# Within-herd spread of contagious bovine pleuropneumonia in Ethiopian highlands, Preventive Veterinary Medicine 64.
suppressMessages({library(lme4); library(metafor); library(jsonlite)})

data(cbpp)
write.csv(cbpp, "groups_cbpp.csv", row.names = FALSE, quote = FALSE)
fit_of <- function(fit) list(
  coefficients = unname(fixef(fit)), errors = unname(sqrt(diag(as.matrix(vcov(fit))))),
  sd = attr(VarCorr(fit)$herd, "stddev")[[1]], log_likelihood = as.numeric(logLik(fit)))
tight <- glmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9, maxfun = 1e5), tolPwrss = 1e-12)
covariates <- glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial, nAGQ = 25, control = tight)
alone <- glmer(cbind(incidence, size - incidence) ~ 1 + (1 | herd), cbpp, binomial, nAGQ = 25, control = tight)
rates <- glmer(incidence ~ period + offset(log(size)) + (1 | herd), cbpp, poisson, nAGQ = 25, control = tight)

interpolated <- function(n, share, p, quantile, cumulative) {   # Spiegelhalter 2005, appendix A.1.1
  r <- quantile(p, n, share); f <- cumulative(r, n, share); below <- cumulative(r - 1, n, share)
  max(0, (r - (f - p) / (f - below)))
}
tails <- c(0.001, 0.025, 0.975, 0.999)
binomial_limits <- sapply(tails, function(p) sapply(c(4, 20, 60), function(n)
  interpolated(n, 0.3, p, function(p, n, s) qbinom(p, n, s), function(r, n, s) pbinom(r, n, s)) / n))
poisson_limits <- sapply(tails, function(p) sapply(c(2.5, 12, 40), function(e)
  interpolated(e, 1, p, function(p, e, s) qpois(p, e), function(r, e, s) ppois(r, e)) / e))

observed <- c(0, 1, 7, 30); expected <- c(2.4, 3.1, 5.2, 41.5)
exact <- t(mapply(function(o, e) poisson.test(o, e)$conf.int[1:2], observed, expected))

shares <- list(c(0.5, 0.75, 0.9), c(0.3, 0.5, 0.8), c(0.1, 0.3, 0.8))
needed <- sapply(shares, function(s) power.prop.test(p1 = s[1], p2 = s[2], power = s[3])$n)
tellable <- power.prop.test(n = 30, p1 = 0.3, power = 0.8)$p2

deaths <- c(0, 18, 8, 46, 8, 13, 9, 31, 14, 8, 29, 24)
operated <- c(47, 148, 119, 810, 211, 196, 148, 215, 207, 97, 256, 360)
dl <- rma(yi = asin(sqrt(deaths / operated)), vi = 1 / (4 * operated), method = "DL")

write_json(list(
  made_with = list(R = as.character(getRversion()), lme4 = as.character(packageVersion("lme4")),
                   metafor = as.character(packageVersion("metafor"))),
  cbpp = list(covariates = fit_of(covariates), alone = fit_of(alone), rates = fit_of(rates)),
  funnel = list(tails = tails, binomial_n = c(4, 20, 60), binomial_share = 0.3, binomial = binomial_limits,
                poisson_expected = c(2.5, 12, 40), poisson = poisson_limits),
  standardised = list(observed = observed, expected = expected, limits = exact),
  separation = list(shares = shares, needed = needed, tellable_of_30_from_0.3 = tellable),
  additive = list(tau2 = dl$tau2)
), "groups.json", digits = 12, auto_unbox = TRUE, pretty = TRUE)
