#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include <Eigen/Eigenvalues>

#include <luban/core/error.hpp>
#include <luban/parallel/arena.hpp>
#include <luban/surrogate/detail/fit_response.hpp>
#include <luban/surrogate/detail/quasi_newton.hpp>

namespace luban::surrogate::detail {

namespace {

// Climbs begin on a part of the runs and go on, from the best tops, on growing parts: what a step costs grows with the
// cube of the points, and where the tops are shows long before.
constexpr double smallest_part = 30.0;    // points, or three a hyperparameter
constexpr double growth = 3.5;            // at most, from one part to the next
constexpr double on_part = 1.0;           // nats that a step must promise on a part; the whole decides the rest
constexpr double on_whole = 1e-3;         // nats
constexpr double on_more = 2.0;           // nats: a top this much lower on a part may be the highest on more points
constexpr double in_doubt = 0.5;          // nats: a top that promises to end this much lower may not
constexpr std::size_t fewest_rivals = 2;  // that are gone on from, with few starts
constexpr double apart = 0.7;             // largest difference of a hyperparameter between two tops
constexpr double much_noise = 0.2;        // share of the response's variance
constexpr Eigen::Index most_remembered = 2048;      // points: the tops of many would take gigabytes
constexpr Eigen::Index from_scratch_at_most = 150;  // points up to which a second start climbs on everything too

// Where a climb begins: a point and, perhaps, the curvature that is to be expected and what an evaluation left there.
struct Start {
  Eigen::VectorXd theta;
  Eigen::MatrixXd curvature;
  LogPosterior::Workspace work = {};
};

// Where a climb ended.
struct Top {
  QuasiNewtonResult found;
  LogPosterior::Workspace work;  // what the last evaluation left there; nothing of many points
  // Where it would have ended, had it not ended early, as far as its last step tells.
  [[nodiscard]] double promised() const { return found.value - found.promise; }
};

Top climb(const LogPosterior& target, Start start, int max_iterations, double tolerance,
          const core::CallControl& control) {
  Top out{{}, std::move(start.work)};
  const Differentiable negative{
      .value = [&](const Eigen::VectorXd& theta) { return -target.value(theta, out.work).log_posterior; },
      .gradient = [&](const Eigen::VectorXd& theta) -> Eigen::VectorXd { return -target.gradient(theta, out.work); }};
  out.found =
      minimise(negative, std::move(start.theta), target.low(), target.high(),
               {.max_iterations = max_iterations, .value_tolerance = tolerance}, std::move(start.curvature), control);
  out.work.covariance.factors.clear();  // large, and made anew by another evaluation
  if (target.data().u() > most_remembered) out.work = {};
  return out;
}

// What the priors bend by at theta, never quite nothing.
Eigen::VectorXd prior_curvature(const LogPosterior& target, const Eigen::VectorXd& theta) {
  Eigen::VectorXd out(theta.size());
  for (Eigen::Index k = 0; k < theta.size(); ++k) {
    out(k) = std::max(target.hyperparameters()[static_cast<std::size_t>(k)].spec.prior.curvature(theta(k)), 1e-3);
  }
  return out;
}

// What a warm start's curvature, of the data and the priors there, becomes on the target's data.
Eigen::MatrixXd expected_at(const LogPosterior& target, const Eigen::VectorXd& theta, const Curvature& seen) {
  if (seen.hessian.rows() != theta.size()) return {};
  const Eigen::VectorXd prior = prior_curvature(target, theta);
  const double share = static_cast<double>(target.data().u()) / static_cast<double>(seen.points);
  Eigen::MatrixXd data = seen.hessian;
  data.diagonal() -= prior;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(data);
  const Eigen::VectorXd values = share * solver.eigenvalues().cwiseMax(0.0);
  Eigen::MatrixXd out = solver.eigenvectors() * values.asDiagonal() * solver.eigenvectors().transpose();
  out.diagonal() += prior;
  return out;
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

// The priors' centre with much noise: what a smooth course and noise explain, a rough course and none often explain
// nearly as well, and a climb sees the basin alone that it began in.
Eigen::VectorXd noisy_start(const LogPosterior& target) {
  Eigen::VectorXd theta = target.start();
  for (Eigen::Index i = 0; i < theta.size(); ++i) {
    const bool noise = target.hyperparameters()[static_cast<std::size_t>(i)].name == "log_variance:between_runs";
    if (noise) theta(i) = std::max(theta(i), std::log(much_noise));
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
  Search(const GaussianProcessOptions& options, const core::CallControl& control)
      : options_(options), control_(control) {}

  // Starts in parallel on one target: what can be used, best first, ties to the earlier start.
  std::vector<Top> climbed(const LogPosterior& on, std::vector<Start> starts, double tolerance) {
    std::vector<Top> tops(starts.size());
    parallel::for_each_index(
        starts.size(),
        [&](std::size_t k) { tops[k] = climb(on, std::move(starts[k]), options_.max_iterations, tolerance, control_); },
        options_.threads, control_);
    for (const Top& top : tops) {
      evaluations += top.found.evaluations;
      converged += top.found.converged && std::isfinite(top.found.value) ? 1 : 0;
    }
    std::erase_if(tops, [](const Top& top) { return !std::isfinite(top.found.value); });
    std::stable_sort(tops.begin(), tops.end(), [](const Top& a, const Top& b) { return a.promised() < b.promised(); });
    return tops;
  }

  int evaluations = 0;
  int converged = 0;

 private:
  const GaussianProcessOptions& options_;
  const core::CallControl& control_;
};

// Points of the parts that climbs pass on their way to everything, ascending; none for little data.
std::vector<Eigen::Index> parts_of(const LogPosterior& target) {
  const auto all = static_cast<double>(target.data().u());
  const double first = std::max(smallest_part, 3.0 * static_cast<double>(target.hyperparameters().size()));
  std::vector<Eigen::Index> out;
  if (all < 1.25 * first) return out;
  const auto count = static_cast<int>(std::ceil(std::log(all / first) / std::log(growth)));
  for (int i = 0; i < count; ++i) {
    out.push_back(static_cast<Eigen::Index>(first * std::pow(all / first, static_cast<double>(i) / count)));
  }
  return out;
}

// The best of climbs, by what they promise, that stand apart from each other; those that lose more than `lost` left
// out.
std::vector<Top> rivals(std::vector<Top> tops, std::size_t most, double lost) {
  std::vector<Top> out;
  for (Top& one : tops) {
    if (!out.empty() && (one.promised() > out.front().promised() + lost || out.size() == most)) break;
    const bool known = std::any_of(out.begin(), out.end(), [&](const Top& other) {
      return (other.found.x - one.found.x).cwiseAbs().maxCoeff() < apart;
    });
    if (!known) out.push_back(std::move(one));
  }
  return out;
}

// Tops of a part as starts on `next` points.
std::vector<Start> starts_from(const LogPosterior& part, std::vector<Top> tops, double next, int threads,
                               const core::CallControl& control) {
  std::vector<Start> out(tops.size());
  const double share = next / static_cast<double>(part.data().u());
  parallel::for_each_index(
      tops.size(),
      [&](std::size_t k) {
        Eigen::VectorXd& theta = tops[k].found.x;
        // What a climb has seen of the curvature on its few steps there is little.
        Eigen::MatrixXd curvature = share * part.information(theta, tops[k].work);
        curvature.diagonal() += prior_curvature(part, theta);
        out[k] = {std::move(theta), std::move(curvature)};
      },
      threads, control);
  return out;
}

}  // namespace

Optimum maximise(const LogPosterior& target, const ModelSpec& model, const GaussianProcessOptions& options,
                 const Eigen::VectorXd& warm_start, core::RandomKey key, const core::CallControl& control,
                 const Curvature& warm_curvature) {
  require_warm_start(target, warm_start);
  std::vector<Start> starts;
  const int scattered_starts = options.starts - (warm_start.size() > 0 ? 1 : 0);
  for (int k = 0; k < scattered_starts; ++k) {
    starts.push_back({scattered(target, static_cast<std::uint64_t>(k), key), {}});
  }
  Search search(options, control);
  const std::size_t most = std::max(fewest_rivals, static_cast<std::size_t>(options.starts));
  const std::vector<std::size_t> order = shuffled_runs(target.data().runs.size(), key);
  // Repeats tell noise from what is learned; without them a second start takes much for noise.
  const Start second{target.one_level() ? noisy_start(target) : scattered(target, 0, key), {}};
  const std::vector<Eigen::Index> parts = starts.empty() ? std::vector<Eigen::Index>() : parts_of(target);
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const LogPosterior part(model, target.shared_covariance(), first_runs(target.data(), order, parts[k]));
    if (!same_structure(part, target)) continue;
    std::vector<Top> tops = rivals(search.climbed(part, starts, on_part), most, on_more);
    if (tops.empty()) continue;
    const bool last = k + 1 == parts.size();
    const auto next = static_cast<double>(last ? target.data().u() : parts[k + 1]);
    starts = starts_from(part, std::move(tops), next, options.threads, control);
    // A part may hide the highest top; the second start looks for it again wherever that is cheap.
    if (!last || target.data().u() <= from_scratch_at_most) starts.push_back(second);
  }
  if (warm_start.size() > 0) {
    starts.insert(starts.begin(), {warm_start, expected_at(target, warm_start, warm_curvature)});
  }
  // Near enough to tell which tops may be the highest; these to their ends.
  const bool several = starts.size() > 1;
  const std::size_t tried = starts.size();
  std::vector<Top> tops = search.climbed(target, std::move(starts), several ? on_part : on_whole);
  if (tops.empty()) {
    throw core::NumericalError({.where = "surrogate.GaussianProcess.fit",
                                .expected = "a positive definite covariance at one start at least",
                                .received = "none in " + std::to_string(tried) + " starts",
                                .place = {},
                                .hint = "look for extreme values in the inputs, or use another preset"});
  }
  if (several) {
    starts.clear();
    for (Top& one : rivals(std::move(tops), most, in_doubt)) {
      starts.push_back({std::move(one.found.x), std::move(one.found.curvature), std::move(one.work)});
    }
    search.converged = 0;
    tops = search.climbed(target, std::move(starts), on_whole);
  }
  Top& highest = tops.front();
  Optimum out;
  out.theta = std::move(highest.found.x);
  out.curvature = std::move(highest.found.curvature);
  out.log_posterior = -highest.found.value;
  out.log_likelihood = target.value(out.theta, highest.work).log_likelihood;
  out.work = std::move(highest.work);
  out.evaluations = search.evaluations;
  out.converged = search.converged;
  return out;
}

}  // namespace luban::surrogate::detail
