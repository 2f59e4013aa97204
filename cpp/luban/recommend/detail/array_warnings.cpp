#include <luban/recommend/detail/array_warnings.hpp>

#include <algorithm>
#include <cmath>

#include <luban/features/robust_weights.hpp>
#include <luban/recommend/detail/array_search.hpp>
#include <luban/recommend/detail/words.hpp>
#include <luban/surrogate/gaussian_process.hpp>

namespace luban::recommend::detail {
namespace {

/// Rows with a number that the column's range does not reach.
Eigen::Index rows_outside(const ArrayProblem& problem) {
  Eigen::Index out = 0;
  for (const auto& row : problem.X.rowwise()) {
    bool inside = true;
    for (std::size_t j = 0; j < problem.space.parameters.size(); ++j) {
      const process::Parameter& parameter = problem.space.parameters[j];
      const double value = row(static_cast<Eigen::Index>(j));
      inside = inside && (!parameter.is_numeric() || (value >= parameter.low && value <= parameter.high));
    }
    out += inside ? 0 : 1;
  }
  return out;
}

/// What its values do not tell; empty where they differ.
std::string unknown_spread(const Eigen::VectorXd& response) {
  std::vector<double> values;
  for (const double value : response) {
    if (!std::isnan(value)) values.push_back(value);
  }
  if (values.empty()) return {};
  if (values.size() == 1) return "was measured once: how much it varies is not known, and sd is a guess";
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  if (!features::varies(*low, *high)) return "never varies: nothing can be learned from it, and sd is a guess";
  return {};
}

/// Where a given surrogate has learned from another number of values than there are.
void add_stale(const ArrayProblem& problem, const surrogate::Surrogate& fitted, std::vector<std::string>& out) {
  const auto* process = dynamic_cast<const surrogate::GaussianProcess*>(&fitted);
  if (process == nullptr) return;
  for (Eigen::Index j = 0; j < problem.Y.cols(); ++j) {
    const Eigen::Index given = (!problem.Y.col(j).array().isNaN()).count();
    const surrogate::FitReport& report = process->reports()[static_cast<std::size_t>(j)];
    const Eigen::Index learned = report.readings + report.gross_errors;
    if (given == learned) continue;
    out.push_back("the surrogate has learned from " + std::to_string(learned) + " values of y" + std::to_string(j + 1) +
                  ", and there are " + std::to_string(given) + ": is it of these runs?");
  }
}

}  // namespace

std::vector<std::string> array_warnings(const ArrayProblem& problem, const surrogate::Surrogate& fitted,
                                        const ProposeOptions& options, Acquisition acquisition,
                                        bool feasibility_first) {
  std::vector<std::string> out;
  for (const std::string& name : fitted.degraded()) out.push_back(repaired_text(name));
  for (Eigen::Index j = 0; j < problem.Y.cols(); ++j) {
    const std::string words = unknown_spread(problem.Y.col(j));
    if (!words.empty()) out.push_back("y" + std::to_string(j + 1) + " " + words);
  }
  const Eigen::Index outside = rows_outside(problem);
  if (2 * outside > problem.X.rows()) {
    out.push_back(
        std::to_string(outside) + " of " + std::to_string(problem.X.rows()) +
        " rows of X lie outside the ranges of the columns: they are learned from, but look whether the ranges "
        "are meant so");
  }
  if (options.fitted) add_stale(problem, fitted, out);
  const std::string maximised = feasibility_first ? feasibility_name : name(acquisition);
  if (problem.reference.size() > 0 && (feasibility_first || !measures_hypervolume(acquisition))) {
    out.push_back("the reference is not used: " + maximised + " measures no hypervolume");
  }
  if (options.beta != ProposeOptions{}.beta && acquisition != Acquisition::upper_confidence_bound) {
    out.push_back("beta is not used: it is that of upper_confidence_bound, and " + maximised + " decides here");
  }
  if (feasibility_first) {
    out.emplace_back("nothing measured keeps every bound: the points are those most likely to keep them");
  }
  return out;
}

}  // namespace luban::recommend::detail
