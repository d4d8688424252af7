# Weighting and matching estimators on LaLonde's data: makes propensity.json. Run in the folder of this script:
#   Rscript propensity.R
# Standard errors of the weighted estimates are sandwiches of all estimating equations together, with numerical
# derivatives, so they share no formula with the package.
suppressMessages({library(MatchIt); library(survey); library(jsonlite)})
data(lalonde, package = "MatchIt")
d <- lalonde
X <- model.matrix(~ age + educ + race + married + nodegree + I(re74 / 1000) + I(re75 / 1000), d)
colnames(X)[8:9] <- c("re74k", "re75k")
T <- d$treat; Y <- d$re78; n <- nrow(d)

jacobian <- function(f, at) {
  sapply(seq_along(at), function(j) {
    h <- 1e-5 * max(abs(at[j]), 1e-2); up <- at; down <- at
    up[j] <- up[j] + h; down[j] <- down[j] - h
    (colMeans(f(up)) - colMeans(f(down))) / (2 * h)
  })
}
sandwich_se <- function(f, at, contrast) {
  A <- jacobian(f, at); B <- crossprod(f(at)) / n
  V <- solve(A) %*% B %*% t(solve(A)) / n
  sqrt(drop(t(contrast) %*% V %*% contrast))
}
logit <- glm(T ~ X - 1, family = binomial, control = glm.control(epsilon = 1e-14, maxit = 50))
b <- unname(coef(logit)); k <- length(b)

stack <- function(weight1, weight0) function(at) {
  e <- plogis(drop(X %*% at[1:k]))
  cbind(X * (T - e), T * weight1(e) * (Y - at[k + 1]), (1 - T) * weight0(e) * (Y - at[k + 2]))
}
solved <- function(weight1, weight0) {
  e <- plogis(drop(X %*% b))
  m1 <- weighted.mean(Y[T == 1], weight1(e)[T == 1]); m0 <- weighted.mean(Y[T == 0], weight0(e)[T == 0])
  list(estimate = m1 - m0, se = sandwich_se(stack(weight1, weight0), c(b, m1, m0), c(rep(0, k), 1, -1)))
}
one <- function(e) rep(1, length(e)); odds <- function(e) e / (1 - e)
att <- solved(one, odds); ate <- solved(function(e) 1 / e, function(e) 1 / (1 - e))

w <- ifelse(T == 1, 1, odds(fitted(logit)))
fixed <- svyglm(re78 ~ treat, design = svydesign(ids = ~1, weights = ~w, data = cbind(d, w = w)))

# entropy balancing through its dual with a general optimiser, then its own stacked equations
Z <- X[, -1]; Zs <- scale(Z); mean1 <- colMeans(Zs[T == 1, ])
C <- sweep(Zs[T == 0, ], 2, mean1)
dual <- function(l) log(sum(exp(C %*% l))); grad <- function(l) { q <- exp(drop(C %*% l)); drop(q %*% C) / sum(q) }
l <- rep(0, ncol(C)); for (i in 1:20) l <- optim(l, dual, grad, method = "BFGS", control = list(maxit = 5000, reltol = 1e-16))$par
q <- exp(drop(C %*% l)); q <- q / sum(q)
eb0 <- sum(q * Y[T == 0]); eb1 <- mean(Y[T == 1]); p <- ncol(Zs)
ebstack <- function(at) {
  mu <- at[1:p]; lam <- at[p + 1:p]; M <- sweep(Zs, 2, mu); q <- exp(drop(M %*% lam)) / scale0
  cbind(T * M, (1 - T) * q * M, T * (Y - at[2 * p + 1]), (1 - T) * q * (Y - at[2 * p + 2]))
}
scale0 <- mean(exp(drop(sweep(Zs, 2, mean1)[T == 0, ] %*% l)))
eb_se <- sandwich_se(ebstack, c(mean1, l, eb1, eb0), c(rep(0, 2 * p), 1, -1))

# augmented, no cross-fitting, ATT and ATE, from lm and glm
e <- fitted(logit); o <- odds(e)
m0 <- drop(X %*% coef(lm(Y ~ X - 1, subset = T == 0))); m1 <- drop(X %*% coef(lm(Y ~ X - 1, subset = T == 1)))
aipw_att <- mean((Y - m0)[T == 1]) - weighted.mean((Y - m0)[T == 0], o[T == 0])
aipw_ate <- mean(m1 - m0) + weighted.mean((Y - m1)[T == 1], 1 / e[T == 1]) - weighted.mean((Y - m0)[T == 0], 1 / (1 - e[T == 0]))

# Matching is not taken from here: Debian's MatchIt 4.5.1 gives 770 where the published value is 894.37.
# Partial pooling of the eight schools by brute force over the spread, flat priors (Gelman et al. 2013, section 5.5)
y8 <- c(28, 8, -3, 7, -1, 1, 18, 12); s8 <- c(15, 10, 16, 11, 9, 11, 10, 18)
post <- function(t) sapply(t, function(u) {
  v <- s8^2 + u^2; m <- sum(y8 / v) / sum(1 / v)
  prod(dnorm(y8, m, sqrt(v))) / sqrt(sum(1 / v)) })
area <- integrate(post, 0, Inf, rel.tol = 1e-10)$value
expect <- function(g) integrate(function(t) post(t) * sapply(t, g), 0, Inf, rel.tol = 1e-9)$value / area
center <- function(u) { v <- s8^2 + u^2; sum(y8 / v) / sum(1 / v) }
means <- sapply(1:8, function(j) expect(function(u) { k <- u^2 / (u^2 + s8[j]^2); k * y8[j] + (1 - k) * center(u) }))
below <- function(j, x) expect(function(u) {
  k <- u^2 / (u^2 + s8[j]^2); v <- s8^2 + u^2
  pnorm(x, k * y8[j] + (1 - k) * center(u), sqrt(k * s8[j]^2 + (1 - k)^2 / sum(1 / v))) })
limit <- function(j, p) uniroot(function(x) below(j, x) - p, c(-60, 90), tol = 1e-8)$root
low <- sapply(1:8, limit, p = 0.025); high <- sapply(1:8, limit, p = 0.975)

out <- list(
  versions = list(R = paste(R.version$major, R.version$minor, sep = "."), MatchIt = as.character(packageVersion("MatchIt")),
                  survey = as.character(packageVersion("survey"))),
  coefficients = b, ipw_att = att, ipw_ate = ate, ipw_att_se_weights_as_given = unname(SE(fixed)["treat"]),
  ipw_att_svyglm = unname(coef(fixed)["treat"]),
  entropy = list(estimate = eb1 - eb0, se = eb_se, gap = max(abs(drop(q %*% C))), smallest = min(q), largest = max(q)),
  aipw_att = aipw_att, aipw_ate = aipw_ate,
  schools = list(mean = means, low = low, high = high, common = expect(center)))
writeLines(toJSON(out, digits = 12, auto_unbox = TRUE, pretty = TRUE), "propensity.json")
