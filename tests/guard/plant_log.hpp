#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "adversary.hpp"

namespace luban::guard::testing_support {

// Exact products and differences of doubles need more than their own precision.
__extension__ using Quad = __float128;

/// What a plant would hold against a write, judged from its own knowledge of the line: the independent checker.
struct PlantLog {
  const Line& line;
  const std::vector<double>& confirmed;
  core::Nanoseconds since_last_move;
  const std::vector<bool>& held;

  [[nodiscard]] double sum(const Line::Relation& relation, const std::vector<double>& x) const {
    double total = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (relation.coefficients[i] != 0.0) total += relation.coefficients[i] * x[i];
    }
    return total;
  }

  /// |x − confirmed| ≤ rate · min(time, period) / period without any rounding.
  [[nodiscard]] bool within_rate(const std::vector<double>& x) const {
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (held[i] && x[i] != confirmed[i]) return false;
      if (!(line.rate[i] < infinity)) continue;
      Quad change = static_cast<Quad>(x[i]) - static_cast<Quad>(confirmed[i]);
      if (change < 0) change = -change;
      const auto time = static_cast<Quad>(std::min(since_last_move, rate_period).count());
      if (change * static_cast<Quad>(rate_period.count()) > static_cast<Quad>(line.rate[i]) * time) return false;
    }
    return true;
  }

  [[nodiscard]] bool within_limits(const std::vector<double>& x) const {
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (!std::isfinite(x[i]) || x[i] < line.low[i] || x[i] > line.high[i]) return false;
      if (line.whole[i] && x[i] != std::floor(x[i])) return false;
    }
    for (const Line::Relation& relation : line.relations) {
      const double total = sum(relation, x);
      if (!(total >= relation.lower) || !(total <= relation.upper)) return false;
    }
    return true;
  }

  [[nodiscard]] bool accepts(const std::vector<double>& x) const { return within_limits(x) && within_rate(x); }

  /// How far each bound is exceeded, in the order of the bounds.
  [[nodiscard]] std::vector<double> excesses(const std::vector<double>& x) const {
    std::vector<double> out;
    for (std::size_t i = 0; i < x.size(); ++i) {
      out.push_back(std::max(0.0, line.low[i] - x[i]));
      out.push_back(std::max(0.0, x[i] - line.high[i]));
    }
    for (const Line::Relation& relation : line.relations) {
      out.push_back(std::max(0.0, relation.lower - sum(relation, x)));
      out.push_back(std::max(0.0, sum(relation, x) - relation.upper));
    }
    return out;
  }

  /// A step back: the line stands outside, no bound is exceeded by more than before and one by less.
  [[nodiscard]] bool comes_back(const std::vector<double>& x) const {
    const std::vector<double> before = excesses(confirmed);
    const std::vector<double> after = excesses(x);
    bool better = false;
    for (std::size_t k = 0; k < before.size(); ++k) {
      if (after[k] > before[k]) return false;
      better = better || after[k] < before[k];
    }
    return better;
  }

  [[nodiscard]] double distance(const std::vector<double>& a, const std::vector<double>& b) const {
    double total = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) total += std::pow((a[i] - b[i]) / line.range[i], 2);
    return std::sqrt(total);
  }
};

}  // namespace luban::guard::testing_support
