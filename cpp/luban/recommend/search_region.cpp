#include <luban/recommend/search_region.hpp>

#include <algorithm>
#include <cmath>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/recommend/detail/conflict.hpp>
#include <luban/recommend/detail/words.hpp>

namespace luban::recommend {
namespace {

using core::ConfigurationError;
using features::EncodedVariable;
using features::Role;

std::vector<std::string> names_of(const features::Encoder& encoder, Role role) {
  std::vector<std::string> names;
  for (const Eigen::Index column : encoder.columns_of(role)) names.push_back(encoder.variables()[column].name);
  return names;
}

/// "diameter (D30 or D50)", so that a person can type the answer at once.
std::string described(const EncodedVariable& variable) {
  if (variable.is_numeric()) return variable.name + (variable.unit.empty() ? "" : " [" + variable.unit + "]");
  std::string text = variable.name + " (";
  for (std::size_t c = 0; c < variable.categories.size(); ++c) text += (c > 0 ? " or " : "") + variable.categories[c];
  return text + ")";
}

double coded(const features::Encoder& encoder, Eigen::Index column, const process::Value& value, const char* role) {
  const EncodedVariable& variable = encoder.variables()[column];
  const auto* category = std::get_if<std::string>(&value);
  if (variable.is_numeric() == (category != nullptr)) {
    throw ConfigurationError({.where = "recommend.search_region",
                              .expected = std::string(role) + " " + core::quoted(variable.name) + " as " +
                                          (variable.is_numeric() ? "a number" : "a category"),
                              .received = category != nullptr ? core::quoted(*category) : "a number",
                              .place = {},
                              .hint = "known: " + described(variable)});
  }
  if (category != nullptr &&
      std::find(variable.categories.begin(), variable.categories.end(), *category) == variable.categories.end()) {
    throw ConfigurationError({.where = "recommend.search_region",
                              .expected = "a category of " + core::quoted(variable.name),
                              .received = core::quoted(*category),
                              .place = {},
                              .hint = core::nearest_hint(*category, variable.categories)});
  }
  if (category == nullptr && !std::isfinite(std::get<double>(value))) {
    throw ConfigurationError({.where = "recommend.search_region",
                              .expected = "a finite number for " + core::quoted(variable.name),
                              .received = core::number_text(std::get<double>(value)),
                              .place = {},
                              .hint = {}});
  }
  return encoder.encode_value(column, value);
}

[[noreturn]] void throw_infeasible(const std::vector<std::string>& names) {
  throw core::InfeasibleError({.where = "recommend.search_region",
                               .expected = "settings that keep every range and constraint",
                               .received = "a contradiction between " + core::listed(names),
                               .place = {},
                               .hint = "relax one of them; without any one of them the others agree"});
}

constexpr int most_levels = 100000;  ///< of a whole-number parameter: each of them is kept and may be tried

/// Whether values of the integer columns from `k` on can be chosen so that the relations can hold: depth first, a
/// branch is left as soon as its relaxation is contradictory.
bool whole_numbers_exist(const SearchRegion& region, std::vector<detail::Demand>& demands,
                         const std::vector<Eigen::Index>& columns, std::size_t k, int& budget) {
  if (--budget < 0) return true;  // undecided here; sampling decides
  if (!detail::compatible(demands)) return false;
  if (k == columns.size()) return true;
  for (const double level : region.levels(columns[k])) {
    Eigen::RowVectorXd row = Eigen::RowVectorXd::Zero(region.p());
    row(columns[k]) = 1.0;
    demands.push_back({"", {row, -row}, {level, -level}});
    const bool found = whole_numbers_exist(region, demands, columns, k + 1, budget);
    demands.pop_back();
    if (found) return true;
  }
  return false;
}

void require_grid(const Grid& grid, const process::SearchSpace& space) {
  const auto found = std::find_if(space.parameters.begin(), space.parameters.end(),
                                  [&](const process::Parameter& one) { return one.name == grid.parameter; });
  const bool finite = std::all_of(grid.values.begin(), grid.values.end(), [](double v) { return std::isfinite(v); });
  if (found != space.parameters.end() && found->is_numeric() && !grid.values.empty() && finite) return;
  throw ConfigurationError(
      {.where = "recommend.search_region",
       .expected = "a grid of finite values for a numeric parameter",
       .received = core::quoted(grid.parameter) + " with " + std::to_string(grid.values.size()) + " values",
       .place = {},
       .hint = {}});
}

/// Scaling there and back may miss an end of the range, or a whole number, by the last digit, on either side: a limit
/// is no place for that. What lies further away (running settings outside the range) stays as it is.
double without_rounding(const process::Parameter& range, double value) {
  const double slack = 1e-9 * std::max({range.high - range.low, std::abs(range.low), std::abs(range.high)});
  if (range.kind == process::VariableKind::integer && std::abs(value - std::round(value)) <= slack) {
    value = std::round(value);
  }
  if (std::abs(value) <= slack && range.low <= 0.0 && range.high >= 0.0) return 0.0;
  if (std::abs(value - range.low) <= slack) return range.low;
  if (std::abs(value - range.high) <= slack) return range.high;
  return value;
}

}  // namespace

SearchRegion SearchRegion::make(const features::Encoder& encoder, const process::SearchSpace& space,
                                const std::vector<process::NamedValue>& context, const std::vector<Grid>& grids) {
  SearchRegion region;
  region.encoder_ = encoder;
  region.fixed_ = Eigen::VectorXd::Zero(encoder.p());
  region.low_ = Eigen::VectorXd::Zero(encoder.p());
  region.high_ = Eigen::VectorXd::Zero(encoder.p());
  region.levels_.resize(encoder.p());
  region.relations_.resize(0, encoder.p());
  if (const auto noise = names_of(encoder, Role::noise); !noise.empty()) {
    throw ConfigurationError({.where = "recommend.search_region",
                              .expected = "a surrogate averaged over its noise variables",
                              .received = "one that still depends on " + core::listed(noise),
                              .place = {},
                              .hint = "wrap it in AveragedSurrogate"});
  }
  region.set_context(context);
  region.within_moves_ = space.within_moves;
  for (const Grid& grid : grids) require_grid(grid, space);
  for (const process::Parameter& parameter : space.parameters) {
    const Eigen::Index column = encoder.find(parameter.name);
    if (column < 0 || encoder.variables()[column].role != Role::parameter) {
      throw ConfigurationError({.where = "recommend.search_region",
                                .expected = "a parameter that the model knows",
                                .received = core::quoted(parameter.name),
                                .place = {},
                                .hint = core::nearest_hint(parameter.name, names_of(encoder, Role::parameter))});
    }
    const auto grid =
        std::find_if(grids.begin(), grids.end(), [&](const Grid& one) { return one.parameter == parameter.name; });
    region.set_parameter(column, parameter, grid == grids.end() ? nullptr : &*grid);
  }
  if (region.parameters_.size() != encoder.columns_of(Role::parameter).size()) {
    throw ConfigurationError(
        {.where = "recommend.search_region",
         .expected = "a range for every parameter of the model: " + core::listed(names_of(encoder, Role::parameter)),
         .received = std::to_string(region.parameters_.size()) + " of them",
         .place = {},
         .hint = {}});
  }
  for (const bool equality : {true, false}) {  // equality rows stand first
    for (const process::ParameterConstraint& constraint : space.constraints) {
      if ((constraint.lower == constraint.upper) == equality) region.add_relation(constraint);
    }
  }
  region.throw_on_conflict();
  if (space.signomials.empty()) return region;
  space.require_signomials();
  return region.with(space.signomials);
}

void SearchRegion::set_context(const std::vector<process::NamedValue>& context) {
  const auto known = names_of(encoder_, Role::context);
  for (const process::NamedValue& given : context) {
    if (std::find(known.begin(), known.end(), given.name) == known.end()) {
      throw ConfigurationError({.where = "recommend.search_region",
                                .expected = "a context variable of the process",
                                .received = core::quoted(given.name),
                                .place = {},
                                .hint = core::nearest_hint(given.name, known)});
    }
  }
  std::vector<std::string> missing;
  for (const Eigen::Index column : encoder_.columns_of(Role::context)) {
    const EncodedVariable& variable = encoder_.variables()[column];
    const auto found = std::find_if(context.begin(), context.end(),
                                    [&](const process::NamedValue& given) { return given.name == variable.name; });
    if (found == context.end()) {
      missing.push_back(described(variable));
    } else {
      fixed_(column) = low_(column) = high_(column) = coded(encoder_, column, found->value, "context");
    }
  }
  if (!missing.empty()) {
    throw ConfigurationError({.where = "recommend.search_region",
                              .expected = "the context of the next run: " + core::listed(missing),
                              .received = context.empty() ? "no context" : "a context without it",
                              .place = {},
                              .hint = "settings are recommended for one known context at a time"});
  }
}

void SearchRegion::set_parameter(Eigen::Index column, const process::Parameter& parameter, const Grid* grid) {
  parameters_.push_back(column);
  ranges_.push_back(parameter);
  std::vector<double>& levels = levels_[column];
  if (grid != nullptr) {
    for (const double value : grid->values) levels.push_back(encoder_.encode_value(column, value));
    std::sort(levels.begin(), levels.end());
    levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
  } else if (parameter.kind == process::VariableKind::continuous) {
    low_(column) = encoder_.encode_value(column, parameter.low);
    high_(column) = encoder_.encode_value(column, parameter.high);
  } else if (parameter.kind == process::VariableKind::integer) {
    const double first = std::ceil(parameter.low);
    const double count = std::floor(parameter.high) - first + 1.0;
    if (count > most_levels) {
      throw ConfigurationError(
          {.where = "recommend.search_region",
           .expected = "at most " + std::to_string(most_levels) + " whole numbers for " + core::quoted(parameter.name),
           .received = core::number_text(count),
           .place = {},
           .hint = "declare it without `integer: true` and round what is recommended, or narrow its range"});
    }
    levels.reserve(static_cast<std::size_t>(count));
    for (double k = 0.0; k < count; k += 1.0) levels.push_back(encoder_.encode_value(column, first + k));
  } else {
    for (const std::string& category : parameter.categories) {
      levels.push_back(coded(encoder_, column, category, "parameter"));
    }
    std::sort(levels.begin(), levels.end());
  }
  if (!levels.empty()) {
    low_(column) = levels.front();
    high_(column) = levels.back();
  }
  fixed_(column) = low_(column);
  if (high_(column) <= low_(column)) {
    levels.clear();
  } else if (levels.empty()) {
    continuous_.push_back(column);
  } else {
    discrete_.push_back(column);
  }
}

void SearchRegion::add_relation(const process::ParameterConstraint& constraint) {
  Eigen::RowVectorXd row = Eigen::RowVectorXd::Zero(p());
  double offset = 0.0;
  for (const auto& [name, coefficient] : constraint.sum) {
    const Eigen::Index column = encoder_.find(name);
    if (column < 0 || !encoder_.variables()[column].is_numeric()) {
      const bool categorical = column >= 0;
      throw ConfigurationError(
          {.where = "recommend.search_region",
           .expected = "numeric parameters in a constraint",
           .received = core::quoted(name) + (categorical ? ", a categorical one" : ""),
           .place = constraint.text(),
           .hint = categorical ? "" : core::nearest_hint(name, names_of(encoder_, Role::parameter))});
    }
    const EncodedVariable& variable = encoder_.variables()[column];
    row(column) = coefficient * (variable.high > variable.low ? variable.high - variable.low : 1.0);
    offset += coefficient * variable.low;
  }
  const auto push = [&](double sign, double bound) {
    relations_.conservativeResize(relations_.rows() + 1, Eigen::NoChange);
    relations_.bottomRows<1>() = sign * row;
    relation_bounds_.conservativeResize(relation_bounds_.size() + 1);
    relation_bounds_(relation_bounds_.size() - 1) = sign * (bound - offset);
    relation_texts_.push_back(constraint.text());
  };
  if (constraint.lower == constraint.upper) {
    push(1.0, constraint.lower);
    ++equalities_;
    return;
  }
  if (std::isfinite(constraint.lower)) push(1.0, constraint.lower);
  if (std::isfinite(constraint.upper)) push(-1.0, constraint.upper);
}

void SearchRegion::throw_on_conflict() const {
  if (relations_.rows() == 0) return;
  std::vector<detail::Demand> demands;
  for (Eigen::Index i = 0; i < relations_.rows(); ++i) {
    detail::Demand demand{"constraint " + relation_texts_[i], {relations_.row(i)}, {relation_bounds_(i)}};
    if (i < equalities_) {
      demand.a.emplace_back(-relations_.row(i));
      demand.b.push_back(-relation_bounds_(i));
    }
    demands.push_back(std::move(demand));
  }
  std::vector<Eigen::Index> whole;
  for (const Eigen::Index column : parameters_) {
    if ((relations_.col(column).array() == 0.0).all()) continue;
    const EncodedVariable& variable = encoder_.variables()[column];
    const auto value = [&](double x) { return std::get<double>(encoder_.decode_value(column, x)); };
    Eigen::RowVectorXd row = Eigen::RowVectorXd::Zero(p());
    row(column) = 1.0;
    const bool moves = std::find(within_moves_.begin(), within_moves_.end(), variable.name) != within_moves_.end();
    demands.push_back({(moves ? "reachable range of " : "search range of ") + variable.name + " [" +
                           detail::rounded(value(low_(column))) + ", " + detail::rounded(value(high_(column))) + "]" +
                           detail::unit_suffix(variable.unit),
                       {row, -row},
                       {low_(column), -high_(column)}});
    if (!levels_[column].empty()) whole.push_back(column);
  }
  const auto name = [&](std::size_t i) { return demands[i].text; };
  std::vector<std::string> names;
  for (const std::size_t i : detail::smallest_conflict(demands)) names.push_back(name(i));
  if (!names.empty()) throw_infeasible(names);
  int budget = 20000;
  if (!whole.empty() && !whole_numbers_exist(*this, demands, whole, 0, budget)) {
    for (std::size_t i = 0; i < demands.size(); ++i) names.push_back(name(i));
    for (const Eigen::Index column : whole) {
      const bool integer = encoder_.variables()[column].kind == process::VariableKind::integer;
      names.push_back((integer ? "whole numbers for " : "the values of ") + encoder_.variables()[column].name);
    }
    throw_infeasible(names);
  }
}

std::vector<std::string> SearchRegion::active(const Eigen::VectorXd& x, double slack) const {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Eigen::Index column = parameters_[i];
    const EncodedVariable& variable = encoder_.variables()[column];
    if (!variable.is_numeric()) continue;
    if (high_(column) <= low_(column)) continue;
    const auto at = [&](const char* end) {
      const double value = without_rounding(ranges_[i], std::get<double>(encoder_.decode_value(column, x(column))));
      const bool moves = std::find(within_moves_.begin(), within_moves_.end(), variable.name) != within_moves_.end();
      texts.push_back(variable.name + " is at the " + end + " end of " +
                      (moves ? "what one move reaches, " : "its search range, ") +
                      detail::with_unit(value, variable.unit));
    };
    if (x(column) <= low_(column) + slack) at("low");
    if (x(column) >= high_(column) - slack) at("high");
  }
  for (Eigen::Index i = equalities_; i < relations_.rows(); ++i) {
    const double width = relations_.row(i).cwiseAbs().sum();
    if (relations_.row(i).dot(x) <= relation_bounds_(i) + slack * width) {
      texts.push_back("the constraint " + relation_texts_[i] + " is reached");
    }
  }
  return texts;
}

process::Recipe SearchRegion::recipe(const Eigen::VectorXd& x) const {
  std::vector<process::NamedValue> values;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Eigen::Index column = parameters_[i];
    const EncodedVariable& variable = encoder_.variables()[column];
    process::Value value = encoder_.decode_value(column, x(column));
    if (auto* number = std::get_if<double>(&value)) *number = without_rounding(ranges_[i], *number);
    values.push_back({variable.name, std::move(value), variable.unit});
  }
  return process::Recipe(std::move(values));
}

Eigen::VectorXd SearchRegion::encode(const process::Recipe& recipe) const {
  Eigen::VectorXd x = fixed_;
  std::vector<std::string> missing;
  for (const Eigen::Index column : parameters_) {
    const EncodedVariable& variable = encoder_.variables()[column];
    if (const process::Value* value = recipe.find(variable.name); value == nullptr) {
      missing.push_back(variable.name);
    } else {
      x(column) = coded(encoder_, column, *value, "parameter");
    }
  }
  if (!missing.empty()) {
    throw ConfigurationError({.where = "recommend.search_region",
                              .expected = "settings with every parameter",
                              .received = "settings without " + core::listed(missing),
                              .place = {},
                              .hint = {}});
  }
  return x;
}

}  // namespace luban::recommend
