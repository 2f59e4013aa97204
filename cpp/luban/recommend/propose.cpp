#include <luban/recommend/propose.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/recommend/detail/array_fit.hpp>
#include <luban/recommend/detail/array_search.hpp>
#include <luban/recommend/detail/array_trials.hpp>
#include <luban/recommend/detail/rows.hpp>
#include <luban/recommend/detail/situation.hpp>
#include <luban/surrogate/gaussian_process.hpp>

namespace luban::recommend {
namespace {

void check(const ProposeOptions& options, int q) {
  const auto refuse = [](const std::string& expected, const std::string& received) {
    throw core::ConfigurationError(
        {.where = "recommend.propose", .expected = expected, .received = received, .place = {}, .hint = {}});
  };
  if (q < 1 || q > 100) refuse("1 to 100 points", std::to_string(q));
  if (options.samples < 16 || options.samples > 65536) refuse("16 to 65536 samples", std::to_string(options.samples));
  if (!(options.beta >= 0.0 && options.beta <= 100.0)) refuse("beta of 0 to 100", core::number_text(options.beta));
}

std::vector<std::string> warnings_of(const ArrayProblem& problem, const surrogate::Surrogate& fitted,
                                     bool feasibility_first) {
  std::vector<std::string> out;
  if (const auto* process = dynamic_cast<const surrogate::GaussianProcess*>(&fitted)) {
    for (std::size_t j = 0; j < process->reports().size(); ++j) {
      if (!process->reports()[j].degraded) continue;
      out.push_back("the covariance of " + process->responses()[j].name +
                    " was nearly singular and had to be repaired: its predictions are coarse");
    }
  }
  for (Eigen::Index j = 0; j < problem.Y.cols(); ++j) {
    std::vector<double> values;
    for (const double value : problem.Y.col(j)) {
      if (!std::isnan(value)) values.push_back(value);
    }
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    if (values.size() > 1 && *low == *high) {
      out.push_back("y" + std::to_string(j + 1) + " never varies: nothing can be learned from it");
    }
  }
  if (feasibility_first) {
    out.emplace_back("nothing measured keeps every bound: the points are those most likely to keep them");
  }
  return out;
}

bool feasibility_counts(Acquisition acquisition) {
  return acquisition != Acquisition::upper_confidence_bound && acquisition != Acquisition::max_value_entropy &&
         acquisition != Acquisition::upper_confidence_bound_pure_exploration;
}

}  // namespace

const std::vector<AcquisitionName>& acquisition_names() {
  static const std::vector<AcquisitionName> names{
      {Acquisition::automatic, "automatic"},
      {Acquisition::log_expected_improvement, "log_expected_improvement"},
      {Acquisition::log_noisy_expected_improvement, "log_noisy_expected_improvement"},
      {Acquisition::upper_confidence_bound, "upper_confidence_bound"},
      {Acquisition::upper_confidence_bound_pure_exploration, "upper_confidence_bound_pure_exploration"},
      {Acquisition::max_value_entropy, "max_value_entropy"},
      {Acquisition::log_expected_hypervolume_improvement, "log_expected_hypervolume_improvement"},
      {Acquisition::log_noisy_expected_hypervolume_improvement, "log_noisy_expected_hypervolume_improvement"},
      {Acquisition::parego, "parego"},
  };
  return names;
}

std::string name(Acquisition acquisition) {
  for (const AcquisitionName& one : acquisition_names()) {
    if (one.acquisition == acquisition) return one.name;
  }
  return {};
}

Acquisition acquisition_named(const std::string& name) {
  std::vector<std::string> known;
  for (const AcquisitionName& one : acquisition_names()) {
    if (name == one.name) return one.acquisition;
    known.emplace_back(one.name);
  }
  throw core::ConfigurationError({.where = "recommend.propose",
                                  .expected = "an acquisition among " + core::listed(known),
                                  .received = core::quoted(name),
                                  .place = {},
                                  .hint = core::nearest_hint(name, known)});
}

Proposed propose(const ArrayProblem& problem, int q, const surrogate::SurrogateFactory& factory,
                 const ProposeOptions& options, core::RandomKey key, const core::CallControl& control) {
  check(options, q);
  detail::ArrayTrials trials = detail::array_trials(problem);
  // Before the fit, so that contradictions are answered at once.
  static_cast<void>(SearchRegion::make(trials.data.encoder, problem.space, {}, problem.grids));
  control.report({"fit", 0, q + 1});
  const std::shared_ptr<const surrogate::Surrogate> fitted =
      detail::fit_trials(problem, trials, factory, key.child("fit"), control);
  const detail::ArraySituation situation = detail::array_situation(problem, trials, fitted);
  const Acquisition acquisition = detail::resolved(options.acquisition, situation);
  const bool feasibility_first =
      feasibility_counts(acquisition) && !situation.bounds.empty() && !situation.any_feasible();

  Eigen::MatrixXd pending = trials.pending;
  Eigen::MatrixXd chosen(0, problem.X.cols());
  Proposed result;
  result.acquisition.resize(q);
  for (int i = 0; i < q; ++i) {
    control.report({"propose", i + 1, q + 1});
    const SearchResult found =
        detail::next_point(situation, acquisition, feasibility_first, pending, pending.rows() == 0, options,
                           key.child("search").child(static_cast<std::uint64_t>(i)), control);
    result.acquisition(i) = found.value;
    detail::append_row(pending, found.x);
    detail::append_row(chosen, found.x);
  }
  result.X.resize(q, problem.X.cols());
  for (int i = 0; i < q; ++i) result.X.row(i) = detail::decoded(problem, chosen.row(i).transpose()).transpose();
  const detail::ArrayTrials::Moments moments = trials.moments(fitted, chosen);
  result.mean = moments.mean;
  result.sd = moments.sd;
  result.probability_feasible = detail::probability_feasible(*fitted->posterior(chosen), situation.bounds);
  result.acquisition_name = feasibility_first ? "log_probability_feasible" : name(acquisition);
  result.warnings = warnings_of(problem, *fitted, feasibility_first);
  return result;
}

}  // namespace luban::recommend
