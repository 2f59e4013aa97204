#include "region.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "nearest.hpp"

namespace luban::guard::detail {
namespace {

using Vector = std::vector<double>;

constexpr double epsilon = std::numeric_limits<double>::epsilon();
constexpr double inward = 1e-11;  // rows are kept by this much of their terms' ranges, where there is room
constexpr double same = 1e-12;    // in scales: nearer than that is at the bound, or where it was wanted
constexpr int most_nodes = 200;   // of the search over whole numbers
constexpr int most_ulps = 3;      // that a value is moved to satisfy a row without room

/// How far inside its bounds a row is kept, so that no order of summation can put a value outside.
double margin_of(const Row& row, const Region& region) {
  double terms = 0.0;
  for (const auto& [i, coefficient] : row.sum) {
    const double size = std::max(std::abs(region.low[i]), std::abs(region.high[i]));
    terms += std::abs(coefficient) * (inward * region.scale[i] + 8.0 * epsilon * size);
  }
  return std::min(terms, 0.25 * (row.upper - row.lower));
}

/// Box and rows as half-spaces of the free coordinates y, where x = origin + scale · y.
std::vector<HalfSpace> half_spaces(const Region& region, const std::vector<std::size_t>& free, const Vector& origin,
                                   bool keep_inside) {
  std::vector<HalfSpace> out;
  std::vector<std::size_t> place(region.low.size(), free.size());
  for (std::size_t k = 0; k < free.size(); ++k) {
    const std::size_t i = free[k];
    place[i] = k;
    for (const double sign : {1.0, -1.0}) {
      HalfSpace& side = out.emplace_back(HalfSpace{Vector(free.size(), 0.0), 0.0});
      side.normal[k] = sign;
      side.bound = sign * ((sign > 0.0 ? region.low[i] : region.high[i]) - origin[i]) / region.scale[i];
    }
  }
  for (const Row& row : region.rows) {
    Vector normal(free.size(), 0.0);
    double squared = 0.0;
    for (const auto& [i, coefficient] : row.sum) {
      if (place[i] == free.size()) continue;
      normal[place[i]] = coefficient * region.scale[i];
      squared += normal[place[i]] * normal[place[i]];
    }
    if (squared == 0.0) continue;  // nothing to choose: the exact check decides
    const double length = std::sqrt(squared);
    const double margin = keep_inside ? margin_of(row, region) : 0.0;
    const double at_origin = sum_of(row, origin);
    for (const double sign : {1.0, -1.0}) {
      const double bound = sign > 0.0 ? row.lower + margin : row.upper - margin;
      if (!std::isfinite(bound)) continue;
      HalfSpace& side = out.emplace_back(HalfSpace{normal, sign * (bound - at_origin) / length});
      for (double& value : side.normal) value *= sign / length;
    }
  }
  return out;
}

/// The nearest point but for rounding; whole numbers are not asked for.
std::optional<Vector> relaxed(const Region& region, const Vector& wanted, bool keep_inside) {
  Vector x(wanted.size());
  std::vector<std::size_t> free;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!(region.low[i] <= region.high[i])) return std::nullopt;
    x[i] = std::clamp(wanted[i], region.low[i], region.high[i]);
    if (region.low[i] < region.high[i]) free.push_back(i);
  }
  Vector from(free.size());
  for (std::size_t k = 0; k < free.size(); ++k) from[k] = (wanted[free[k]] - x[free[k]]) / region.scale[free[k]];
  const std::optional<Vector> y = nearest_point(half_spaces(region, free, x, keep_inside), from);
  if (!y) return std::nullopt;
  for (std::size_t k = 0; k < free.size(); ++k) {
    const std::size_t i = free[k];
    const double near = same * region.scale[i];
    x[i] = std::clamp(x[i] + region.scale[i] * (*y)[k], region.low[i], region.high[i]);
    for (const double exact : {wanted[i], region.low[i], region.high[i]}) {
      if (std::abs(x[i] - exact) <= near && exact >= region.low[i] && exact <= region.high[i]) x[i] = exact;
    }
  }
  return x;
}

bool row_holds(const Row& row, const Vector& x) noexcept {
  const double sum = sum_of(row, x);
  return sum >= row.lower && sum <= row.upper;
}

double moved_by_ulps(double value, int ulps) {
  const double to = ulps > 0 ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
  for (int k = std::abs(ulps); k > 0; --k) value = std::nextafter(value, to);
  return value;
}

/// Satisfies a row that leaves no room by moving one or two of its values by a few units in the last place.
bool settle(const Row& row, const Region& region, Vector& x) {
  const auto moved = [&](std::size_t i, int ulps) {
    return std::clamp(moved_by_ulps(x[i], ulps), region.low[i], region.high[i]);
  };
  for (const auto& [i, first_coefficient] : row.sum) {
    for (const auto& [j, second_coefficient] : row.sum) {
      for (int first = -most_ulps; first <= most_ulps; ++first) {
        for (int second = -most_ulps; second <= most_ulps; ++second) {
          Vector candidate = x;
          candidate[i] = moved(i, first);
          if (j != i) candidate[j] = moved(j, second);
          if (!row_holds(row, candidate)) continue;
          x = std::move(candidate);
          return true;
        }
      }
    }
  }
  return false;
}

/// The nearest admitted point without regard to whole numbers that are still free.
std::optional<Vector> settled(const Region& region, const Vector& wanted) {
  for (const bool keep_inside : {true, false}) {
    std::optional<Vector> x = relaxed(region, wanted, keep_inside);
    if (x && !keep_inside) x = relaxed(region, *x, false);  // again from near by: what is left is rounding
    if (!x) continue;
    for (const Row& row : region.rows) {
      if (!row_holds(row, *x) && !settle(row, region, *x)) break;
    }
    if (admits(region, *x)) return x;
  }
  return std::nullopt;
}

double squared_distance(const Region& region, const Vector& a, const Vector& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double along = (a[i] - b[i]) / region.scale[i];
    sum += along * along;
  }
  return sum;
}

/// Branch and bound over the whole numbers: the value nearest to the relaxed one, then those below and above.
struct WholeSearch {
  const Vector& wanted;
  std::optional<Vector> best;
  double best_distance = std::numeric_limits<double>::infinity();
  int nodes = 0;

  void visit(const Region& region) {
    if (++nodes > most_nodes) return;
    std::size_t i = 0;
    while (i < region.low.size() && !(region.whole[i] == 1 && region.low[i] < region.high[i])) ++i;
    const bool leaf = i == region.low.size();
    std::optional<Vector> x = leaf ? settled(region, wanted) : relaxed(region, wanted, false);
    if (!x) return;
    const double distance = squared_distance(region, *x, wanted);
    if (distance >= best_distance) return;
    if (leaf) {
      best = std::move(x);
      best_distance = distance;
      return;
    }
    const double middle = std::clamp(std::round((*x)[i]), region.low[i], region.high[i]);
    Region part = region;
    part.low[i] = part.high[i] = middle;
    visit(part);
    part.low[i] = region.low[i];
    part.high[i] = middle - 1.0;
    if (part.low[i] <= part.high[i]) visit(part);
    part.low[i] = middle + 1.0;
    part.high[i] = region.high[i];
    if (part.low[i] <= part.high[i]) visit(part);
  }
};

}  // namespace

double sum_of(const Row& row, const std::vector<double>& x) noexcept {
  double sum = 0.0;
  for (const auto& [i, coefficient] : row.sum) sum += coefficient * x[i];
  return sum;
}

bool admits(const Region& region, const std::vector<double>& x) noexcept {
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!(x[i] >= region.low[i] && x[i] <= region.high[i])) return false;
    if (region.whole[i] == 1 && std::floor(x[i]) != x[i]) return false;
  }
  return std::all_of(region.rows.begin(), region.rows.end(), [&x](const Row& row) { return row_holds(row, x); });
}

std::optional<std::vector<double>> nearest(const Region& region, const std::vector<double>& wanted) {
  if (std::find(region.whole.begin(), region.whole.end(), 1) == region.whole.end()) return settled(region, wanted);
  Region inside = region;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (region.whole[i] == 0) continue;
    inside.low[i] = std::ceil(region.low[i]);
    inside.high[i] = std::floor(region.high[i]);
  }
  WholeSearch search{.wanted = wanted, .best = {}};
  search.visit(inside);
  return search.best;
}

bool improves(const Region& region, const std::vector<double>& before, const std::vector<double>& after) noexcept {
  bool worse = false;
  bool better = false;
  const auto compare = [&](double at_before, double at_after, double lower, double upper) {
    for (const auto& [from, to] :
         {std::pair(lower - at_before, lower - at_after), {at_before - upper, at_after - upper}}) {
      worse = worse || !(std::max(to, 0.0) <= std::max(from, 0.0));
      better = better || std::max(to, 0.0) < std::max(from, 0.0);
    }
  };
  for (std::size_t i = 0; i < before.size(); ++i) compare(before[i], after[i], region.low[i], region.high[i]);
  for (const Row& row : region.rows) compare(sum_of(row, before), sum_of(row, after), row.lower, row.upper);
  return better && !worse;
}

}  // namespace luban::guard::detail
