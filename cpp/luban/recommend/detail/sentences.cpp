#include <luban/recommend/detail/sentences.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

#include <luban/core/text.hpp>
#include <luban/recommend/detail/words.hpp>

namespace luban::recommend::detail {

void warn_first(const std::vector<std::string>& warnings, Proposal& into) {
  std::vector<std::string>& why = into.recommendation.why;
  std::vector<std::string>& own = into.explanation.warnings;
  why.insert(why.begin(), warnings.begin(), warnings.end());
  own.insert(own.begin(), warnings.begin(), warnings.end());
}

void say_first(Proposal& into, std::string sentence) {
  std::vector<std::string>& why = into.recommendation.why;
  why.insert(why.begin() + static_cast<std::ptrdiff_t>(into.explanation.warnings.size()), std::move(sentence));
}

std::string measured_settings_text(const Situation& situation) {
  std::vector<std::string> numbers;
  for (const process::NamedValue& value : situation.context) {
    if (std::holds_alternative<double>(value.value)) {
      numbers.push_back(value.name + " " + value_text(value.value, value.unit));
    }
  }
  if (numbers.empty()) return {};
  return "The best measured settings are those of runs in the same categories of context, as predicted at " +
         core::listed(numbers) + (situation.reach == nullptr ? "." : ", where that is no extrapolation.");
}

std::string risk_words(const Situation& situation, const Utility& utility) {
  const RiskColumn& risk = *situation.risk(utility);
  const features::ResponseColumn& response = situation.response(utility);
  const std::string share = rounded(100.0 * (1.0 - risk.measure.level)) + " %";
  const bool tail = risk.measure.kind == process::RiskMeasure::Kind::conditional_value_at_risk;
  if (risk.goal == process::Goal::target) {
    const std::string from = response.name + " from " + with_unit(risk.target, response.unit);
    return tail ? "the mean of the largest " + share + " of the distances of " + from
                : "the distance of " + from + " that only " + share + " of the deviations exceed";
  }
  if (tail) return "the mean of the worst " + share + " of " + response.name;
  return "the " + response.name + " that only " + share + " of the deviations " +
         (risk.goal == process::Goal::minimize ? "exceed" : "fall below");
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

std::string tolerances_text(const Situation& situation, const Utility& utility, double risk) {
  std::vector<std::string> scatters;
  for (const process::Tolerance& tolerance : situation.basis.process->definition().tolerances) {
    scatters.push_back(tolerance.parameter + " by " +
                       with_unit(tolerance.sd, situation.basis.process->unit(tolerance.parameter)));
  }
  if (scatters.empty()) return {};
  const std::string over = "over what the machine does not hold: " + core::listed(scatters) + " (standard deviation).";
  if (situation.risk(utility) == nullptr) return "Expected " + over;
  const std::string& unit = situation.response(utility).unit;
  return "Optimised is " + risk_words(situation, utility) + ", not its expectation: " + with_unit(risk, unit) + " (" +
         goal_words(utility, unit) + "), " + over;
}

std::string exploring_text(const Situation& situation, const Utility& utility, const Proposal& proposal,
                           const Eigen::VectorXd* reference) {
  const features::ResponseColumn& response = situation.response(utility);
  const auto& predictions = proposal.recommendation.predictions;
  const process::Prediction& expected = predictions[static_cast<std::size_t>(situation.expected(utility).response)];
  const bool risky = situation.risk(utility) != nullptr;
  const double centre = risky ? proposal.explanation.risk : expected.mean;
  const double sd = risky ? proposal.explanation.risk_sd : expected.sd_latent;
  // Of the expectation or the risk, not of the next run: its noise is no gain.
  const double share = expected.sd_run_mean > 0.0 ? sd / expected.sd_run_mean : 0.0;
  const double low = std::min(centre, centre + share * (expected.lower - expected.mean));
  const double high = std::max(centre, centre + share * (expected.upper - expected.mean));
  std::string text = "This explores: " + (risky ? risk_words(situation, utility) : response.name) +
                     " is uncertain there (on average between " + rounded(low) + " and " +
                     with_unit(high, response.unit) + "), so the run teaches the model";
  if (reference == nullptr) return text + ".";
  const double known = situation.surrogate->posterior(reference->transpose())->mean()(0, utility.response);
  const double well = utility.goal == process::Goal::minimize   ? low
                      : utility.goal == process::Goal::maximize ? high
                                                                : std::clamp(utility.target, low, high);
  const double gain = utility.of(well) - utility.of(known);
  if (!(gain > 0.0)) return text + "; a gain over " + proposal.explanation.reference + " is not in sight.";
  return text + "; if it comes out well it is " + difference_text(gain, response.unit) + " better than " +
         proposal.explanation.reference + ".";
}

std::string stay_text(const Situation& situation, const Utility& utility, const RecommendRequest& request,
                      const Proposal& found, bool explores) {
  if (!request.reason_to_stay.empty()) return "Stay: " + request.reason_to_stay + ".";
  const Explanation& explanation = found.explanation;
  const std::string& unit = situation.response(utility).unit;
  const MeasuredReference& measured = explanation.measured;
  const bool by_model = explores || !measured.contradicts || !std::isfinite(measured.gain);
  return std::string("Stay: ") + (by_model ? "" : "against what the running settings measured, ") +
         "the best change found would gain " + difference_text(by_model ? explanation.gain : measured.gain, unit) +
         " with a standard error of " + difference_text(by_model ? explanation.gain_sd : measured.gain_sd, unit) +
         (by_model && std::isfinite(explanation.probability_better)
              ? " (" + better_text(explanation.probability_better, request.stay.min_gain, unit) + ")"
              : std::string()) +
         ", which is not convincing.";
}

}  // namespace luban::recommend::detail
