#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <luban/core/random.hpp>

namespace luban::core {
namespace {

std::vector<std::uint64_t> draws(Generator generator, int count) {
  std::vector<std::uint64_t> out;
  for (int i = 0; i < count; ++i) out.push_back(generator());
  return out;
}

// The streams are part of what a seed promises: results made with one version are made again by the next.
TEST(generator, draws_the_same_numbers_on_every_platform) {
  const std::vector<std::uint64_t> expected = {5987356902031041503ULL, 7051070477665621255ULL, 6633766593972829180ULL,
                                               211316841551650330ULL};
  EXPECT_EQ(draws(Generator(0), 4), expected);
}

TEST(generator, uniform_numbers_fill_the_unit_interval) {
  Generator generator = RandomKey(1).generator();
  constexpr int count = 20'000;
  double sum = 0.0;
  double least = 1.0;
  double most = 0.0;
  for (int i = 0; i < count; ++i) {
    const double u = generator.uniform();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
    least = std::min(least, u);
    most = std::max(most, u);
  }
  EXPECT_NEAR(sum / count, 0.5, 5.0 * std::sqrt(1.0 / 12.0 / count));  // five standard errors
  EXPECT_LT(least, 0.001);
  EXPECT_GT(most, 0.999);
}

TEST(generator, normal_numbers_have_the_moments_of_a_standard_normal) {
  Generator generator = RandomKey(2).generator();
  constexpr int count = 40'000;
  double sum = 0.0;
  double squares = 0.0;
  double fourths = 0.0;
  for (int i = 0; i < count; ++i) {
    const double z = generator.normal();
    ASSERT_TRUE(std::isfinite(z));
    sum += z;
    squares += z * z;
    fourths += z * z * z * z;
  }
  // Five standard errors each; the variances of z, z² and z⁴ are 1, 2 and 96.
  EXPECT_NEAR(sum / count, 0.0, 5.0 * std::sqrt(1.0 / count));
  EXPECT_NEAR(squares / count, 1.0, 5.0 * std::sqrt(2.0 / count));
  EXPECT_NEAR(fourths / count, 3.0, 5.0 * std::sqrt(96.0 / count));
}

TEST(generator, below_gives_every_value_its_share) {
  Generator generator = RandomKey(3).generator();
  constexpr std::uint64_t n = 7;
  constexpr int count = 14'000;
  std::vector<int> seen(n);
  for (int i = 0; i < count; ++i) ++seen.at(generator.below(n));
  for (const int times : seen) EXPECT_NEAR(times, count / 7.0, 5.0 * std::sqrt(count / 7.0));
  EXPECT_EQ(generator.below(1), 0U);
}

TEST(random_key, gives_the_same_stream_for_the_same_key) {
  EXPECT_EQ(draws(RandomKey(42).child("fold").child(3).generator(), 8),
            draws(RandomKey(42).child("fold").child(3).generator(), 8));
}

TEST(random_key, children_differ_from_each_other_and_from_their_parent) {
  const RandomKey parent(7);
  std::set<std::uint64_t> values = {parent.value()};
  constexpr std::uint64_t count = 1000;
  for (std::uint64_t i = 0; i < count; ++i) {
    values.insert(parent.child(i).value());
    values.insert(parent.child("child " + std::to_string(i)).value());
    values.insert(parent.child(i).child(0).value());
  }
  EXPECT_EQ(values.size(), 3 * count + 1);
}

TEST(random_key, deriving_a_child_does_not_change_the_parent) {
  const RandomKey parent(7);
  const auto before = draws(parent.generator(), 4);
  static_cast<void>(parent.child(1));
  EXPECT_EQ(draws(parent.generator(), 4), before);
}

}  // namespace
}  // namespace luban::core
