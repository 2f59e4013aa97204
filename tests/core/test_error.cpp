#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>

namespace luban::core {
namespace {

ErrorDetail detail() {
  return {.where = "history.read",
          .expected = "a column \"Ra\"",
          .received = "a table without it",
          .place = "turning.csv, row 7",
          .hint = "did you mean \"Rq\"?"};
}

std::string text(ErrorDetail given) {
  return Error(std::move(given)).what();
}

TEST(error, says_where_expected_received_place_and_hint) {
  EXPECT_EQ(text(detail()),
            "[history.read] expected a column \"Ra\", received a table without it (turning.csv, row 7). "
            "Hint: did you mean \"Rq\"?");
}

TEST(error, leaves_out_what_is_empty) {
  ErrorDetail given = detail();
  given.place.clear();
  EXPECT_EQ(text(given),
            "[history.read] expected a column \"Ra\", received a table without it. Hint: did you mean \"Rq\"?");
  given.hint.clear();
  EXPECT_EQ(text(given), "[history.read] expected a column \"Ra\", received a table without it.");
}

TEST(error, ends_a_hint_with_one_full_stop) {
  ErrorDetail given = detail();
  for (const std::string hint : {"close the file", "close the file."}) {
    given.hint = hint;
    EXPECT_TRUE(text(given).ends_with(" Hint: close the file.")) << text(given);
  }
}

TEST(error, keeps_its_fields) {
  const Error error(detail());
  EXPECT_EQ(error.detail().where, "history.read");
  EXPECT_EQ(error.detail().expected, "a column \"Ra\"");
  EXPECT_EQ(error.detail().received, "a table without it");
  EXPECT_EQ(error.detail().place, "turning.csv, row 7");
  EXPECT_EQ(error.detail().hint, "did you mean \"Rq\"?");
}

template <typename E, typename Base>
void expect_caught_as_base() {
  EXPECT_THROW(throw E(detail()), Base);
}

/// Thrown as E, caught as each of the bases named.
template <typename E, typename... Bases>
void expect_caught_as() {
  expect_caught_as_base<E, E>();
  (expect_caught_as_base<E, Bases>(), ...);
}

TEST(error, is_a_tree_with_one_root) {
  expect_caught_as<ConfigurationError, Error, std::runtime_error>();
  expect_caught_as<DataError, Error>();
  expect_caught_as<UnitError, DataError, Error>();
  expect_caught_as<IntegrityError, Error>();
  expect_caught_as<VersionError, IntegrityError, Error>();
  expect_caught_as<InfeasibleError, Error>();
  expect_caught_as<NumericalError, Error>();
  expect_caught_as<LifecycleError, Error>();
  expect_caught_as<IoError, Error>();
  expect_caught_as<NotBuiltError, Error>();
  expect_caught_as<ParallelError, Error>();
  expect_caught_as<StoppedError, Error>();
}

}  // namespace
}  // namespace luban::core
