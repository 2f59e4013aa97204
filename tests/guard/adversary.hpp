#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <luban/core/random.hpp>

#include "support.hpp"

namespace luban::guard::testing_support {

/// One random line: everything that its plant would know, as plain numbers.
struct Line {
  std::vector<double> low, high;  ///< what the plant accepts
  std::vector<double> range;      ///< of the search, which distances are measured in
  std::vector<double> rate;       ///< per 10 s; infinite = none
  std::vector<bool> whole;
  std::vector<double> inside;  ///< a point that most relations admit
  struct Relation {
    std::vector<double> coefficients;  ///< by parameter, 0 = not in it
    double lower = -infinity;
    double upper = infinity;
  };
  std::vector<Relation> relations;
  bool category = false;  ///< a last parameter "mode" with A, B, C
  core::Nanoseconds dwell{};
  double deadband = 0.0;
  [[nodiscard]] std::size_t n() const { return low.size(); }
  /// An equality, or a band hardly wider than rounding: whether it can be met in doubles is luck.
  [[nodiscard]] bool has_thin_relation() const {
    for (const Relation& relation : relations) {
      if (relation.upper - relation.lower <= 1e-9 * (std::abs(relation.upper) + std::abs(relation.lower))) return true;
    }
    return false;
  }
};

constexpr core::Nanoseconds rate_period = 10s;

inline std::string name_of(std::size_t i) {
  return "TIC-" + std::to_string(100 + i) + ".SP";
}

class Adversary {
 public:
  explicit Adversary(std::uint64_t seed) : random_(core::RandomKey(seed).generator()) {}

  bool chance(double probability) { return random_.uniform() < probability; }
  double uniform(double low, double high) { return low + (high - low) * random_.uniform(); }
  std::uint64_t below(std::uint64_t n) { return random_.below(n); }
  double normal() { return random_.normal(); }

  Line line() {
    Line out;
    const std::size_t n = chance(0.05) ? 10 : 1 + below(4);
    for (std::size_t i = 0; i < n; ++i) {
      const double size = std::pow(10.0, uniform(-3.0, 4.0));
      out.whole.push_back(chance(0.1));
      double low = chance(0.2) ? 0.0 : size * normal();
      double high = chance(0.05) ? low : low + size * (0.1 + random_.uniform());
      if (out.whole.back()) low = std::floor(low), high = low + static_cast<double>(below(8));
      out.low.push_back(low);
      out.high.push_back(high);
      out.range.push_back(high > low ? high - low : std::max(1.0, std::abs(low)));
      const double rates[] = {infinity,
                              infinity,
                              uniform(0.01, 1.0) * out.range.back(),
                              1e-9 * out.range.back(),
                              std::numeric_limits<double>::denorm_min(),
                              1e300};
      out.rate.push_back(rates[below(6)]);
    }
    for (std::size_t i = 0; i < n; ++i) {
      out.inside.push_back(out.whole[i] ? std::round(uniform(out.low[i], out.high[i]))
                                        : uniform(out.low[i], out.high[i]));
    }
    const std::uint64_t relations = n == 10 ? 20 : below(4);
    for (std::uint64_t r = 0; r < relations; ++r) out.relations.push_back(relation(out));
    out.category = chance(0.2);
    out.dwell = chance(0.5) ? 0s : core::Nanoseconds(5s);
    out.deadband = chance(0.7) ? 0.0 : 0.01;
    return out;
  }

  /// A value as an optimizer gone wrong might state it.
  double value(const Line& line, std::size_t i) {
    const double low = line.low[i];
    const double high = line.high[i];
    const double infinities[] = {nan, infinity, -infinity, std::numeric_limits<double>::max()};
    if (chance(0.03)) return infinities[below(4)];
    switch (below(20)) {
      case 0:
        return std::numeric_limits<double>::denorm_min();
      case 1:
        return -0.0;
      case 2:
        return low;
      case 3:
        return high;
      case 4:
        return std::nextafter(low, -infinity);
      case 5:
        return std::nextafter(high, infinity);
      case 6:
        return low - line.range[i] * uniform(0.0, 999.0);
      case 7:
        return high + line.range[i] * uniform(0.0, 999.0);
      case 8:
        return low + line.range[i] * 3.0 * normal();
      case 9:
        return line.inside[i];
      case 10:
        return line.inside[i] + 0.01 * line.range[i] * normal();
      default:
        break;
    }
    const double inside = uniform(low, high);
    return line.whole[i] && chance(0.7) ? std::floor(inside) : inside;
  }

  /// Where the line stands: mostly inside, sometimes where only an operator could have put it.
  std::vector<double> confirmed(const Line& line) {
    std::vector<double> out = line.inside;
    if (chance(0.5)) return out;
    const double how = random_.uniform();
    for (std::size_t i = 0; i < line.n(); ++i) {
      out[i] = uniform(line.low[i], line.high[i]);
      if (line.whole[i]) out[i] = std::round(out[i]);
      if (how < 0.1) out[i] = chance(0.5) ? line.low[i] : line.high[i];
      if (how > 0.9) out[i] += line.range[i] * normal();
      if (how > 0.95) out[i] = std::nextafter(line.high[i], infinity);
    }
    return out;
  }

 private:
  Line::Relation relation(const Line& line) {
    Line::Relation out;
    out.coefficients.assign(line.n(), 0.0);
    if (!line.relations.empty() && chance(0.2)) out.coefficients = line.relations.back().coefficients;
    bool any = false;
    for (const double coefficient : out.coefficients) any = any || coefficient != 0.0;
    for (std::size_t i = 0; i < line.n() && !any; ++i) {
      if (chance(0.7)) out.coefficients[i] = (chance(0.3) ? 1.0 : normal()) / (chance(0.3) ? 1.0 : line.range[i]);
    }
    if (!any && out.coefficients[0] == 0.0) out.coefficients[0] = 1.0;
    double least = 0.0;
    double most = 0.0;
    for (std::size_t i = 0; i < line.n(); ++i) {
      const double a = out.coefficients[i] * line.low[i];
      const double b = out.coefficients[i] * line.high[i];
      least += std::min(a, b);
      most += std::max(a, b);
    }
    double here = 0.0;
    for (std::size_t i = 0; i < line.n(); ++i) {
      if (out.coefficients[i] != 0.0) here += out.coefficients[i] * line.inside[i];
    }
    if (chance(0.8)) {  // consistent with the point inside, sometimes only just
      const double room = chance(0.2) ? 0.0 : 0.3 * (most - least);
      out.upper = here + room * random_.uniform();
      if (chance(0.3)) out.lower = here - room * random_.uniform();
      if (chance(0.1)) out.lower = out.upper = here;
      return out;
    }
    const double middle = uniform(least - 0.1 * (most - least), most + 0.1 * (most - least));
    const std::uint64_t kind = below(10);
    if (kind < 5) {
      out.upper = middle;
    } else if (kind < 7) {
      out.lower = middle;
    } else {
      out.lower = middle;
      out.upper = kind == 7 ? middle : middle + (most - least) * (kind == 8 ? 1e-14 : random_.uniform());
    }
    return out;
  }

  core::Generator random_;
};

/// The guard that a line gets: its limits as operating limits, an envelope that finds nothing new.
inline Guard guard_of(const Line& line) {
  process::ProcessDefinition definition;
  definition.name = "line";
  definition.responses = {{.name = "quality", .unit = "um"}};
  process::TrainingEnvelope open;
  for (std::size_t i = 0; i < line.n(); ++i) {
    process::Parameter parameter = number(name_of(i), "u" + std::to_string(i), line.low[i], line.high[i]);
    parameter.limits = {.low = line.low[i], .high = line.high[i]};
    if (line.rate[i] < infinity) {
      parameter.limits.max_rate = line.rate[i];
      parameter.limits.max_rate_per = rate_period;
    }
    if (line.whole[i]) parameter.kind = process::VariableKind::integer;
    definition.parameters.push_back(parameter);
    open.names.push_back(parameter.name);
  }
  if (line.category) definition.parameters.push_back(category<process::Parameter>("mode", {"A", "B", "C"}));
  for (const Line::Relation& relation : line.relations) {
    process::ParameterConstraint constraint;
    constraint.lower = relation.lower;
    constraint.upper = relation.upper;
    for (std::size_t i = 0; i < line.n(); ++i) {
      if (relation.coefficients[i] != 0.0) constraint.sum.emplace_back(name_of(i), relation.coefficients[i]);
    }
    definition.parameter_constraints.push_back(constraint);
  }
  open.mean.assign(line.n(), 0.0);
  open.scale.assign(line.n(), 1e6);
  open.inverse_covariance.assign(line.n() * line.n(), 0.0);
  for (std::size_t i = 0; i < line.n(); ++i) open.inverse_covariance[i * line.n() + i] = 1.0;
  open.quantile_levels = {0.5, 0.999};
  open.distance_quantiles = {1e200, 1e200};
  if (line.category) {
    open.category_names = {"mode"};
    open.combinations = {{"A"}, {"B"}};
  }
  GuardOptions with;
  with.dwell = line.dwell;
  with.deadband = line.deadband;
  return {process::Process(definition), open, digest_of(open), with};
}

}  // namespace luban::guard::testing_support
