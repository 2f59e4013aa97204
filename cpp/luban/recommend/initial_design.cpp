#include <luban/recommend/initial_design.hpp>

#include <cmath>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/recommend/detail/words.hpp>
#include <luban/recommend/search_region.hpp>

namespace luban::recommend {
namespace {

constexpr int block = 64;         ///< points drawn together: a block is well spread in itself
constexpr int most_blocks = 100;  ///< after which bounds on derived responses count as out of reach

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
    double value = derived.factor;
    for (const std::string& name : derived.product) value *= recipe.number(name);
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

/// Bounds on derived responses: those on predicted ones cannot be judged without a model.
std::vector<process::OutcomeConstraint> computed_bounds(const process::Process& process) {
  std::vector<process::OutcomeConstraint> bounds = process.definition().outcome_constraints;
  std::erase_if(
      bounds, [&](const process::OutcomeConstraint& bound) { return process.find_derived(bound.response) == nullptr; });
  return bounds;
}

bool keeps(const std::vector<process::Prediction>& predictions, const std::vector<process::OutcomeConstraint>& bounds) {
  for (const process::OutcomeConstraint& bound : bounds) {
    for (const process::Prediction& prediction : predictions) {
      if (prediction.response == bound.response &&
          !(prediction.mean >= bound.lower && prediction.mean <= bound.upper)) {
        return false;
      }
    }
  }
  return true;
}

[[noreturn]] void throw_out_of_reach(const std::vector<process::OutcomeConstraint>& bounds) {
  std::vector<std::string> names;
  for (const process::OutcomeConstraint& bound : bounds) names.push_back(core::quoted(bound.response));
  throw core::InfeasibleError(
      {.where = "recommend.initial_design",
       .expected = "settings that keep the outcome constraints on " + core::listed(names),
       .received = "none among " + std::to_string(block * most_blocks) + " within ranges and parameter constraints",
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
      SearchRegion::make(stated_encoder(process), process::SearchSpace::of(process, moves), context);
  std::vector<process::NamedValue> ordered;
  for (const process::ContextVariable& variable : process.context()) {
    for (const process::NamedValue& given : context) {
      if (given.name == variable.name) ordered.push_back({variable.name, given.value, variable.unit});
    }
  }
  const std::vector<process::OutcomeConstraint> bounds = computed_bounds(process);
  std::vector<process::Recommendation> design;
  int found = 0;
  for (int b = 0; b < most_blocks && std::ssize(design) < q; ++b) {
    const Eigen::MatrixXd points = region.sample(block, key.child("design").child(static_cast<std::uint64_t>(b)));
    for (Eigen::Index i = 0; i < points.rows() && std::ssize(design) < q; ++i) {
      process::Recommendation recommendation;
      recommendation.recipe = region.recipe(points.row(i).transpose());
      recommendation.predictions = computed(process, recommendation.recipe);
      if (!keeps(recommendation.predictions, bounds) || ++found <= skip) continue;
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
  if (std::ssize(design) < q) throw_out_of_reach(bounds);
  return design;
}

}  // namespace luban::recommend
