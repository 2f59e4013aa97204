#include <memory>
#include <stdexcept>
#include <string>
#include <variant>

#include <gtest/gtest.h>

#include <luban/core/result.hpp>

namespace luban::core {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return Failure{.reason = "odd", .cause = "the caller gave " + std::to_string(number)};
  return number / 2;
}

TEST(result, holds_a_value) {
  const Result<int> result = half(8);
  EXPECT_TRUE(result.ok());
  EXPECT_TRUE(static_cast<bool>(result));
  EXPECT_EQ(result.value(), 4);
  EXPECT_THROW(static_cast<void>(result.failure()), std::bad_variant_access);
}

TEST(result, holds_a_failure_with_its_cause) {
  const Result<int> result = half(7);
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.failure().reason, "odd");
  EXPECT_EQ(result.failure().cause, "the caller gave 7");
}

TEST(result, asking_a_failure_for_its_value_is_a_programming_error) {
  try {
    static_cast<void>(half(7).value());
    FAIL() << "a value came out of a failure";
  } catch (const std::logic_error& error) {
    EXPECT_STREQ(error.what(), "Result without a value: odd");
  }
}

TEST(result, gives_up_a_value_that_cannot_be_copied) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(5));
  const std::unique_ptr<int> owned = std::move(result).value();
  EXPECT_EQ(*owned, 5);
}

}  // namespace
}  // namespace luban::core
