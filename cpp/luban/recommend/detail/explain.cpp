// What stands behind a proposal, and the sentences that say it.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include <luban/core/normal.hpp>
#include <luban/core/text.hpp>
#include <luban/recommend/detail/gain.hpp>
#include <luban/recommend/detail/near_runs.hpp>
#include <luban/recommend/detail/sentences.hpp>
#include <luban/recommend/detail/situation.hpp>
#include <luban/recommend/detail/words.hpp>

namespace luban::recommend::detail {
namespace {

using process::NamedValue;

constexpr Eigen::Index profile_points = 11;
constexpr std::size_t most_named_drivers = 3;

/// Where a response physically ends: the range its process calls valid; computed responses end nowhere.
std::pair<double, double> physical_range(const Situation& situation, const std::string& name) {
  for (const process::Response& response : situation.basis.process->definition().responses) {
    if (response.name == name) return {response.valid_low, response.valid_high};
  }
  return {-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
}

/// Means stay as the model expects them; intervals are cut where the response physically ends.
std::vector<process::Prediction> predict(const Situation& situation, const Eigen::VectorXd& x, double level) {
  using surrogate::VarianceOf;
  const auto posterior = situation.surrogate->posterior(x.transpose());
  const Eigen::MatrixXd mean = posterior->mean();
  const auto sd = [&](VarianceOf of, Eigen::Index r) { return std::sqrt(posterior->variance(of)(0, r)); };
  // Calibration is a factor on standard deviations, also where the distribution is no normal one.
  const double z = core::normal_quantile(0.5 * (1.0 + level));
  std::vector<process::Prediction> predictions;
  for (Eigen::Index r = 0; r < situation.computed; ++r) {  // a risk is no response
    const features::ResponseColumn& response = situation.surrogate->responses()[r];
    const auto calibrated = situation.basis.interval_ratios.find(response.name);
    const double ratio = calibrated == situation.basis.interval_ratios.end() ? 1.0 : calibrated->second;
    const double half = ratio * z * sd(VarianceOf::run_mean, r);
    const auto [low, high] = physical_range(situation, response.name);
    predictions.push_back({response.name, response.unit, mean(0, r), sd(VarianceOf::latent, r),
                           sd(VarianceOf::run_mean, r), sd(VarianceOf::reading, r), level,
                           std::clamp(mean(0, r) - half, low, high), std::clamp(mean(0, r) + half, low, high)});
  }
  return predictions;
}

/// Effect of each free parameter alone on what is optimised.
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
    const process::Value value = plain_value(region.encoder(), column, points[i].second);
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
  if (situation.reach == nullptr) return;
  const process::TrainingEnvelope& envelope = *situation.basis.envelope;
  const std::vector<double>& quantiles = envelope.distance_quantiles;
  const auto beyond = std::upper_bound(quantiles.begin(), quantiles.end(), situation.reach->distance(x));
  into.novelty = beyond == quantiles.begin() ? 0.0 : envelope.quantile_levels[beyond - quantiles.begin() - 1];
  into.new_combination = situation.reach->new_combination(x);
  into.outside = !situation.reach->covers(x);
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

void say_prediction(const Situation& situation, const Utility& utility, process::Recommendation& into) {
  for (std::size_t r = 0; r < into.predictions.size(); ++r) {
    const process::Prediction& prediction = into.predictions[r];
    const bool objective = static_cast<Eigen::Index>(r) == situation.expected(utility).response;
    const bool exact = static_cast<Eigen::Index>(r) >= situation.predicted;
    if (!objective && !exact) continue;
    std::string text =
        prediction.response + (exact ? " comes to " : " is expected at ") + with_unit(prediction.mean, prediction.unit);
    if (!exact) {
      text += ", " + percent(prediction.level) + " of the next runs between " + rounded(prediction.lower) + " and " +
              with_unit(prediction.upper, prediction.unit);
    }
    if (objective && situation.risk(utility) == nullptr) text += " (" + goal_words(utility, prediction.unit) + ")";
    into.why.push_back(text + ".");
  }
}

/// Whose interval ends where the response does.
void say_ends(const Situation& situation, process::Recommendation& into) {
  for (const process::Prediction& prediction : into.predictions) {
    const auto [low, high] = physical_range(situation, prediction.response);
    const bool at_low = prediction.lower == low;
    const bool at_high = prediction.upper == high;
    if (!at_low && !at_high) continue;
    const std::string ends = at_low && at_high ? "lies between " + rounded(low) + " and " : "ends at ";
    into.why.push_back("Physically " + prediction.response + " " + ends +
                       with_unit(at_high ? high : low, prediction.unit) + ": its interval is cut there.");
  }
}

constexpr const char* outside_reach = "these settings lie outside what the training data covered";

bool any_predicted(const Situation& situation) {
  return std::any_of(situation.bounds.begin(), situation.bounds.end(),
                     [](const OutcomeBound& bound) { return !bound.exact; });
}

std::string gain_text(double gain, const std::string& unit) {
  return difference_text(std::abs(gain), unit) + (gain >= 0.0 ? " better" : " worse");
}

/// "46.7 MPa (3 runs, standard error 0.4 MPa)"
std::string measured_text(const MeasuredReference& measured, const std::string& unit) {
  std::string text = with_unit(measured.mean, unit) + " (" + std::to_string(measured.runs);
  text += measured.runs == 1 ? " run" : " runs";
  if (std::isfinite(measured.standard_error)) {
    text += ", standard error " + difference_text(measured.standard_error, unit);
  }
  return text + ")";
}

/// A sentence's beginning.
std::string capital(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

/// Up to rounding the same settings: coded columns are search ranges, categories differ by 1.
bool same_settings(const Eigen::VectorXd& a, const Eigen::VectorXd& b) {
  return (a - b).cwiseAbs().maxCoeff() < 1e-6;
}

/// Why no probability of the gain may be stated; empty = it may.
std::string why_not_judged(const Explanation& explanation, const Reference& reference) {
  if (explanation.outside) return outside_reach;
  if (explanation.measured.contradicts) return "what was measured there contradicts the model";
  return reference.not_judged;
}

/// What the proposal gains over the reference, by the model and by what was measured there.
void compare_with(const Situation& situation, const Utility& utility, const Eigen::VectorXd& x,
                  const Reference& reference, const Eigen::VectorXd& weights, double level, Proposal& into) {
  Explanation& explanation = into.explanation;
  const Gain gain = gain_over(*situation.surrogate, utility, x, reference.x);
  const double rounding = 1e-12 * gain.response.cwiseAbs().sum();
  explanation.reference = reference.name;
  explanation.gain = into.recommendation.expected_gain = std::abs(gain.mean) <= rounding ? 0.0 : gain.mean;
  explanation.gain_sd = gain.sd <= rounding ? 0.0 : gain.sd;
  explanation.measured = measured_at(situation, reference.x, situation.expected(utility), weights, level);
  if (why_not_judged(explanation, reference).empty()) {
    explanation.probability_better = probability_above(gain, reference.min_gain);
  }
  // Runs measure what is expected, no risk: between the two there is no gain.
  if (explanation.measured.runs > 0 && situation.risk(utility) == nullptr && !same_settings(x, reference.x)) {
    MeasuredReference& measured = explanation.measured;
    measured.gain = utility.of(gain.response(0)) - utility.of(measured.mean);
    // One run says nothing of its own spread: the model's is taken.
    const double error = std::isfinite(measured.standard_error) ? measured.standard_error : gain.run_sd;
    measured.gain_sd = std::sqrt(std::max(0.0, gain.covariance(0, 0)) + error * error);
  }
}

void say_gain(const Explanation& explanation, double min_gain, const std::string& not_judged, const std::string& unit,
              process::Recommendation& into) {
  std::string text = "That is " + gain_text(explanation.gain, unit) + " than " + explanation.reference;
  if (explanation.gain_sd > 0.0) {
    text += " (standard error of the difference " + difference_text(explanation.gain_sd, unit) + "; " +
            (not_judged.empty() ? better_text(explanation.probability_better, min_gain, unit)
                                : "how likely it is better is not judged: " + not_judged) +
            ")";
  }
  into.why.push_back(text + ".");
}

/// What was measured at the reference, where the model does not contradict it; else a warning says it.
void say_measured(const Explanation& explanation, const std::string& unit, process::Recommendation& into) {
  const MeasuredReference& measured = explanation.measured;
  if (measured.runs == 0 || measured.contradicts) return;
  into.why.push_back(capital(explanation.reference) + " measured " + measured_text(measured, unit) +
                     "; the model expects " + with_unit(measured.expected, unit) + " there.");
}

/// How likely the bounds are kept, and by whose spread that was judged.
void say_bounds(const Situation& situation, const Explanation& explanation, process::Recommendation& into) {
  if (situation.bounds.empty()) return;
  if (explanation.outside && any_predicted(situation)) {
    into.why.push_back(std::string("How likely the outcome constraints are kept is not judged: ") + outside_reach +
                       ".");
    return;
  }
  if (!any_predicted(situation) && into.probability_feasible == 1.0) {
    into.why.push_back("All outcome constraints are kept.");
    return;
  }
  const bool calibrated = std::any_of(situation.bounds.begin(), situation.bounds.end(),
                                      [](const OutcomeBound& bound) { return bound.calibration != 1.0; });
  into.why.push_back("All outcome constraints are kept with probability " + percent(into.probability_feasible) +
                     (calibrated ? ", by spreads calibrated on left-out groups." : "."));
}

void say_drivers(const Situation& situation, const Explanation& explanation, const std::string& unit,
                 process::Recommendation& into) {
  const char* first =
      std::isnan(explanation.risk) ? "What matters most here is " : "What matters most for what is optimised is ";
  for (std::size_t i = 0; i < std::min(explanation.drivers.size(), most_named_drivers); ++i) {
    const Driver& driver = explanation.drivers[i];
    const Eigen::Index column = situation.region.encoder().find(driver.parameter);
    const std::string& parameter_unit = situation.region.encoder().variables()[column].unit;
    into.why.push_back((i == 0 ? first : "Then ") + driver.parameter + ": " + with_unit(driver.best_mean, unit) +
                       " at " + value_text(driver.best, parameter_unit) + ", " + with_unit(driver.worst_mean, unit) +
                       " at " + value_text(driver.worst, parameter_unit) + ", the other settings as proposed.");
  }
}

/// Categories that never occurred together, by name.
void warn_of_combination(const Situation& situation, const process::Recommendation& into, Explanation& explanation) {
  std::vector<std::string> categories;
  for (const std::string& name : situation.basis.envelope->category_names) {
    for (const std::vector<NamedValue>& values : {into.recipe.values(), into.context}) {
      const auto found =
          std::find_if(values.begin(), values.end(), [&](const NamedValue& value) { return value.name == name; });
      if (found != values.end()) categories.push_back(name + " " + value_text(found->value, found->unit));
    }
  }
  explanation.warnings.push_back("Caution: no run had the combination " + core::listed(categories) +
                                 "; what is said of it is carried over from other combinations.");
}

/// What must be read before everything else.
void warn(const Situation& situation, const Utility& utility, const process::Recommendation& into,
          Explanation& explanation) {
  for (const std::string& name : situation.basis.surrogate->degraded()) {
    explanation.warnings.push_back("Caution: " + repaired_text(name) + ".");
  }
  if (explanation.new_combination) warn_of_combination(situation, into, explanation);
  if (explanation.outside && explanation.novelty >= Reach::usual) {
    explanation.warnings.push_back(
        "Caution: these settings lie outside what the training data covered, further from the runs than " +
        percent(Reach::usual) + " of left-out groups lay from the others: what is said of them is extrapolated.");
  }
  const std::string& unit = situation.response(utility).unit;
  if (const MeasuredReference& measured = explanation.measured; measured.contradicts) {
    const std::string against = std::isfinite(measured.gain)
                                    ? " Against what was measured these settings are expected to be " +
                                          gain_text(measured.gain, unit) + " (standard error " +
                                          difference_text(measured.gain_sd, unit) + ")."
                                    : std::string();
    explanation.warnings.push_back(capital(explanation.reference) + " measured " + measured_text(measured, unit) +
                                   ", the model expects " + with_unit(measured.expected, unit) +
                                   " there: do not trust the gain." + against);
  }
  for (const process::Prediction& prediction : into.predictions) {
    const auto [low, high] = physical_range(situation, prediction.response);
    if (!(prediction.mean < low || prediction.mean > high)) continue;
    explanation.warnings.push_back("The model expects " + prediction.response + " at " +
                                   with_unit(prediction.mean, prediction.unit) + ", but physically it ends at " +
                                   with_unit(prediction.mean < low ? low : high, prediction.unit) +
                                   ": do not take that number literally.");
  }
}

void say_evidence(const Explanation& explanation, const std::string& unit, process::Recommendation& into) {
  if (!explanation.nearest.empty()) {
    std::string text = "Nearest real runs: ";
    for (std::size_t i = 0; i < explanation.nearest.size(); ++i) {
      const NearRun& run = explanation.nearest[i];
      text += (i > 0 ? "; " : "") + run.run_id;
      if (run.runs > 1) text += " and " + std::to_string(run.runs - 1) + " more alike";
      text += run.distance < 1e-6 ? " at these very settings" : " at distance " + rounded(run.distance);
      if (!std::isfinite(run.measured)) continue;
      text += std::string(run.runs > 1 ? " (measured on average " : " (measured ") + with_unit(run.measured, unit);
      text += run.measured_over.empty() ? ")" : " over " + run.measured_over + " only)";
    }
    into.why.push_back(text + ". Distance 1 is one search range.");
  }
  if (std::isfinite(explanation.novelty) && !explanation.outside) {
    const char* where = explanation.novelty < 0.75   ? "well inside"
                        : explanation.novelty < 0.95 ? "inside"
                                                     : "near the edge, but inside";
    into.why.push_back(std::string("These settings lie ") + where + " what the training data covered.");
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
  judge_novelty(situation, x, explanation);
  if (explanation.outside && any_predicted(situation)) recommendation.probability_feasible = process::no_number;
  if (situation.risk(utility) != nullptr) {
    explanation.risk = posterior->mean()(0, utility.response);
    explanation.risk_sd = std::sqrt(posterior->variance(surrogate::VarianceOf::latent)(0, utility.response));
  }
  if (!reference.name.empty()) compare_with(situation, utility, x, reference, weights, interval_level, proposal);
  explanation.nearest = find_near_runs(situation, x, situation.expected(utility), weights);
  explanation.drivers = find_drivers(situation, utility, x);

  warn(situation, utility, recommendation, explanation);
  recommendation.why = explanation.warnings;
  say_prediction(situation, utility, recommendation);
  say_ends(situation, recommendation);
  if (std::string text = tolerances_text(situation, utility, explanation.risk); !text.empty()) {
    recommendation.why.push_back(std::move(text));
  }
  if (!reference.name.empty() && !same_settings(x, reference.x)) {
    say_gain(explanation, reference.min_gain, why_not_judged(explanation, reference), unit, recommendation);
  }
  say_measured(explanation, unit, recommendation);
  say_bounds(situation, explanation, recommendation);
  say_drivers(situation, explanation, unit, recommendation);
  for (const std::string& limit : recommendation.limited_by) recommendation.why.push_back("Limited: " + limit + ".");
  say_evidence(explanation, unit, recommendation);
  return proposal;
}

}  // namespace luban::recommend::detail
