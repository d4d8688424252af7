# Reference values for tests/estimate/test_durations*.py. Run in this folder: Rscript durations.R
# Needs survival, cmprsk and jsonlite; reads the public data UnempDur (R package Ecdat) from the file named as argument.
library(survival)
library(cmprsk)
library(jsonlite)

numbers <- function(x) as.numeric(x)
spells <- function(n, seed) {
  set.seed(seed)
  entry <- ifelse(runif(n) < 0.5, 0, floor(runif(n, 0, 12)))
  exit <- entry + 1 + floor(rexp(n, 0.06))
  exit <- pmin(exit, entry + 40)
  cause <- sample(0:3, n, replace = TRUE, prob = c(0.25, 0.4, 0.2, 0.15))
  data.frame(entry, exit, cause, weight = round(runif(n, 0.4, 2.5), 3), group = sample(c("a", "b", "c"), n, TRUE),
             stratum = sample(c("x", "y"), n, TRUE))
}
curve <- function(fit) list(time = fit$time, at_risk = numbers(fit$n.risk), events = numbers(fit$n.event),
                            estimate = fit$surv, std_error = summary(fit, censored = TRUE)$std.err, low = fit$lower, high = fit$upper,
                            hazard = fit$cumhaz, hazard_error = fit$std.chaz)
states <- function(fit) list(time = fit$time, estimate = as.matrix(fit$pstate)[, -1], std_error = as.matrix(fit$std.err)[, -1],
                             low = as.matrix(fit$lower)[, -1], high = as.matrix(fit$upper)[, -1])
gray <- function(time, cause, group, strata) {
  tests <- if (missing(strata)) cuminc(time, cause, group)$Tests else cuminc(time, cause, group, strata)$Tests
  list(statistic = numbers(tests[, 1]), p_value = numbers(tests[, 2]), degrees = numbers(tests[, 3]))
}

data <- spells(150, 20)
data$state <- factor(data$cause, 0:3, c("censored", "one", "two", "three"))
event <- as.numeric(data$cause > 0)
duration <- data$exit - data$entry # for what knows no delayed entry
by_cmprsk <- cuminc(duration, data$cause)
times <- c(1, 3, 8, 15, 30)
points <- timepoints(by_cmprsk, times)
restricted <- function(fit, weight, tau) { # mean time in each state and its infinitesimal jackknife
  inside <- fit$time < tau
  width <- diff(c(fit$time[inside], tau))
  means <- colSums(fit$pstate[inside, ] * width)
  means[1] <- means[1] + fit$time[1] # before the first exit all are in the first state
  influence <- fit$influence.pstate # person, time (the first row of time is the start), state
  if (dim(influence)[2] == length(fit$time) + 1) influence <- influence[, -1, ]
  each <- apply(influence[, inside, ], c(1, 3), function(x) sum(x * width))
  list(horizon = tau, mean = numbers(means), std_error = sqrt(colSums((each * weight)^2)),
       shape = dim(influence), by_survival = numbers(summary(fit, rmean = tau)$table[, "rmean"]))
}
single <- function(fit, tau) {
  found <- summary(fit, rmean = tau)$table
  list(horizon = tau, mean = numbers(found["rmean"]), std_error = numbers(found["se(rmean)"]))
}

public <- read.csv(commandArgs(TRUE)[1])
public$cause <- with(public, ifelse(censor1 == 1, 1, ifelse(censor2 == 1, 2, ifelse(censor3 == 1, 3, 0))))
of_public <- cuminc(public$spell, public$cause)
public_points <- timepoints(of_public, c(5, 10, 20))
public_km <- function(status) summary(survfit(Surv(spell, status) ~ 1, data = public), times = 1:3)$surv

result <- list(
  made_by = list(R = R.version.string, survival = as.character(packageVersion("survival")),
                 cmprsk = as.character(packageVersion("cmprsk"))),
  data = data[, c("entry", "exit", "cause", "weight", "group", "stratum")],
  km = curve(survfit(Surv(duration, event) ~ 1, conf.type = "log-log")),
  km_plain = curve(survfit(Surv(duration, event) ~ 1, conf.type = "plain")),
  km_delayed = curve(survfit(Surv(entry, exit, event) ~ 1, data = data, conf.type = "log-log")),
  km_weighted = curve(survfit(Surv(entry, exit, event) ~ 1, data = data, weights = weight, robust = FALSE,
                              conf.type = "log-log")),
  km_robust = curve(survfit(Surv(entry, exit, event) ~ 1, data = data, weights = weight, robust = TRUE, id = seq_len(nrow(data)),
                            conf.type = "log-log")),
  states = states(survfit(Surv(duration, state) ~ 1, data = data, conf.type = "log-log")),
  states_delayed = states(survfit(Surv(entry, exit, state) ~ 1, data = data, id = seq_len(nrow(data)),
                                  conf.type = "log-log")),
  states_weighted = states(survfit(Surv(entry, exit, state) ~ 1, data = data, id = seq_len(nrow(data)),
                                   weights = weight, conf.type = "log-log")),
  cmprsk = list(times = times, estimate = points$est, variance = points$var),
  gray_two = gray(duration[data$group != "c"], data$cause[data$group != "c"], data$group[data$group != "c"]),
  gray_three = gray(duration, data$cause, data$group),
  gray_strata = gray(duration, data$cause, data$group, data$stratum),
  lost = list(single = single(survfit(Surv(duration, event) ~ 1), 24),
              states = restricted(survfit(Surv(duration, state) ~ 1, data = data, influence = TRUE), 1, 24),
              delayed = restricted(survfit(Surv(entry, exit, state) ~ 1, data = data, id = seq_len(nrow(data)),
                                           influence = TRUE), 1, 24),
              weighted = restricted(survfit(Surv(entry, exit, state) ~ 1, data = data, id = seq_len(nrow(data)),
                                            weights = weight, influence = TRUE), data$weight, 24)),
  public = list(km_any = public_km(as.numeric(public$cause > 0)), km_full_time = public_km(public$censor1),
                km_not_jobless = public_km(1 - public$censor4),
                times = c(5, 10, 20), estimate = public_points$est, variance = public_points$var,
                gray_ui = gray(public$spell, public$cause, public$ui))
)
write(toJSON(result, digits = 15, auto_unbox = TRUE, matrix = "columnmajor"), "durations.json")
