#include <luban/recommend/detail/array_fit.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include <luban/recommend/detail/array_search.hpp>
#include <luban/surrogate/gaussian_process.hpp>

namespace luban::recommend::detail {
namespace {

using surrogate::GaussianProcess;

constexpr Eigen::Index most_runs_fitted_twice = 256;  ///< beyond, what a map of responses brings is not worth it
/// Nats that a second fit must win to be worth a try: hyperparameters that are learned anew rarely bring more.
constexpr double out_of_reach = 10.0;

/// Per response the value around which it may be learned, in its own unit.
using Borders = std::vector<std::optional<double>>;

/// The target of an objective, or the best value seen.
double border_of(const ArrayTrials& trials, const Utility& utility) {
  if (utility.goal == process::Goal::target) return utility.target;
  double best = -std::numeric_limits<double>::infinity();
  for (const double value : trials.data.Y.col(utility.response)) {
    if (!std::isnan(value)) best = std::max(best, utility.of(value));
  }
  return utility.goal == process::Goal::maximize ? best : -best;
}

Borders borders_of(const ArrayTrials& trials, const surrogate::Surrogate& fitted) {
  Borders out;
  for (Eigen::Index j = 0; j < trials.data.m(); ++j) out.push_back(only_bound(trials, j));
  if (trials.objectives.size() > 1 || noisy(trials, fitted)) return out;
  const Utility& utility = trials.objectives.front();
  out[static_cast<std::size_t>(utility.response)] = border_of(trials, utility);
  return out;
}

ArrayTrials mapped(const ArrayTrials& trials, const Borders& borders) {
  ArrayTrials out = trials;
  for (std::size_t j = 0; j < borders.size(); ++j) {
    if (borders[j]) learn_around(*borders[j], static_cast<Eigen::Index>(j), out);
  }
  return out;
}

bool any_of(const Borders& borders) {
  return std::any_of(borders.begin(), borders.end(), [](const auto& border) { return border.has_value(); });
}

double log_likelihood(const GaussianProcess& fitted, const ArrayTrials& trials, const ArrayProblem& problem,
                      std::size_t response) {
  return fitted.reports()[response].log_likelihood + trials.log_jacobian(problem, static_cast<Eigen::Index>(response));
}

/// Those of the maps that may make the values of their responses more likely, judged by what is fitted to these as
/// they are.
Borders promising(Borders borders, const GaussianProcess& fitted, const ArrayTrials& trials,
                  const ArrayProblem& problem) {
  if (!any_of(borders)) return borders;
  const ArrayTrials other = mapped(trials, borders);
  const Eigen::VectorXd at_once = fitted.log_likelihoods_like(other.data);
  for (std::size_t j = 0; j < borders.size(); ++j) {
    const auto response = static_cast<Eigen::Index>(j);
    const double seen = at_once(response) + other.log_jacobian(problem, response);
    if (!(seen > log_likelihood(fitted, trials, problem, j) - out_of_reach)) borders[j].reset();
  }
  return borders;
}

}  // namespace

std::shared_ptr<const surrogate::Surrogate> fit_trials(const ArrayProblem& problem, ArrayTrials& trials,
                                                       const ArrayFit& fit, core::RandomKey key,
                                                       const core::CallControl& control) {
  const std::shared_ptr<const surrogate::Surrogate> plain = fit(trials.data, nullptr, key, control);
  const auto* process = dynamic_cast<const GaussianProcess*>(plain.get());
  // What is expected over tolerances is the response itself, not a map of it.
  if (process == nullptr || trials.data.n() > most_runs_fitted_twice || !trials.tolerances.empty()) return plain;
  const Borders wanted = promising(borders_of(trials, *plain), *process, trials, problem);
  if (!any_of(wanted)) return plain;
  ArrayTrials other = mapped(trials, wanted);
  std::shared_ptr<const surrogate::Surrogate> fitted = fit(other.data, plain.get(), key, control);
  const auto* again = dynamic_cast<const GaussianProcess*>(fitted.get());
  if (again == nullptr) return plain;
  Borders kept = wanted;
  for (std::size_t j = 0; j < kept.size(); ++j) {
    const bool likelier = log_likelihood(*again, other, problem, j) > log_likelihood(*process, trials, problem, j);
    if (!likelier) kept[j].reset();
  }
  if (!any_of(kept)) return plain;
  if (kept != wanted) {
    other = mapped(trials, kept);
    fitted = fit(other.data, plain.get(), key, control);
  }
  trials = std::move(other);
  return fitted;
}

}  // namespace luban::recommend::detail
