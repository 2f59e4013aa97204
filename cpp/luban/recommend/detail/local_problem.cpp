#include <luban/recommend/detail/local_problem.hpp>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include <luban/core/error.hpp>
#include <luban/recommend/detail/lengthscales.hpp>

namespace luban::recommend::detail {
namespace {

constexpr Eigen::Index many_columns = 20;
constexpr Eigen::Index many_runs = 1000;

Eigen::Index design_of(const ArrayProblem& problem) {
  return 2 * problem.X.cols();
}

/// What the bounds are broken by, each in the spread of its response over the runs; NaN where one is missing.
Eigen::VectorXd violations(const ArrayProblem& problem) {
  if (problem.bounds.empty()) return {};
  Eigen::VectorXd out = Eigen::VectorXd::Zero(problem.Y.rows());
  for (const OutcomeBound& bound : problem.bounds) {
    if (!std::isfinite(bound.lower) && !std::isfinite(bound.upper)) continue;
    const Eigen::VectorXd y = problem.Y.col(bound.response);
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (const double value : y) {
      if (std::isnan(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
    const double unit = high > low ? high - low : 1.0;
    for (Eigen::Index i = 0; i < y.size(); ++i) {
      out(i) += std::isnan(y(i)) ? y(i) : std::max({0.0, bound.lower - y(i), y(i) - bound.upper}) / unit;
    }
  }
  return out;
}

/// Leaves the values between low and high and the next one on either side of `here`.
void narrow_grid(double here, double low, double high, Grid& grid) {
  double below = -std::numeric_limits<double>::infinity();
  double above = -below;
  for (const double value : grid.values) {
    if (value < here) below = std::max(below, value);
    if (value > here) above = std::min(above, value);
  }
  if (std::isfinite(below)) low = std::min(low, below);
  if (std::isfinite(above)) high = std::max(high, above);
  std::erase_if(grid.values, [&](double value) { return value < low || value > high; });
}

}  // namespace

bool wants_trust_region(const ArrayProblem& problem, const ProposeOptions& options) {
  const bool single = problem.objectives.size() == 1;
  if (options.trust_regions == TrustRegions::never) return false;
  if (options.trust_regions == TrustRegions::automatic) {
    return single && !options.fitted && (problem.X.cols() > many_columns || problem.X.rows() > many_runs);
  }
  if (single && !options.fitted) return true;
  throw core::ConfigurationError(
      {.where = "recommend.propose",
       .expected = "one objective and a surrogate that is fitted here, for a trust region",
       .received = single ? "a fitted surrogate" : std::to_string(problem.objectives.size()) + " objectives",
       .place = {},
       .hint = "leave trust_region at None, which uses one where that is possible"});
}

TrustRegion trust_region_of(const ArrayProblem& problem, Eigen::Index q) {
  const Utility& wanted = problem.objectives.front();
  Eigen::VectorXd utility = problem.Y.col(wanted.response);
  for (double& value : utility) {
    if (!std::isnan(value)) value = wanted.of(value);
  }
  return trust_region(utility, violations(problem), problem.X.cols(), q, design_of(problem));
}

TrustRegion judged_trust_region(const ArrayProblem& problem, const ArrayTrials& trials,
                                const surrogate::Surrogate& judged, const TrustRegion& measured, Eigen::Index q) {
  const Eigen::Index rows = problem.X.rows() - measured.first;
  const Eigen::MatrixXd believed = judged.mean(trials.data.X.bottomRows(rows));
  const Utility& wanted = trials.objectives.front();
  ArrayProblem expected = problem;
  expected.Y = problem.Y.bottomRows(rows);
  Eigen::VectorXd utility = expected.Y.col(problem.objectives.front().response);
  for (Eigen::Index i = 0; i < rows; ++i) {  // runs without a result stay without
    if (!std::isnan(utility(i))) utility(i) = wanted.of(believed(i, wanted.response));
    for (Eigen::Index j = 0; j < expected.Y.cols(); ++j) {
      if (!std::isnan(expected.Y(i, j))) expected.Y(i, j) = believed(i, j);
    }
  }
  TrustRegion out = trust_region(utility, violations(expected), problem.X.cols(), q, design_of(problem));
  out.first += measured.first;
  if (out.centre >= 0) out.centre += measured.first;
  out.starts += measured.starts - 1;
  return out;
}

ArrayProblem since_start(const ArrayProblem& problem, const TrustRegion& region) {
  ArrayProblem out = problem;
  if (region.first >= problem.X.rows()) return out;  // none yet: the earlier runs say what is expected of a design
  out.X = problem.X.bottomRows(problem.X.rows() - region.first);
  out.Y = problem.Y.bottomRows(problem.Y.rows() - region.first);
  for (Eigen::Index j = 0; j < out.Y.cols(); ++j) {  // a response must have a value
    if (out.Y.col(j).array().isNaN().all()) return problem;
  }
  return out;
}

Eigen::VectorXd centre_of(const ArrayProblem& problem, const ArrayTrials& trials, const TrustRegion& region) {
  const Eigen::VectorXd best = problem.X.row(region.centre).transpose();
  if (problem.space.signomials.empty()) return best;
  const SearchRegion all = SearchRegion::make(trials.data.encoder, problem.space, {}, problem.grids);
  Eigen::VectorXd x = best;
  for (Eigen::Index j = 0; j < x.size(); ++j) {
    if (all.encoder().variables()[static_cast<std::size_t>(j)].is_numeric()) {
      x(j) = all.encoder().encode_value(j, x(j));
    }
    x(j) = std::clamp(x(j), all.low(j), all.high(j));
  }
  if (!all.settle(x)) x = all.sample(1, core::RandomKey(0).child("centre")).row(0).transpose();
  return decoded(problem, x);
}

void narrow(double length, const Eigen::VectorXd& centre, const surrogate::Surrogate& fitted, ArrayProblem& problem) {
  const Eigen::VectorXd widths = trust_region_widths(length, lengthscales(fitted, problem.objectives.front().response));
  process::SearchSpace space = problem.space;
  for (std::size_t j = 0; j < space.parameters.size(); ++j) {
    process::Parameter& parameter = space.parameters[j];
    if (!parameter.is_numeric() || parameter.high <= parameter.low) continue;
    const auto column = static_cast<Eigen::Index>(j);
    const double here = std::clamp(centre(column), parameter.low, parameter.high);
    const double half = 0.5 * widths(column) * (parameter.high - parameter.low);
    double low = std::max(parameter.low, here - half);
    double high = std::min(parameter.high, here + half);
    if (parameter.kind == process::VariableKind::integer) {
      low = std::max(parameter.low, std::min(low, std::ceil(here) - 1.0));
      high = std::min(parameter.high, std::max(high, std::floor(here) + 1.0));
    }
    for (Grid& grid : problem.grids) {
      if (grid.parameter == parameter.name) narrow_grid(here, low, high, grid);
    }
    parameter.low = low;
    parameter.high = high;
  }
  problem.within = std::move(space);
}

Eigen::MatrixXd design_points(const ArrayProblem& problem, const ArrayTrials& trials, const TrustRegion& region,
                              Eigen::Index q) {
  const Eigen::Index used = problem.X.rows() - region.first + problem.pending.rows();
  const SearchRegion all = SearchRegion::make(trials.data.encoder, problem.space, {}, problem.grids);
  const Eigen::Index enough = std::max(design_of(problem) + 200, used + q);
  const core::RandomKey key(static_cast<std::uint64_t>(region.starts));
  return all.sample(enough, key.child("trust region")).middleRows(used, q);
}

}  // namespace luban::recommend::detail
