#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/core/json.hpp>

namespace luban::core {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(json, keeps_the_order_of_keys) {
  const std::string text = R"({"b":1,"a":{"z":[true,null,"x"],"y":-2.5}})";
  EXPECT_EQ(Json::parse(text).dump(), text);
  EXPECT_EQ(Json::object().set("b", 1).set("a", 2).set("b", 3).dump(), R"({"b":3,"a":2})");
}

TEST(json, reads_back_every_double_and_whole_number) {
  for (const double value : {0.1, -0.0, 1e-308, 1.7976931348623157e308, 5e-324, 1.0 / 3.0}) {
    const double again = Json::parse(Json(value).dump()).as_double();
    EXPECT_EQ(again, value);
    EXPECT_EQ(std::signbit(again), std::signbit(value));
  }
  for (const std::int64_t value : {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1}, std::int64_t{0},
                                   std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_EQ(Json::parse(Json(value).dump()).as_int(), value);
  }
  EXPECT_EQ(Json::parse("18446744073709551615").as_double(), 18446744073709551615.0);
}

TEST(json, writes_what_json_has_no_number_for_as_null) {
  for (const double value : {std::numeric_limits<double>::quiet_NaN(), infinity, -infinity}) {
    EXPECT_EQ(Json(value).dump(), "null");
  }
  EXPECT_TRUE(std::isnan(Json().as_double()));
}

TEST(json, carries_any_text) {
  using namespace std::string_literals;
  for (const std::string& text : {""s, "\"quoted\" \\ \n \t"s, "µm Ø 中文"s, "a\0b"s}) {
    EXPECT_EQ(Json::parse(Json(text).dump()).as_string(), text);
  }
}

TEST(json, refuses_text_that_is_not_json) {
  for (const char* text : {"", "{", "[1,]", "{'a': 1}", "{\"a\" 1}", "nul", "1 2", "\"\xff\"", "NaN"}) {
    EXPECT_THROW(static_cast<void>(Json::parse(text)), DataError) << text;
  }
}

TEST(json, refuses_a_number_that_no_double_holds) {
  EXPECT_THROW(static_cast<void>(Json::parse("1e999")), DataError);
}

TEST(json, refuses_nesting_that_would_exhaust_the_stack) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(Json::parse(nested(100)).dump(), nested(100));
  EXPECT_THROW(static_cast<void>(Json::parse(nested(1'000'000))), DataError);
  EXPECT_EQ(Json::parse("\"" + std::string(1000, '[') + "\\\"" + std::string(1000, '[') + "\"").as_string().size(),
            2001U);
}

TEST(json, says_where_the_text_goes_wrong) {
  try {
    static_cast<void>(Json::parse("{\"a\": 1,\n \"b\" 2}"));
    FAIL() << "wrong text was taken";
  } catch (const DataError& error) {
    EXPECT_NE(error.detail().received.find("line 2"), std::string::npos) << error.what();
  }
}

TEST(json, refuses_reads_of_another_type) {
  const Json number(1.5);
  EXPECT_THROW(static_cast<void>(number.as_bool()), DataError);
  EXPECT_THROW(static_cast<void>(number.as_int()), DataError);
  EXPECT_THROW(static_cast<void>(number.as_string()), DataError);
  EXPECT_THROW(static_cast<void>(number.as_array()), DataError);
  EXPECT_THROW(static_cast<void>(number.as_object()), DataError);
  EXPECT_THROW(static_cast<void>(Json("text").as_double()), DataError);
  EXPECT_THROW(static_cast<void>(Json(std::vector<std::string>{"a"}).as_doubles()), DataError);
  EXPECT_THROW(static_cast<void>(Json(std::vector<double>{1.0}).as_strings()), DataError);
  EXPECT_THROW(Json(1).set("key", 2), DataError);
  EXPECT_THROW(Json(1).push_back(2), DataError);
}

TEST(json, finds_keys) {
  const Json object = Json::parse(R"({"a": 1, "b": null})");
  ASSERT_NE(object.find("a"), nullptr);
  EXPECT_EQ(object.at("a").as_int(), 1);
  EXPECT_TRUE(object.at("b").is_null());
  EXPECT_EQ(object.find("c"), nullptr);
  EXPECT_THROW(static_cast<void>(object.at("c")), DataError);
  EXPECT_EQ(Json(1).find("a"), nullptr);
}

TEST(json, converts_lists) {
  const std::vector<double> numbers = {1.0, -2.5};
  const std::vector<std::string> texts = {"a", "b"};
  EXPECT_EQ(Json(numbers).as_doubles(), numbers);
  EXPECT_EQ(Json(texts).as_strings(), texts);
  Json list;
  list.push_back(1).push_back("two");
  EXPECT_EQ(list.dump(), R"([1,"two"])");
}

TEST(json, writes_several_lines_when_asked) {
  EXPECT_EQ(Json::object().set("a", 1).dump(2), "{\n  \"a\": 1\n}");
}

}  // namespace
}  // namespace luban::core
