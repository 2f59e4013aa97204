// The projection against its twin, and the exactness of what comes out of it.
#include <cmath>

#include <luban/core/random.hpp>
#include <luban/guard/detail/region.hpp>

#include "support.hpp"
#include "twin.hpp"

namespace luban::guard {
namespace {

using namespace testing_support;
using detail::HalfSpace;
using detail::Region;
using Vector = std::vector<double>;

HalfSpace half_space(Vector normal, double bound) {
  const double length = std::sqrt(product(normal, normal));
  for (double& value : normal) value /= length;
  return {std::move(normal), bound / length};
}

double distance(const Vector& a, const Vector& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(sum);
}

/// A box and up to four bands, some parallel to each other, some equalities, some contradictory.
std::vector<HalfSpace> random_spaces(core::Generator& random, std::size_t n) {
  std::vector<HalfSpace> out;
  for (std::size_t i = 0; i < n; ++i) {
    Vector normal(n, 0.0);
    normal[i] = 1.0;
    out.push_back({normal, -1.0});
    normal[i] = -1.0;
    out.push_back({normal, random.below(8) == 0 ? 1.0 - 2.0 * random.uniform() : -1.0});
  }
  for (std::uint64_t rows = random.below(5); rows > 0; --rows) {
    Vector normal(n);
    for (double& value : normal) value = random.normal();
    if (out.size() > 2 * n && random.below(4) == 0) normal = out.back().normal;
    if (random.below(4) == 0) normal[random.below(n)] = 0.0;
    if (product(normal, normal) == 0.0) continue;
    const double bound = random.normal();
    out.push_back(half_space(normal, bound));
    if (random.below(3) != 0) continue;
    const double width = random.below(2) == 0 ? 0.0 : random.uniform();
    for (double& value : normal) value = -value;
    out.push_back(half_space(normal, -bound - width));
  }
  return out;
}

TEST(nearest, agrees_with_its_twin) {
  core::Generator random = core::RandomKey(1).generator();
  int found = 0;
  int empty = 0;
  for (int trial = 0; trial < 2500; ++trial) {
    SCOPED_TRACE(trial);
    const std::size_t n = 1 + random.below(3);
    const std::vector<HalfSpace> spaces = random_spaces(random, n);
    Vector from(n);
    for (double& value : from) value = 3.0 * random.normal();
    const auto ours = detail::nearest_point(spaces, from);
    const auto twin = nearest_by_enumeration(spaces, from);
    ASSERT_EQ(ours.has_value(), twin.has_value());
    if (!ours) {
      ++empty;
      continue;
    }
    ++found;
    for (const HalfSpace& space : spaces) ASSERT_GE(product(space.normal, *ours), space.bound - 1e-11);
    ASSERT_LE(distance(*ours, *twin), 1e-6);
    ASSERT_NEAR(distance(*ours, from), distance(*twin, from), 1e-8);
  }
  EXPECT_GT(found, 1000);
  EXPECT_GT(empty, 200);
}

TEST(nearest, is_exact_from_far_away_and_between_nearly_parallel_planes) {
  core::Generator random = core::RandomKey(5).generator();
  for (int trial = 0; trial < 300; ++trial) {
    SCOPED_TRACE(trial);
    const std::size_t n = 6;
    std::vector<HalfSpace> spaces;
    Vector first(n);
    for (double& value : first) value = random.normal();
    for (int row = 0; row < 12; ++row) {
      Vector normal = first;
      for (double& value : normal) value += (row < 4 ? 1e-6 : 1.0) * random.normal();
      spaces.push_back(half_space(normal, -random.uniform()));  // the origin is inside
    }
    Vector from(n);
    for (double& value : from) value = 1000.0 * random.normal();
    const auto x = detail::nearest_point(spaces, from);
    ASSERT_TRUE(x.has_value());
    double least = infinity;
    for (const HalfSpace& space : spaces) least = std::min(least, product(space.normal, *x) - space.bound);
    ASSERT_GE(least, -1e-12 * (1.0 + distance(*x, Vector(n, 0.0))));
  }
}

TEST(nearest, a_point_inside_stays_bit_for_bit) {
  const Vector from = {0.1, 0.2, 0.3};
  const auto x = detail::nearest_point({half_space({1, 1, 1}, -5.0), half_space({-1, 0, 2}, -9.0)}, from);
  ASSERT_TRUE(x.has_value());
  EXPECT_EQ(*x, from);
}

TEST(nearest, contradictions_and_nonsense_end) {
  EXPECT_FALSE(detail::nearest_point({half_space({1}, 1.0), half_space({-1}, 0.0)}, {0.5}).has_value());
  EXPECT_FALSE(detail::nearest_point({{{1.0, 0.0}, infinity}}, {0.0, 0.0}).has_value());
  const auto nothing = detail::nearest_point({{{nan, 0.0}, 0.0}}, {0.0, 0.0});
  EXPECT_TRUE(!nothing || std::isnan((*nothing)[0]));
}

Region box(const Vector& low, const Vector& high) {
  Region out;
  out.low = low;
  out.high = high;
  out.scale.assign(low.size(), 1.0);
  out.whole.assign(low.size(), 0);
  return out;
}

TEST(region, a_row_is_kept_exactly_in_double_arithmetic) {
  core::Generator random = core::RandomKey(2).generator();
  for (int trial = 0; trial < 20000; ++trial) {
    Region region = box({0.0, 0.0, 0.0}, {1.0, 1.0, 1.0});
    detail::Row row{.sum = {}, .lower = -infinity, .upper = 0.5 + random.uniform()};
    for (std::size_t i = 0; i < 3; ++i) row.sum.emplace_back(i, 0.5 + random.uniform());
    region.rows = {row};
    const Vector wanted = {random.uniform() + 0.5, random.uniform() + 0.5, random.uniform() + 0.5};
    const auto x = detail::nearest(region, wanted);
    ASSERT_TRUE(x.has_value());
    // In any order of summation.
    const double a = row.sum[0].second * (*x)[0];
    const double b = row.sum[1].second * (*x)[1];
    const double c = row.sum[2].second * (*x)[2];
    ASSERT_LE(a + b + c, row.upper);
    ASSERT_LE(c + b + a, row.upper);
    ASSERT_LE(a + c + b, row.upper);
  }
}

TEST(region, equalities_are_met_to_the_last_bit_or_refused) {
  core::Generator random = core::RandomKey(3).generator();
  int met = 0;
  constexpr int trials = 2000;
  for (int trial = 0; trial < trials; ++trial) {
    Region region = box({0.0, 0.0, 0.0}, {1.0, 1.0, 1.0});
    detail::Row row{.sum = {{0, 1.0}, {1, 0.2 + random.uniform()}, {2, 0.2 + random.uniform()}}};
    row.lower = row.upper = 0.5 + random.uniform();
    region.rows = {row};
    const auto x = detail::nearest(region, {random.uniform(), random.uniform(), random.uniform()});
    if (!x) continue;
    ++met;
    ASSERT_EQ(detail::sum_of(row, *x), row.upper);
  }
  EXPECT_GT(met, trials * 95 / 100);
}

TEST(region, a_bound_is_met_exactly) {
  Region region = box({0.07, 100.0}, {0.13, 300.0});
  region.scale = {0.06, 200.0};
  const auto x = detail::nearest(region, {0.2, 217.3});
  ASSERT_TRUE(x.has_value());
  EXPECT_EQ(*x, (Vector{0.13, 217.3}));
}

TEST(region, nothing_satisfies_an_empty_region) {
  EXPECT_FALSE(detail::nearest(box({1.0}, {0.0}), {0.5}).has_value());
  Region contradictory = box({0.0, 0.0}, {1.0, 1.0});
  contradictory.rows = {{.sum = {{0, 1.0}, {1, 1.0}}, .lower = 2.5, .upper = infinity}};
  EXPECT_FALSE(detail::nearest(contradictory, {0.5, 0.5}).has_value());
  Region between = box({0.2}, {0.8});
  between.whole = {1};
  EXPECT_FALSE(detail::nearest(between, {0.5}).has_value());
}

/// The best whole numbers by trying them all.
std::optional<Vector> best_whole(const Region& region, const Vector& wanted) {
  std::optional<Vector> best;
  for (double a = 0.0; a <= 6.0; a += 1.0) {
    for (double b = 0.0; b <= 6.0; b += 1.0) {
      Region fixed = region;
      fixed.low[0] = fixed.high[0] = a;
      fixed.low[1] = fixed.high[1] = b;
      fixed.whole = {0, 0, 0};
      const auto x = detail::nearest(fixed, wanted);
      if (x && (!best || distance(*x, wanted) < distance(*best, wanted))) best = x;
    }
  }
  return best;
}

TEST(region, whole_numbers_are_the_best_ones) {
  core::Generator random = core::RandomKey(4).generator();
  int found = 0;
  for (int trial = 0; trial < 500; ++trial) {
    SCOPED_TRACE(trial);
    Region region = box({0.0, 0.0, 0.0}, {6.0, 6.0, 6.0});
    region.whole = {1, 1, 0};
    for (int r = 0; r < 2; ++r) {
      detail::Row row{.sum = {}, .lower = -infinity, .upper = 6.0 * random.uniform()};
      for (std::size_t i = 0; i < 3; ++i) row.sum.emplace_back(i, random.normal());
      region.rows.push_back(row);
    }
    const Vector wanted = {7.0 * random.uniform(), 7.0 * random.uniform(), 7.0 * random.uniform()};
    const auto x = detail::nearest(region, wanted);
    const auto twin = best_whole(region, wanted);
    ASSERT_EQ(x.has_value(), twin.has_value());
    if (!x) continue;
    ++found;
    ASSERT_TRUE(detail::admits(region, *x));
    ASSERT_NEAR(distance(*x, wanted), distance(*twin, wanted), 1e-8);
  }
  EXPECT_GT(found, 300);
}

TEST(region, admits_is_exact_and_nan_proof) {
  const Region region = box({0.0}, {1.0});
  EXPECT_TRUE(detail::admits(region, {1.0}));
  EXPECT_FALSE(detail::admits(region, {std::nextafter(1.0, 2.0)}));
  EXPECT_TRUE(detail::admits(region, {-0.0}));
  EXPECT_FALSE(detail::admits(region, {-std::numeric_limits<double>::denorm_min()}));
  EXPECT_FALSE(detail::admits(region, {nan}));
  Region overflowing = box({0.0, 0.0}, {1.0, 1.0});
  overflowing.rows = {{.sum = {{0, 1e308}, {1, -1e308}}, .lower = -infinity, .upper = 1.0}};
  overflowing.low = {-1e300, -1e300};
  overflowing.high = {1e300, 1e300};
  EXPECT_FALSE(detail::admits(overflowing, {1e300, 1e300}));  // inf − inf
}

TEST(region, improves_means_nothing_worse_and_something_better) {
  Region region = box({0.0, 0.0}, {1.0, 1.0});
  region.rows = {{.sum = {{0, 1.0}, {1, 1.0}}, .lower = -infinity, .upper = 1.5}};
  EXPECT_TRUE(detail::improves(region, {3.0, 0.5}, {2.9, 0.5}));
  EXPECT_FALSE(detail::improves(region, {3.0, 0.5}, {3.0, 0.5}));
  EXPECT_FALSE(detail::improves(region, {3.0, 0.5}, {2.5, 1.1}));  // the second bound is broken anew
  EXPECT_FALSE(detail::improves(region, {3.0, 0.5}, {2.9, 0.7}));  // the sum gets worse
  EXPECT_FALSE(detail::improves(region, {0.5, 0.5}, {0.4, 0.5}));  // nothing was broken
}

}  // namespace
}  // namespace luban::guard
