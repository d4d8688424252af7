# Reference values for tests/estimate/test_hazard_models.py.
# Rscript hazard_models.R UnempDur.csv > hazard_models.json
# UnempDur: McCall (1996), in R's package Ecdat; without an argument, it is taken from there.
suppressMessages({library(survival); library(cmprsk)})
file <- commandArgs(TRUE)
unemp <- if (length(file)) read.csv(file[1]) else {data("UnempDur", package = "Ecdat"); UnempDur}

numbers <- function(x) paste0("[", paste(formatC(x, digits = 12, format = "g", width = 1), collapse = ", "), "]")
out <- character()
add <- function(name, ...) {
  parts <- list(...)
  said <- paste0("\"", names(parts), "\": ", sapply(parts, numbers), collapse = ", ")
  out <<- c(out, sprintf("  \"%s\": {%s}", name, said))
}
columns <- function(frame, names) paste0("{", paste0("\"", names, "\": ", sapply(frame[names], numbers), collapse = ", "), "}")

# 1. UnempDur, two-week periods; full-time work is the exit, ui = "yes" is 1
unemp$u <- as.integer(unemp$ui == "yes")
unemp$u_reprate <- unemp$u * unemp$reprate
unemp$u_disrate <- unemp$u * unemp$disrate
terms <- c("age", "u", "reprate", "disrate", "logwage", "tenure", "u_reprate", "u_disrate")
cause <- with(unemp, ifelse(censor1 == 1, 1, ifelse(censor2 == 1, 2, ifelse(censor3 == 1, 3, 0))))
model <- as.formula(paste("Surv(spell, censor1) ~", paste(terms, collapse = "+")))
for (ties in c("efron", "breslow")) {
  fit <- coxph(model, unemp, ties = ties)
  add(paste0("unemp_cox_", ties), log_ratio = coef(fit), std_error = sqrt(diag(vcov(fit))))
}
test <- cox.zph(coxph(model, unemp))$table
add("unemp_zph_km", statistic = test[, 1], p_value = test[, 3])
test <- cox.zph(coxph(model, unemp), transform = "identity")$table
add("unemp_zph_identity", statistic = test[, 1], p_value = test[, 3])
for (which in list("u", terms)) {
  name <- if (length(which) == 1) "u" else "all"
  fit <- crr(unemp$spell, cause, as.matrix(unemp[, which, drop = FALSE]), gtol = 1e-12)
  add(paste0("unemp_crr_", name), log_ratio = fit$coef, std_error = sqrt(diag(fit$var)))
  if (name == "u") {
    predicted <- predict(fit, rbind(0, 1))
    at <- findInterval(c(1, 5, 10, 20), predicted[, 1])
    add("unemp_predict_crr", no = predicted[at, 2], yes = predicted[at, 3])
  }
  data <- data.frame(unemp[, which, drop = FALSE], spell = unemp$spell, state = factor(cause), person = seq_along(cause))
  split <- finegray(Surv(spell, state) ~ ., data = data, etype = "1")
  fit <- coxph(as.formula(paste("Surv(fgstart, fgstop, fgstatus) ~", paste(which, collapse = "+"))), data = split,
               weights = fgwt, ties = "breslow", cluster = person)
  add(paste0("unemp_finegray_", name), log_ratio = coef(fit))
}

# 2. Delayed entry, ties, strata, weights and clusters
set.seed(2)
n <- 300
d <- data.frame(id = 1:n, g = rep(1:60, each = 5), e = sample(0:10, n, TRUE), x = round(rnorm(n), 4),
                y = rbinom(n, 1, 0.4), s = sample(1:3, n, TRUE), w = sample(1:3, n, TRUE) / 2)
d$t <- d$e + 1 + floor(rexp(n, 0.15 * exp(0.4 * d$x - 0.3 * d$y)))
d$k <- sample(0:2, n, TRUE)
d$ev <- as.integer(d$k == 1)
for (ties in c("efron", "breslow")) {
  fit <- coxph(Surv(e, t, ev) ~ x + y, d, ties = ties)
  add(paste0("delayed_", ties), log_ratio = coef(fit), std_error = sqrt(diag(vcov(fit))))
  fit <- coxph(Surv(e, t, ev) ~ x + y + strata(s), d, ties = ties, weights = w, cluster = g)
  add(paste0("delayed_all_", ties), log_ratio = coef(fit), std_error = sqrt(diag(vcov(fit))))
  test <- cox.zph(coxph(Surv(e, t, ev) ~ x + y + strata(s), d, ties = ties))$table
  add(paste0("delayed_zph_", ties), statistic = test[, 1], p_value = test[, 3])
}
d$state <- factor(d$k)
split <- finegray(Surv(e, t, state) ~ x + y + person, data = transform(d, person = id), id = id, etype = "1")
fit <- coxph(Surv(fgstart, fgstop, fgstatus) ~ x + y, data = split, weights = fgwt, ties = "breslow", cluster = person)
add("delayed_finegray", log_ratio = coef(fit), std_error = sqrt(diag(vcov(fit))))

# 3. All times distinct: the two rules for ties agree
set.seed(1)
n <- 200
f <- data.frame(x = round(rnorm(n), 4), y = rbinom(n, 1, 0.5))
time <- rexp(n, 0.1 * exp(0.3 * f$x)); end <- rexp(n, 0.05); kind <- sample(1:2, n, TRUE)
f$t <- signif(pmin(time, end), 9); f$k <- ifelse(time < end, kind, 0)
fit <- crr(f$t, f$k, as.matrix(f[, c("x", "y")]), gtol = 1e-12)
add("distinct_crr", log_ratio = fit$coef, std_error = sqrt(diag(fit$var)))

cat(sprintf("{\n  \"made_by\": \"R %s, survival %s, cmprsk %s\",\n  \"delayed\": %s,\n  \"distinct\": %s,\n%s\n}\n",
            getRversion(), packageVersion("survival"), packageVersion("cmprsk"),
            columns(d, c("g", "e", "t", "k", "x", "y", "s", "w")), columns(f, c("t", "k", "x", "y")),
            paste(out, collapse = ",\n")))
