// What stands behind a proposal, and the sentences that say it.
#include <algorithm>
#include <cmath>
#include <map>

#include <luban/core/text.hpp>
#include <luban/recommend/detail/gain.hpp>
#include <luban/recommend/detail/near_runs.hpp>
#include <luban/recommend/detail/situation.hpp>
#include <luban/recommend/detail/words.hpp>

namespace luban::recommend::detail {
namespace {

using process::NamedValue;

constexpr Eigen::Index profile_points = 11;
constexpr std::size_t most_named_drivers = 3;

std::vector<process::Prediction> predict(const Situation& situation, const Eigen::VectorXd& x, double level) {
  using surrogate::VarianceOf;
  const auto posterior = situation.surrogate->posterior(x.transpose());
  const Eigen::MatrixXd mean = posterior->mean();
  const auto sd = [&](VarianceOf of, Eigen::Index r) { return std::sqrt(posterior->variance(of)(0, r)); };
  const Eigen::MatrixXd lower = posterior->quantile(0.5 * (1.0 - level), VarianceOf::run_mean);
  const Eigen::MatrixXd upper = posterior->quantile(0.5 * (1.0 + level), VarianceOf::run_mean);
  std::vector<process::Prediction> predictions;
  for (Eigen::Index r = 0; r < mean.cols(); ++r) {
    const features::ResponseColumn& response = situation.surrogate->responses()[r];
    const auto calibrated = situation.basis.interval_ratios.find(response.name);
    const double ratio = calibrated == situation.basis.interval_ratios.end() ? 1.0 : calibrated->second;
    predictions.push_back({response.name, response.unit, mean(0, r), sd(VarianceOf::latent, r),
                           sd(VarianceOf::run_mean, r), sd(VarianceOf::reading, r), level,
                           mean(0, r) + ratio * (lower(0, r) - mean(0, r)),
                           mean(0, r) + ratio * (upper(0, r) - mean(0, r))});
  }
  return predictions;
}

/// Effect of each free parameter alone on the objective's expectation.
std::vector<Driver> find_drivers(const Situation& situation, const Utility& utility, const Eigen::VectorXd& x) {
  const SearchRegion& region = situation.region;
  std::vector<std::pair<Eigen::Index, double>> points;  // column and value
  for (const Eigen::Index column : region.continuous()) {
    for (Eigen::Index k = 0; k < profile_points; ++k) {
      const double share = static_cast<double>(k) / static_cast<double>(profile_points - 1);
      points.emplace_back(column, region.low(column) + share * (region.high(column) - region.low(column)));
    }
  }
  for (const Eigen::Index column : region.discrete()) {
    for (const double level : region.levels(column)) points.emplace_back(column, level);
  }
  if (points.empty()) return {};
  Eigen::MatrixXd X = x.transpose().replicate(static_cast<Eigen::Index>(points.size()), 1);
  for (std::size_t i = 0; i < points.size(); ++i) X(static_cast<Eigen::Index>(i), points[i].first) = points[i].second;
  const Eigen::VectorXd mean = situation.surrogate->posterior(X)->mean().col(utility.response);
  std::vector<Driver> drivers;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Eigen::Index column = points[i].first;
    const features::EncodedVariable& variable = region.encoder().variables()[column];
    const process::Value value = region.encoder().decode_value(column, points[i].second);
    const double here = mean(static_cast<Eigen::Index>(i));
    if (i == 0 || points[i - 1].first != column) {
      drivers.push_back({variable.name, value, value, here, here});
    }
    Driver& driver = drivers.back();
    if (utility.of(here) > utility.of(driver.best_mean)) {
      driver.best = value;
      driver.best_mean = here;
    }
    if (utility.of(here) < utility.of(driver.worst_mean)) {
      driver.worst = value;
      driver.worst_mean = here;
    }
  }
  std::stable_sort(drivers.begin(), drivers.end(), [&](const Driver& a, const Driver& b) {
    return utility.of(a.best_mean) - utility.of(a.worst_mean) > utility.of(b.best_mean) - utility.of(b.worst_mean);
  });
  return drivers;
}

void judge_novelty(const Situation& situation, const Eigen::VectorXd& x, Explanation& into) {
  if (situation.basis.envelope == nullptr) return;
  const process::TrainingEnvelope& envelope = *situation.basis.envelope;
  const features::Encoder& encoder = situation.region.encoder();
  const auto decoded = [&](const std::string& name) {
    const Eigen::Index column = encoder.find(name);
    return encoder.decode_value(column, x(column));
  };
  std::vector<double> values;
  for (const std::string& name : envelope.names) values.push_back(std::get<double>(decoded(name)));
  const double distance = envelope.distance(values);
  const std::vector<double>& quantiles = envelope.distance_quantiles;
  const auto beyond = std::upper_bound(quantiles.begin(), quantiles.end(), distance);
  into.novelty = beyond == quantiles.begin() ? 0.0 : envelope.quantile_levels[beyond - quantiles.begin() - 1];
  std::vector<std::string> combination;
  for (const std::string& name : envelope.category_names) {
    combination.push_back(std::get<std::string>(decoded(name)));
  }
  into.new_combination = !combination.empty() && std::find(envelope.combinations.begin(), envelope.combinations.end(),
                                                           combination) == envelope.combinations.end();
}

std::vector<std::string> find_limits(const Situation& situation, const Eigen::VectorXd& x) {
  std::vector<std::string> limits = situation.region.active(x);
  const auto posterior = situation.surrogate->posterior(x.transpose());
  for (std::size_t i = 0; i < situation.bounds.size(); ++i) {
    const OutcomeBound& bound = situation.bounds[i];
    bool tight = false;
    if (bound.exact) {
      const double value = posterior->mean()(0, bound.response);
      tight = std::abs(value - bound.lower) <= 1e-4 * std::abs(bound.lower) ||
              std::abs(value - bound.upper) <= 1e-4 * std::abs(bound.upper);
    } else {
      tight = probability_feasible(*posterior, {bound})(0) < bound.probability + 0.1 * (1.0 - bound.probability);
    }
    if (tight) limits.push_back("the outcome constraint " + situation.bound_texts[i] + " is reached");
  }
  return limits;
}

std::string goal_words(const Utility& utility, const std::string& unit) {
  switch (utility.goal) {
    case process::Goal::minimize:
      return "lower is better";
    case process::Goal::maximize:
      return "higher is better";
    case process::Goal::target:
      return "the target is " + with_unit(utility.target, unit);
  }
  return {};
}

void say_prediction(const Situation& situation, const Utility& utility, process::Recommendation& into) {
  for (std::size_t r = 0; r < into.predictions.size(); ++r) {
    const process::Prediction& prediction = into.predictions[r];
    const bool objective = static_cast<Eigen::Index>(r) == utility.response;
    const bool exact = static_cast<Eigen::Index>(r) >= situation.surrogate->predicted_count();
    if (!objective && !exact) continue;
    std::string text =
        prediction.response + (exact ? " comes to " : " is expected at ") + with_unit(prediction.mean, prediction.unit);
    if (!exact) {
      text += ", " + percent(prediction.level) + " of the next runs between " + rounded(prediction.lower) + " and " +
              with_unit(prediction.upper, prediction.unit);
    }
    if (objective) text += " (" + goal_words(utility, prediction.unit) + ")";
    into.why.push_back(text + ".");
  }
}

/// Up to rounding the same settings: coded columns are search ranges, categories differ by 1.
bool same_settings(const Eigen::VectorXd& a, const Eigen::VectorXd& b) {
  return (a - b).cwiseAbs().maxCoeff() < 1e-6;
}

void say_gain(const Explanation& explanation, double min_gain, const std::string& unit, process::Recommendation& into) {
  const bool better = explanation.gain >= 0.0;
  std::string text = "That is " + with_unit(std::abs(explanation.gain), unit) + (better ? " better" : " worse") +
                     " than " + explanation.reference;
  if (explanation.gain_sd > 0.0) {
    text += " (standard error of the difference " + with_unit(explanation.gain_sd, unit) + "; " +
            better_text(explanation.probability_better, min_gain, unit) + ")";
  }
  into.why.push_back(text + ".");
}

/// How likely the bounds are kept, and by whose spread that was judged.
void say_bounds(const Situation& situation, process::Recommendation& into) {
  if (situation.bounds.empty()) return;
  const bool calibrated = std::any_of(situation.bounds.begin(), situation.bounds.end(),
                                      [](const OutcomeBound& bound) { return bound.calibration != 1.0; });
  into.why.push_back("All outcome constraints are kept with probability " + percent(into.probability_feasible) +
                     (calibrated ? ", by spreads calibrated on left-out groups." : "."));
}

void say_drivers(const Situation& situation, const Explanation& explanation, const std::string& unit,
                 process::Recommendation& into) {
  for (std::size_t i = 0; i < std::min(explanation.drivers.size(), most_named_drivers); ++i) {
    const Driver& driver = explanation.drivers[i];
    const Eigen::Index column = situation.region.encoder().find(driver.parameter);
    const std::string& parameter_unit = situation.region.encoder().variables()[column].unit;
    into.why.push_back((i == 0 ? "What matters most here is " : "Then ") + driver.parameter + ": " +
                       with_unit(driver.best_mean, unit) + " at " + value_text(driver.best, parameter_unit) + ", " +
                       with_unit(driver.worst_mean, unit) + " at " + value_text(driver.worst, parameter_unit) +
                       ", the other settings as proposed.");
  }
}

/// What must be read before everything else.
void say_caution(const Situation& situation, const Explanation& explanation, process::Recommendation& into) {
  if (!explanation.new_combination) return;
  std::vector<std::string> categories;
  for (const std::string& name : situation.basis.envelope->category_names) {
    for (const std::vector<NamedValue>& values : {into.recipe.values(), into.context}) {
      const auto found =
          std::find_if(values.begin(), values.end(), [&](const NamedValue& value) { return value.name == name; });
      if (found != values.end()) categories.push_back(name + " " + value_text(found->value, found->unit));
    }
  }
  into.why.push_back("Caution: no run had the combination " + core::listed(categories) +
                     "; what is said of it is carried over from other combinations.");
}

void say_evidence(const Explanation& explanation, const std::string& unit, process::Recommendation& into) {
  if (!explanation.nearest.empty()) {
    std::string text = "Nearest real runs: ";
    for (std::size_t i = 0; i < explanation.nearest.size(); ++i) {
      const NearRun& run = explanation.nearest[i];
      text += (i > 0 ? "; " : "") + run.run_id;
      text += run.distance < 1e-6 ? " at these very settings" : " at distance " + rounded(run.distance);
      if (!std::isfinite(run.measured)) continue;
      text += " (measured " + with_unit(run.measured, unit);
      text += run.measured_over.empty() ? ")" : " over " + run.measured_over + " only)";
    }
    into.why.push_back(text + ". Distance 1 is one search range.");
  }
  if (std::isfinite(explanation.novelty)) {
    into.why.push_back(explanation.novelty >= 0.99
                           ? "These settings lie outside what the training data covered."
                           : "These settings lie inside what the training data covered (further out than " +
                                 percent(explanation.novelty) + " of left-out groups).");
  }
}

}  // namespace

Proposal explain(const Situation& situation, const Utility& utility, const Eigen::VectorXd& x, const std::string& kind,
                 const Reference& reference, double interval_level, const Eigen::VectorXd& weights) {
  const std::string& unit = situation.response(utility).unit;
  Proposal proposal;
  proposal.x = x;
  process::Recommendation& recommendation = proposal.recommendation;
  recommendation.recipe = situation.region.recipe(x);
  recommendation.context = situation.context;
  recommendation.kind = kind;
  recommendation.predictions = predict(situation, x, interval_level);
  const auto posterior = situation.surrogate->posterior(x.transpose());
  recommendation.probability_feasible = probability_feasible(*posterior, situation.bounds)(0);
  recommendation.limited_by = find_limits(situation, x);

  Explanation& explanation = proposal.explanation;
  if (!reference.name.empty()) {
    const Gain gain = gain_over(*situation.surrogate, utility, x, reference.x);
    explanation.reference = reference.name;
    explanation.gain = recommendation.expected_gain = gain.mean;
    explanation.gain_sd = gain.sd;
    explanation.probability_better = probability_above(gain, reference.min_gain);
  }
  explanation.nearest = find_near_runs(situation, x, utility, weights);
  explanation.drivers = find_drivers(situation, utility, x);
  judge_novelty(situation, x, explanation);

  say_caution(situation, explanation, recommendation);
  say_prediction(situation, utility, recommendation);
  if (!reference.name.empty() && !same_settings(x, reference.x)) {
    say_gain(explanation, reference.min_gain, unit, recommendation);
  }
  say_bounds(situation, recommendation);
  say_drivers(situation, explanation, unit, recommendation);
  for (const std::string& limit : recommendation.limited_by) recommendation.why.push_back("Limited: " + limit + ".");
  say_evidence(explanation, unit, recommendation);
  return proposal;
}

}  // namespace luban::recommend::detail
