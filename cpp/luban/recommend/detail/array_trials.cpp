#include <luban/recommend/detail/array_trials.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>

namespace luban::recommend {
namespace {

using features::EncodedVariable;

constexpr double largest = 1e150;  ///< of a value: its square must still be a number

[[noreturn]] void refuse(const std::string& expected, const std::string& received, const std::string& place = {},
                         const std::string& hint = {}) {
  throw core::DataError(
      {.where = "recommend.propose", .expected = expected, .received = received, .place = place, .hint = hint});
}

[[noreturn]] void refuse_option(const std::string& expected, const std::string& received, const std::string& place = {},
                                const std::string& hint = {}) {
  throw core::ConfigurationError(
      {.where = "recommend.propose", .expected = expected, .received = received, .place = place, .hint = hint});
}

std::string shape(Eigen::Index rows, Eigen::Index columns) {
  return "(" + std::to_string(rows) + ", " + std::to_string(columns) + ")";
}

void check_responses(const ArrayProblem& problem) {
  const Eigen::MatrixXd& Y = problem.Y;
  if (Y.rows() != problem.X.rows() || Y.cols() == 0) {
    refuse("as many values in Y as rows in X, (" + std::to_string(problem.X.rows()) + ", m)",
           shape(Y.rows(), Y.cols()));
  }
  for (Eigen::Index j = 0; j < Y.cols(); ++j) {
    const auto column = Y.col(j).array();
    const std::string place = "response " + std::to_string(j + 1) + " of Y";
    if (column.isInf().any()) refuse("finite numbers, or NaN for a missing value", "infinity", place);
    if ((column.abs() > largest).any()) {
      refuse("numbers of at most 1e150 in size", "a larger one", place, "take another unit");
    }
    if (column.isNaN().all()) {
      refuse("at least one value", "NaN throughout", place, "give runs without a result as pending");
    }
  }
}

void check_cost(const ArrayProblem& problem) {
  if (!problem.cost) return;
  const Eigen::Index cost = *problem.cost;
  const Eigen::Index m = problem.Y.cols();
  if (cost < 0 || cost >= m) refuse_option("a cost among " + std::to_string(m) + " responses", std::to_string(cost));
  const bool wished = std::any_of(problem.objectives.begin(), problem.objectives.end(),
                                  [&](const Utility& one) { return one.response == cost; });
  const bool bounded = std::any_of(problem.bounds.begin(), problem.bounds.end(), [&](const OutcomeBound& one) {
    return one.response == cost && (std::isfinite(one.lower) || std::isfinite(one.upper));
  });
  if (wished || bounded) {
    refuse_option("a cost that is no objective and has no bound",
                  "response " + std::to_string(cost + 1) + " as one of these");
  }
  for (const double value : problem.Y.col(cost)) {
    if (value <= 0.0) {
      refuse("costs above 0", core::number_text(value), "response " + std::to_string(cost + 1) + " of Y");
    }
  }
}

void check_wishes(const ArrayProblem& problem) {
  const Eigen::Index m = problem.Y.cols();
  if (problem.objectives.empty()) refuse_option("at least one objective", "none");
  std::vector<bool> named(static_cast<std::size_t>(m), false);
  for (const Utility& utility : problem.objectives) {
    if (utility.response < 0 || utility.response >= m) {
      refuse_option("objectives among " + std::to_string(m) + " responses", std::to_string(utility.response));
    }
    if (named[static_cast<std::size_t>(utility.response)]) {
      refuse_option("each response as one objective", "response " + std::to_string(utility.response + 1) + " twice");
    }
    named[static_cast<std::size_t>(utility.response)] = true;
    if (utility.goal == process::Goal::target && !std::isfinite(utility.target)) {
      refuse_option("a finite target", core::number_text(utility.target));
    }
  }
  for (const OutcomeBound& bound : problem.bounds) {
    if (bound.response < 0 || bound.response >= m) {
      refuse_option("bounds on " + std::to_string(m) + " responses", std::to_string(bound.response));
    }
    if (!(bound.lower < bound.upper)) {
      refuse_option("a lower bound below the upper one",
                    core::number_text(bound.lower) + " and " + core::number_text(bound.upper));
    }
  }
  const Eigen::Index k = problem.reference.size();
  if (k != 0 && (k != std::ssize(problem.objectives) || !problem.reference.allFinite())) {
    refuse("a finite reference value for each of " + std::to_string(problem.objectives.size()) + " objectives",
           std::to_string(k) + " values, or one that is not finite");
  }
}

/// Those above 0: what is held exactly changes nothing.
std::vector<process::Tolerance> tolerances_of(const ArrayProblem& problem) {
  std::vector<std::string> numeric;
  for (const process::Parameter& parameter : problem.space.parameters) {
    if (parameter.is_numeric()) numeric.push_back(parameter.name);
  }
  std::vector<process::Tolerance> out;
  std::set<std::string> seen;
  for (const process::Tolerance& tolerance : problem.tolerances) {
    const std::string place = "tolerance of column " + tolerance.parameter;
    if (std::find(numeric.begin(), numeric.end(), tolerance.parameter) == numeric.end()) {
      refuse_option("tolerances of numeric columns", core::quoted(tolerance.parameter), {},
                    core::nearest_hint(tolerance.parameter, numeric));
    }
    if (!std::isfinite(tolerance.sd) || tolerance.sd < 0.0) {
      refuse_option("a finite standard deviation of at least 0", core::number_text(tolerance.sd), place);
    }
    if (!seen.insert(tolerance.parameter).second) refuse_option("one tolerance for a column", "two", place);
    if (tolerance.sd > 0.0) out.push_back(tolerance);
  }
  return out;
}

/// Objectives as they are judged: those that ask for a risk by its column behind the responses.
void take_risks(const ArrayProblem& problem, detail::ArrayTrials& trials) {
  const std::size_t k = problem.objectives.size();
  if (!problem.risks.empty() && problem.risks.size() != k) {
    refuse_option("a risk measure, or none, for each of " + std::to_string(k) + " objectives",
                  std::to_string(problem.risks.size()));
  }
  for (std::size_t j = 0; j < problem.risks.size(); ++j) {
    if (!problem.risks[j]) continue;
    Utility& utility = trials.objectives[j];
    const std::string place = "objective on response " + std::to_string(utility.response + 1) + " of Y";
    problem.risks[j]->validate("recommend.propose", place);
    if (problem.tolerances.empty()) {
      refuse_option("tolerances for the `risk` of an objective", "none", place,
                    "state with `tolerances` what the machine does not hold, or leave `risk` out");
    }
    if (trials.tolerances.empty()) continue;  // all is held: the worst is what is expected
    trials.risks.push_back({utility.response, *problem.risks[j], utility.goal, utility.target});
    utility = detail::risk_utility(trials.risks.back(), trials.data.m() + std::ssize(trials.risks) - 1);
  }
}

/// The range that a column is coded by: of a grid its ends.
EncodedVariable encoded(const process::Parameter& parameter, const std::vector<Grid>& grids) {
  EncodedVariable variable;
  variable.name = parameter.name;
  variable.unit = parameter.unit;
  variable.kind = parameter.kind;
  variable.categories = parameter.categories;
  if (!parameter.is_numeric()) {
    variable.high = static_cast<double>(parameter.categories.size()) - 1.0;
    return variable;
  }
  variable.low = parameter.low;
  variable.high = parameter.high;
  for (const Grid& grid : grids) {
    if (grid.parameter != parameter.name || grid.values.empty()) continue;
    const auto [low, high] = std::minmax_element(grid.values.begin(), grid.values.end());
    variable.low = *low;
    variable.high = *high;
  }
  if (!std::isfinite(variable.low) || !std::isfinite(variable.high) || !(variable.low <= variable.high)) {
    refuse("finite bounds, low not above high",
           "[" + core::number_text(variable.low) + ", " + core::number_text(variable.high) + "]",
           "column " + parameter.name);
  }
  return variable;
}

Eigen::MatrixXd encode(const features::Encoder& encoder, const Eigen::MatrixXd& X, const std::string& name) {
  if (X.cols() != encoder.p())
    refuse(name + " of shape (n, " + std::to_string(encoder.p()) + ")", shape(X.rows(), X.cols()));
  Eigen::MatrixXd out(X.rows(), X.cols());
  for (Eigen::Index j = 0; j < X.cols(); ++j) {
    const EncodedVariable& variable = encoder.variables()[static_cast<std::size_t>(j)];
    const double width = variable.high > variable.low ? variable.high - variable.low : 1.0;
    for (Eigen::Index i = 0; i < X.rows(); ++i) {
      const double x = X(i, j);
      const bool fits = variable.is_numeric() ? std::isfinite(x) : x >= 0.0 && x <= variable.high && x == std::floor(x);
      if (!fits) {
        refuse(variable.is_numeric() ? "finite numbers"
                                     : "the place of a category, 0 to " + core::number_text(variable.high),
               core::number_text(x), name + ", row " + std::to_string(i) + ", column " + variable.name);
      }
      out(i, j) = variable.is_numeric() ? (x - variable.low) / width : x;
    }
  }
  return out;
}

features::Encoder encoder_of(const ArrayProblem& problem) {
  if (problem.X.rows() == 0 || problem.X.cols() == 0) {
    refuse("X of shape (n, d), neither 0", shape(problem.X.rows(), problem.X.cols()));
  }
  if (problem.X.cols() != std::ssize(problem.space.parameters)) {
    refuse("a column of X for each of " + std::to_string(problem.space.parameters.size()) + " parameters",
           shape(problem.X.rows(), problem.X.cols()));
  }
  std::vector<EncodedVariable> variables;
  for (const process::Parameter& parameter : problem.space.parameters) {
    variables.push_back(encoded(parameter, problem.grids));
  }
  return features::Encoder(std::move(variables));
}

}  // namespace

ArrayProblem box_problem(const Eigen::MatrixXd& bounds) {
  if (bounds.rows() != 2) refuse("bounds of shape (2, d)", shape(bounds.rows(), bounds.cols()));
  if (!bounds.allFinite() || !(bounds.row(0).array() <= bounds.row(1).array()).all()) {
    refuse("finite bounds, low not above high", "others");
  }
  ArrayProblem problem;
  for (Eigen::Index j = 0; j < bounds.cols(); ++j) {
    process::Parameter parameter;
    parameter.name = "x" + std::to_string(j + 1);
    parameter.low = bounds(0, j);
    parameter.high = bounds(1, j);
    problem.space.parameters.push_back(std::move(parameter));
  }
  problem.objectives = {Utility{}};
  return problem;
}

features::Dataset array_dataset(const ArrayProblem& problem) {
  features::Dataset data;
  data.encoder = encoder_of(problem);
  check_responses(problem);
  data.X = encode(data.encoder, problem.X, "X");
  data.Y = problem.Y;
  for (Eigen::Index j = 0; j < data.m(); ++j) data.responses.push_back({"y" + std::to_string(j + 1), ""});
  for (Eigen::Index i = 0; i < data.n(); ++i) {
    const auto run = static_cast<std::int32_t>(i);
    data.run.push_back(run);
    data.run_ids.push_back(std::to_string(i));
    data.group.push_back(run);
    data.group_labels.push_back(std::to_string(i));
    data.run_time.push_back(std::numeric_limits<std::int64_t>::min());
    data.source_row.push_back(i);
    data.repeat.push_back(0);
  }
  return data;
}

namespace detail {

ArrayTrials array_trials(const ArrayProblem& problem) {
  ArrayTrials out;
  out.data = array_dataset(problem);
  check_wishes(problem);
  check_cost(problem);
  out.pending = Eigen::MatrixXd(0, out.data.p());
  if (problem.pending.size() > 0) out.pending = encode(out.data.encoder, problem.pending, "pending");
  for (const OutcomeBound& bound : problem.bounds) {
    if (std::isfinite(bound.lower) || std::isfinite(bound.upper)) out.bounds.push_back(bound);
  }
  out.shift = Eigen::VectorXd::Zero(out.data.m());
  for (Eigen::Index j = 0; j < out.data.m(); ++j) {
    out.transforms.push_back(surrogate::fit_response_transform("none", out.data.Y.col(j)));
  }
  out.objectives = problem.objectives;
  out.tolerances = tolerances_of(problem);
  take_risks(problem, out);
  return out;
}

void learn_around(double border, Eigen::Index response, ArrayTrials& trials) {
  trials.shift(response) = border;
  auto column = trials.data.Y.col(response);
  column.array() -= border;
  auto& transform = trials.transforms[static_cast<std::size_t>(response)];
  transform = surrogate::fit_response_transform("bilog", column);
  for (double& value : column) value = transform->forward(value);
  for (OutcomeBound& bound : trials.bounds) {
    if (bound.response != response) continue;
    if (std::isfinite(bound.lower)) bound.lower = transform->forward(bound.lower - border);
    if (std::isfinite(bound.upper)) bound.upper = transform->forward(bound.upper - border);
  }
  for (Utility& utility : trials.objectives) {
    if (utility.response == response) utility.target = transform->forward(utility.target - border);
  }
}

std::optional<double> only_bound(const ArrayTrials& trials, Eigen::Index response) {
  std::optional<double> out;
  for (const OutcomeBound& bound : trials.bounds) {
    if (bound.response != response) continue;
    if (out || std::isfinite(bound.lower) == std::isfinite(bound.upper)) return std::nullopt;
    out = std::isfinite(bound.lower) ? bound.lower : bound.upper;
  }
  const bool wanted = std::any_of(trials.objectives.begin(), trials.objectives.end(),
                                  [&](const Utility& utility) { return utility.response == response; });
  return wanted ? std::nullopt : out;
}

std::shared_ptr<const surrogate::Surrogate> ArrayTrials::judged(
    const std::shared_ptr<const surrogate::Surrogate>& fitted, const RiskSampling& sampling) const {
  return over_tolerances(fitted, tolerances, {}, risks, sampling);
}

ArrayTrials::Moments ArrayTrials::moments(const std::shared_ptr<const surrogate::Surrogate>& fitted,
                                          const Eigen::MatrixXd& X) const {
  const surrogate::PosteriorRequest plain{.gradients = false, .joint = false, .reading = false};
  const Eigen::MatrixXd unknown =
      Eigen::MatrixXd::Constant(X.rows(), data.m(), std::numeric_limits<double>::quiet_NaN());
  if (tolerances.empty()) {
    const auto posterior = surrogate::TransformedSurrogate(fitted, transforms, fitted->responses()).posterior(X, plain);
    Moments out{posterior->mean(), posterior->variance(surrogate::VarianceOf::latent).cwiseSqrt(), unknown, unknown};
    out.mean.rowwise() += shift.transpose();
    return out;
  }
  const auto posterior = judged(fitted, stating)->posterior(X, plain);
  const Eigen::MatrixXd mean = posterior->mean();
  const Eigen::MatrixXd sd = posterior->variance(surrogate::VarianceOf::latent).cwiseSqrt();
  Moments out{mean.leftCols(data.m()), sd.leftCols(data.m()), unknown, unknown};
  for (std::size_t k = 0; k < risks.size(); ++k) {
    const Eigen::Index at = data.m() + static_cast<Eigen::Index>(k);
    out.risk.col(risks[k].response) = mean.col(at);
    out.risk_sd.col(risks[k].response) = sd.col(at);
  }
  return out;
}

double ArrayTrials::log_jacobian(const ArrayProblem& problem, Eigen::Index response) const {
  double out = 0.0;
  for (const double value : problem.Y.col(response)) {
    if (!std::isnan(value))
      out += transforms[static_cast<std::size_t>(response)]->log_jacobian(value - shift(response));
  }
  return out;
}

Eigen::VectorXd decoded(const ArrayProblem& problem, const Eigen::VectorXd& x) {
  Eigen::VectorXd out = x;
  for (Eigen::Index j = 0; j < x.size(); ++j) {
    const process::Parameter& parameter = problem.space.parameters[static_cast<std::size_t>(j)];
    const EncodedVariable variable = encoded(parameter, problem.grids);
    if (!variable.is_numeric()) continue;
    const double value = std::clamp(variable.low + x(j) * (variable.high - variable.low), variable.low, variable.high);
    out(j) = parameter.kind == process::VariableKind::integer ? std::round(value) : value;
    for (const Grid& grid : problem.grids) {
      if (grid.parameter != parameter.name) continue;
      out(j) = *std::min_element(grid.values.begin(), grid.values.end(),
                                 [&](double a, double b) { return std::abs(a - value) < std::abs(b - value); });
    }
  }
  return out;
}

}  // namespace detail
}  // namespace luban::recommend
