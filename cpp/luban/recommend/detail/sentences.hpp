#pragma once

#include <string>
#include <vector>

#include <luban/recommend/detail/situation.hpp>
#include <luban/recommend/recommend.hpp>

namespace luban::recommend::detail {

/// Puts warnings before everything that is said already.
void warn_first(const std::vector<std::string>& warnings, Proposal& into);

/// Puts a sentence behind the warnings, before all others.
void say_first(Proposal& into, std::string sentence);

/// "lower is better", …
[[nodiscard]] std::string goal_words(const Utility& utility, const std::string& unit);

/// Over what settings are judged, with the risk where one is optimised; empty without tolerances.
[[nodiscard]] std::string tolerances_text(const Situation& situation, const Utility& utility, double risk);

/// "the mean of the worst 20 % of roughness", for an objective that asks for a risk.
[[nodiscard]] std::string risk_words(const Situation& situation, const Utility& utility);

/// Why settings that may be no better are tried. @param reference what the gain is against; null = nothing.
[[nodiscard]] std::string exploring_text(const Situation& situation, const Utility& utility, const Proposal& proposal,
                                         const Eigen::VectorXd* reference);

/// How settings measured at other numbers of the context are compared; empty where the context has none.
[[nodiscard]] std::string measured_settings_text(const Situation& situation);

/// Why the running settings stay, with what was found and not taken.
[[nodiscard]] std::string stay_text(const Situation& situation, const Utility& utility, const RecommendRequest& request,
                                    const Proposal& found, bool explores);

}  // namespace luban::recommend::detail
