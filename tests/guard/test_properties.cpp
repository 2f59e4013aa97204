// A hundred thousand requests of an adversary; the million is in test_properties_long.cpp.
#include "properties.hpp"

namespace luban::guard {
namespace {

using namespace testing_support;

TEST(properties, nothing_outside_is_ever_set) {
  const Tally tally = run_properties(20261124, 4000, 25);
  expect_variety(tally, 100000);
}

}  // namespace
}  // namespace luban::guard
