// A million requests of an adversary.
#include "properties.hpp"

namespace luban::guard {
namespace {

using namespace testing_support;

TEST(properties_long, nothing_outside_is_ever_set) {
  expect_variety(run_properties(1, 40000, 25), 1000000);
}

}  // namespace
}  // namespace luban::guard
