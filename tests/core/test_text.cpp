#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <luban/core/text.hpp>

namespace luban::core {
namespace {

using Texts = std::vector<std::string>;

TEST(edit_distance, counts_insertions_deletions_replacements_and_swaps) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("feed", ""), 4U);
  EXPECT_EQ(edit_distance("feed", "fed"), 1U);
  EXPECT_EQ(edit_distance("feed", "feeds"), 1U);
  EXPECT_EQ(edit_distance("feed", "food"), 2U);
  EXPECT_EQ(edit_distance("feed", "fede"), 1U);
  EXPECT_EQ(edit_distance("FEED", "feed"), 0U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(nearest_name, finds_what_was_meant) {
  const Texts known = {"cutting_speed", "feed", "depth_of_cut"};
  EXPECT_EQ(nearest_name("fede", known), "feed");
  EXPECT_EQ(nearest_name("cuting_speed", known), "cutting_speed");
  EXPECT_EQ(nearest_name("Depth_Of_Cut", known), "depth_of_cut");
}

TEST(nearest_name, does_not_guess_what_is_far) {
  const Texts known = {"cutting_speed", "feed"};
  EXPECT_EQ(nearest_name("temperature", known), "");
  EXPECT_EQ(nearest_name("ab", Texts{"cd"}), "");
  EXPECT_EQ(nearest_name("feed", Texts{}), "");
}

TEST(nearest_hint, names_the_near_one_or_the_list) {
  EXPECT_EQ(nearest_hint("fede", Texts{"feed", "speed"}), "did you mean \"feed\"?");
  EXPECT_EQ(nearest_hint("voltage", Texts{"feed"}), "known is feed");
  EXPECT_EQ(nearest_hint("voltage", Texts{"feed", "speed"}), "known are feed and speed");
  EXPECT_EQ(nearest_hint("voltage", Texts{}), "none is declared");
  EXPECT_TRUE(nearest_hint("voltage", Texts(20, "feed")).ends_with(" and 8 more"));
}

TEST(listed, reads_like_a_sentence) {
  EXPECT_EQ(listed(Texts{}), "");
  EXPECT_EQ(listed(Texts{"a"}), "a");
  EXPECT_EQ(listed(Texts{"a", "b"}), "a and b");
  EXPECT_EQ(listed(Texts{"a", "b", "c"}), "a, b and c");
}

TEST(number_text, is_the_shortest_that_reads_back) {
  EXPECT_EQ(number_text(0.1), "0.1");
  EXPECT_EQ(number_text(381.0), "381");
  EXPECT_EQ(number_text(-1.0 / 3.0), "-0.3333333333333333");
  EXPECT_EQ(number_text(std::numeric_limits<double>::infinity()), "inf");
  for (const double value : {1e-300, 1e300, std::nextafter(1.0, 2.0), 12.32}) {
    EXPECT_EQ(std::stod(number_text(value)), value);
  }
}

}  // namespace
}  // namespace luban::core
