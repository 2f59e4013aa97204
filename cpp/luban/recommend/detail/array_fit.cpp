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

constexpr Eigen::Index most_runs_fitted_twice = 256;  ///< beyond, what a map of the objective brings is not worth it

/// The value around which an objective may be learned, in its own unit; nothing for a target among several objectives.
std::optional<double> border_of(const ArraySituation& situation, const ArrayTrials& trials, Eigen::Index objective) {
  const Utility& utility = trials.objectives[static_cast<std::size_t>(objective)];
  const bool several = trials.objectives.size() > 1;
  if (utility.goal == process::Goal::target) return several ? std::nullopt : std::optional(utility.target);
  double best = -std::numeric_limits<double>::infinity();
  if (several) {
    best = situation.reference(objective);
  } else {
    for (const double value : trials.data.Y.col(utility.response)) {
      if (!std::isnan(value)) best = std::max(best, utility.of(value));
    }
  }
  return utility.goal == process::Goal::maximize ? best : -best;
}

/// The trials with the chosen objectives learned around their borders.
ArrayTrials mapped(const ArrayTrials& trials, const std::vector<std::optional<double>>& borders,
                   const Eigen::VectorXd& reference) {
  ArrayTrials out = trials;
  if (trials.objectives.size() > 1) out.reference = reference;
  for (std::size_t o = 0; o < borders.size(); ++o) {
    if (borders[o]) learn_around(*borders[o], static_cast<Eigen::Index>(o), out);
  }
  return out;
}

/// The reference of a situation as values of the responses; of a target the worse one above it.
Eigen::VectorXd reference_values(const ArraySituation& situation, const ArrayTrials& trials) {
  Eigen::VectorXd out = situation.reference;
  for (Eigen::Index o = 0; o < out.size(); ++o) {
    const Utility& utility = trials.objectives[static_cast<std::size_t>(o)];
    if (utility.goal == process::Goal::minimize) out(o) = -out(o);
    if (utility.goal == process::Goal::target) out(o) = utility.target - out(o);
  }
  return out;
}

double log_likelihood(const GaussianProcess& fitted, const ArrayTrials& trials, const ArrayProblem& problem,
                      Eigen::Index response) {
  return fitted.reports()[static_cast<std::size_t>(response)].log_likelihood + trials.log_jacobian(problem, response);
}

}  // namespace

std::shared_ptr<const surrogate::Surrogate> fit_trials(const ArrayProblem& problem, ArrayTrials& trials,
                                                       const surrogate::SurrogateFactory& factory, core::RandomKey key,
                                                       const core::CallControl& control) {
  const std::shared_ptr<const surrogate::Surrogate> plain = factory(trials.data, key, control);
  const auto process = std::dynamic_pointer_cast<const GaussianProcess>(plain);
  if (process == nullptr || trials.data.n() > most_runs_fitted_twice) return plain;
  const ArraySituation situation = array_situation(problem, trials, plain);
  if (situation.noisy()) return plain;
  std::vector<std::optional<double>> borders;
  for (Eigen::Index o = 0; o < std::ssize(trials.objectives); ++o) {
    borders.push_back(border_of(situation, trials, o));
  }
  const Eigen::VectorXd reference = reference_values(situation, trials);
  ArrayTrials other = mapped(trials, borders, reference);
  std::shared_ptr<const surrogate::Surrogate> fitted = factory(other.data, key, control);
  const auto* again = dynamic_cast<const GaussianProcess*>(fitted.get());
  if (again == nullptr) return plain;
  bool all = true;
  bool any = false;
  for (std::size_t o = 0; o < borders.size(); ++o) {
    const Eigen::Index response = trials.objectives[o].response;
    if (!borders[o]) continue;
    if (!(log_likelihood(*again, other, problem, response) > log_likelihood(*process, trials, problem, response))) {
      borders[o].reset();
    }
    all = all && borders[o].has_value();
    any = any || borders[o].has_value();
  }
  if (!any) return plain;
  if (!all) {
    other = mapped(trials, borders, reference);
    fitted = factory(other.data, key, control);
  }
  trials = std::move(other);
  return fitted;
}

}  // namespace luban::recommend::detail
