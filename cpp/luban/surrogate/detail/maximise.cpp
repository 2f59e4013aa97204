#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include <luban/core/error.hpp>
#include <luban/parallel/arena.hpp>
#include <luban/surrogate/detail/fit_response.hpp>
#include <luban/surrogate/detail/lbfgs.hpp>

namespace luban::surrogate::detail {

namespace {

constexpr Eigen::Index whole_at_most = 150;  // points: up to here every start sees everything
constexpr Eigen::Index first_subset = 120;   // where the starts run beyond that
constexpr Eigen::Index second_subset = 400;  // a stop on the way for more than second_needed points
constexpr Eigen::Index second_needed = 700;

LbfgsResult climb(const LogPosterior& target, const Eigen::VectorXd& start, int max_iterations,
                  const core::CallControl& control) {
  LogPosterior::Workspace work;
  const auto negative = [&](const Eigen::VectorXd& theta, Eigen::VectorXd& gradient) {
    const double value = target.evaluate(theta, work, &gradient).log_posterior;
    gradient = -gradient;
    return -value;
  };
  return minimise(negative, start, target.low(), target.high(), {.max_iterations = max_iterations}, control);
}

// The k-th start: 0 = the priors' centres, further ones scattered around by at most e-fold (one standard deviation).
Eigen::VectorXd scattered(const LogPosterior& target, std::uint64_t k, core::RandomKey key) {
  Eigen::VectorXd theta = target.start();
  if (k == 0) return theta;
  core::Generator generator = key.child("start").child(k).generator();
  for (Eigen::Index i = 0; i < theta.size(); ++i) {
    const HyperparameterSpec& spec = target.hyperparameters()[static_cast<std::size_t>(i)].spec;
    const bool normal = spec.prior.kind == Prior::Kind::log_normal || spec.prior.kind == Prior::Kind::normal_log;
    const double draw = generator.normal();  // drawn for fixed ones too: a preset's change moves no other start
    if (!spec.fixed) theta(i) += draw * (normal ? std::min(spec.prior.b, 1.0) : 1.0);
  }
  return theta.cwiseMax(target.low()).cwiseMin(target.high());
}

std::vector<std::size_t> shuffled_runs(std::size_t count, core::RandomKey key) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  core::Generator generator = key.child("subset").generator();
  for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[generator.below(i)]);
  return order;
}

// A subset may show fewer levels of noise than the whole (say no run with repeats): then it cannot serve.
bool same_structure(const LogPosterior& a, const LogPosterior& b) {
  return a.hyperparameters().size() == b.hyperparameters().size();
}

void require_warm_start(const LogPosterior& target, const Eigen::VectorXd& warm_start) {
  const auto wanted = static_cast<Eigen::Index>(target.hyperparameters().size());
  if (warm_start.size() == 0 || (warm_start.size() == wanted && warm_start.allFinite())) return;
  throw core::ConfigurationError({.where = "surrogate.GaussianProcess.fit",
                                  .expected = "a warm start of " + std::to_string(wanted) + " finite hyperparameters",
                                  .received = std::to_string(warm_start.size()),
                                  .place = {},
                                  .hint = "pass hyperparameters of a fit with the same preset to data of the same "
                                          "structure, or none"});
}

class Search {
 public:
  Search(const LogPosterior& target, const GaussianProcessOptions& options, const core::CallControl& control)
      : target_(target), options_(options), control_(control) {}

  // Starts in parallel on one target; the best by value, ties to the earlier start.
  LbfgsResult best_of(const LogPosterior& on, const std::vector<Eigen::VectorXd>& starts) {
    std::vector<LbfgsResult> results(starts.size());
    parallel::for_each_index(
        starts.size(), [&](std::size_t k) { results[k] = climb(on, starts[k], options_.max_iterations, control_); },
        options_.threads, control_);
    for (const LbfgsResult& result : results) {
      evaluations += result.evaluations;
      converged += result.converged && std::isfinite(result.value) ? 1 : 0;
    }
    return *std::min_element(results.begin(), results.end(), [](const LbfgsResult& a, const LbfgsResult& b) {
      return (std::isfinite(a.value) ? a.value : std::numeric_limits<double>::max()) <
             (std::isfinite(b.value) ? b.value : std::numeric_limits<double>::max());
    });
  }

  int evaluations = 0;
  int converged = 0;

 private:
  const LogPosterior& target_;
  const GaussianProcessOptions& options_;
  const core::CallControl& control_;
};

}  // namespace

Optimum maximise(const LogPosterior& target, const ModelSpec& model, const GaussianProcessOptions& options,
                 const Eigen::VectorXd& warm_start, core::RandomKey key, const core::CallControl& control) {
  require_warm_start(target, warm_start);
  std::vector<Eigen::VectorXd> starts;
  std::vector<Eigen::VectorXd> on_everything;
  if (warm_start.size() > 0) on_everything.push_back(warm_start);
  for (int k = warm_start.size() > 0 ? 1 : 0; k < options.starts; ++k) {
    starts.push_back(scattered(target, static_cast<std::uint64_t>(warm_start.size() > 0 ? k - 1 : k), key));
  }
  Search search(target, options, control);
  const std::vector<std::size_t> order = shuffled_runs(target.data().runs.size(), key);
  for (const Eigen::Index size : {first_subset, second_subset}) {
    const Eigen::Index needed = size == first_subset ? whole_at_most : second_needed;
    if (starts.empty() || target.data().u() <= needed) continue;
    const LogPosterior subset(model, target.shared_covariance(), first_runs(target.data(), order, size));
    if (!same_structure(subset, target)) continue;
    const LbfgsResult best = search.best_of(subset, starts);
    if (std::isfinite(best.value)) starts = {best.x};
  }
  on_everything.insert(on_everything.end(), starts.begin(), starts.end());
  const int converged_before = search.converged;
  const LbfgsResult best = search.best_of(target, on_everything);
  if (!std::isfinite(best.value)) {
    throw core::NumericalError({.where = "surrogate.GaussianProcess.fit",
                                .expected = "a positive definite covariance at one start at least",
                                .received = "none in " + std::to_string(on_everything.size()) + " starts",
                                .place = {},
                                .hint = "look for extreme values in the inputs, or use another preset"});
  }
  Optimum out;
  out.theta = best.x;
  out.log_posterior = -best.value;
  out.evaluations = search.evaluations;
  out.converged = search.converged - converged_before;
  return out;
}

}  // namespace luban::surrogate::detail
