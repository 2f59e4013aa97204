#include <luban/recommend/initial_design.hpp>

#include <cmath>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/recommend/detail/situation.hpp>
#include <luban/recommend/detail/words.hpp>
#include <luban/recommend/search_region.hpp>

namespace luban::recommend {
namespace {

constexpr int block = 64;  ///< points drawn together: a block is well spread in itself

/// Parameters and context as coded columns, scaled by what the process states.
features::Encoder stated_encoder(const process::Process& process) {
  std::vector<features::EncodedVariable> variables;
  const auto add = [&variables](const process::Variable& variable, features::Role role) {
    const bool ranged = std::isfinite(variable.low) && variable.high > variable.low;
    variables.push_back({.name = variable.name,
                         .unit = variable.unit,
                         .role = role,
                         .kind = variable.kind,
                         .low = std::isfinite(variable.low) ? variable.low : 0.0,
                         .high = ranged                        ? variable.high
                                 : std::isfinite(variable.low) ? variable.low + 1.0
                                                               : 1.0,
                         .categories = variable.categories});
  };
  for (const process::Parameter& parameter : process.parameters()) add(parameter, features::Role::parameter);
  for (const process::ContextVariable& variable : process.context()) add(variable, features::Role::context);
  return features::Encoder(std::move(variables));
}

std::vector<process::Prediction> computed(const process::Process& process, const process::Recipe& recipe) {
  std::vector<process::Prediction> predictions;
  for (const process::DerivedResponse& derived : process.derived()) {
    const double value = process::value_of(derived.sum, [&](const std::string& name) { return recipe.number(name); });
    predictions.push_back({.response = derived.name,
                           .unit = derived.unit,
                           .mean = value,
                           .sd_latent = 0.0,
                           .sd_run_mean = 0.0,
                           .sd_reading = 0.0,
                           .lower = value,
                           .upper = value});
  }
  return predictions;
}

/// Bounds on predicted responses cannot be judged without a model; those on computed ones are relations.
[[noreturn]] void throw_out_of_reach(const process::Process& process) {
  std::vector<std::string> names;
  for (const process::OutcomeConstraint& bound : process.definition().outcome_constraints) {
    if (process.find_derived(bound.response) != nullptr) names.push_back(core::quoted(bound.response));
  }
  throw core::InfeasibleError({.where = "recommend.initial_design",
                               .expected = "settings that keep the outcome constraints on " + core::listed(names),
                               .received = "none within ranges and parameter constraints",
                               .place = {},
                               .hint = "widen a search range or relax the outcome constraint"});
}

void check(int q, int skip) {
  const auto refuse = [](const char* expected, int received) {
    throw core::ConfigurationError({.where = "recommend.initial_design",
                                    .expected = expected,
                                    .received = std::to_string(received),
                                    .place = {},
                                    .hint = {}});
  };
  if (q < 1 || q > 100) refuse("1 to 100 proposals", q);
  if (skip < 0 || skip > 3000) refuse("0 to 3000 points skipped", skip);
}

}  // namespace

std::vector<process::Recommendation> initial_design(const process::Process& process,
                                                    const std::vector<process::NamedValue>& context, int q, int skip,
                                                    core::RandomKey key,
                                                    const std::optional<process::MoveLimits>& moves) {
  check(q, skip);
  const SearchRegion region =
      SearchRegion::make(stated_encoder(process), process::SearchSpace::of(process, moves), context)
          .with(detail::computed_relations(process));
  std::vector<process::NamedValue> ordered;
  for (const process::ContextVariable& variable : process.context()) {
    for (const process::NamedValue& given : context) {
      if (given.name == variable.name) ordered.push_back({variable.name, given.value, variable.unit});
    }
  }
  std::vector<process::Recommendation> design;
  int found = 0;
  for (int b = 0; std::ssize(design) < q; ++b) {
    const Eigen::MatrixXd points = region.sample(block, key.child("design").child(static_cast<std::uint64_t>(b)));
    if (region.signomials() != nullptr && !region.contains(points.row(0).transpose())) throw_out_of_reach(process);
    for (Eigen::Index i = 0; i < points.rows() && std::ssize(design) < q; ++i) {
      process::Recommendation recommendation;
      recommendation.recipe = region.recipe(points.row(i).transpose());
      recommendation.predictions = computed(process, recommendation.recipe);
      if (++found <= skip) continue;
      recommendation.context = ordered;
      recommendation.kind = "initial_design";
      recommendation.probability_feasible = process::no_number;
      for (const process::Prediction& value : recommendation.predictions) {
        recommendation.why.push_back(value.response + " comes to " + detail::with_unit(value.mean, value.unit) + ".");
      }
      recommendation.why.push_back("Point " + std::to_string(found) +
                                   " of a design that fills the search range evenly (scrambled Sobol sequence), inside "
                                   "every parameter constraint.");
      design.push_back(std::move(recommendation));
    }
  }
  return design;
}

}  // namespace luban::recommend
