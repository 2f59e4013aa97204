#pragma once

#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include <luban/guard/detail/nearest.hpp>

namespace luban::guard::testing_support {

/// Solves a small dense system by elimination with full pivoting; nothing when it is singular.
inline std::optional<std::vector<double>> solve(std::vector<std::vector<double>> a, std::vector<double> b) {
  const std::size_t n = b.size();
  std::vector<std::size_t> order(n);
  for (std::size_t i = 0; i < n; ++i) order[i] = i;
  for (std::size_t step = 0; step < n; ++step) {
    std::size_t row = step;
    std::size_t column = step;
    for (std::size_t i = step; i < n; ++i) {
      for (std::size_t j = step; j < n; ++j) {
        if (std::abs(a[i][j]) > std::abs(a[row][column])) row = i, column = j;
      }
    }
    if (std::abs(a[row][column]) < 1e-9) return std::nullopt;
    std::swap(a[step], a[row]);
    std::swap(b[step], b[row]);
    std::swap(order[step], order[column]);
    for (std::size_t i = 0; i < n; ++i) std::swap(a[i][step], a[i][column]);
    for (std::size_t i = step + 1; i < n; ++i) {
      const double factor = a[i][step] / a[step][step];
      for (std::size_t j = step; j < n; ++j) a[i][j] -= factor * a[step][j];
      b[i] -= factor * b[step];
    }
  }
  std::vector<double> x(n);
  for (std::size_t i = n; i-- > 0;) {
    double sum = b[i];
    for (std::size_t j = i + 1; j < n; ++j) sum -= a[i][j] * x[order[j]];
    x[order[i]] = sum / a[i][i];
  }
  return x;
}

inline double product(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// The nearest point by trying every set of at most n planes: projects onto each and keeps the best that satisfies
/// all half-spaces. Slow and obvious; shares nothing with the guard but the struct.
inline std::optional<std::vector<double>> nearest_by_enumeration(const std::vector<detail::HalfSpace>& spaces,
                                                                 const std::vector<double>& from) {
  const std::size_t n = from.size();
  std::optional<std::vector<double>> best;
  double best_distance = std::numeric_limits<double>::infinity();
  for (std::size_t mask = 0; mask < (std::size_t{1} << spaces.size()); ++mask) {
    std::vector<const detail::HalfSpace*> planes;
    for (std::size_t k = 0; k < spaces.size(); ++k) {
      if ((mask >> k & 1U) == 1U) planes.push_back(&spaces[k]);
    }
    if (planes.size() > n) continue;
    std::vector<std::vector<double>> gram(planes.size(), std::vector<double>(planes.size()));
    std::vector<double> missing(planes.size());
    for (std::size_t i = 0; i < planes.size(); ++i) {
      missing[i] = planes[i]->bound - product(planes[i]->normal, from);
      for (std::size_t j = 0; j < planes.size(); ++j) gram[i][j] = product(planes[i]->normal, planes[j]->normal);
    }
    const std::optional<std::vector<double>> multipliers = solve(gram, missing);
    if (!multipliers) continue;
    std::vector<double> x = from;
    double distance = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t k = 0; k < planes.size(); ++k) x[i] += (*multipliers)[k] * planes[k]->normal[i];
      distance += (x[i] - from[i]) * (x[i] - from[i]);
    }
    bool feasible = true;
    for (const detail::HalfSpace& space : spaces) feasible &= product(space.normal, x) >= space.bound - 1e-9;
    if (feasible && distance < best_distance) {
      best = x;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace luban::guard::testing_support
