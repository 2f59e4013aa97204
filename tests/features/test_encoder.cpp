#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/core/random.hpp>
#include <luban/features/encoder.hpp>

#include "support.hpp"

namespace luban::features {
namespace {

using testing::source_of;
using testing::turning_definition;

Encoder turning_encoder() {
  const auto rows = testing::grid(3, 1, 1, [](int, int, int, int) { return 1.0; });
  return Encoder::make(process::Process(turning_definition()), source_of(rows.table()));
}

template <typename Body>
std::string message_of(const Body& body) {
  try {
    body();
  } catch (const core::Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Encoder, OrdersParametersThenContextThenNoise) {
  const Encoder encoder = turning_encoder();
  ASSERT_EQ(encoder.p(), 5);
  EXPECT_EQ(encoder.variables()[0].name, "speed");
  EXPECT_EQ(encoder.columns_of(Role::context), (std::vector<Eigen::Index>{2, 3}));
  EXPECT_EQ(encoder.columns_of(Role::noise), (std::vector<Eigen::Index>{4}));
  EXPECT_EQ(encoder.find("position"), 4);
  EXPECT_EQ(encoder.find("nothing"), -1);
}

TEST(Encoder, DecodeThenEncodeIsIdentity) {
  const Encoder encoder = turning_encoder();
  core::Generator random = core::RandomKey(3).generator();
  Eigen::MatrixXd X(200, 5);
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    X.row(i) << 4.0 * random.uniform() - 2.0, random.uniform(), static_cast<double>(random.below(2)),
        static_cast<double>(random.below(3)), static_cast<double>(random.below(3));
  }
  EXPECT_LT((encoder.encode(encoder.decode(X)) - X).cwiseAbs().maxCoeff(), 1e-12);
  for (Eigen::Index j = 0; j < X.cols(); ++j) {
    EXPECT_NEAR(encoder.encode_value(j, encoder.decode_value(j, X(7, j))), X(7, j), 1e-12);
  }
}

TEST(Encoder, CodesManyNumbersLikeOne) {
  // Whole numbers whose range ends between them: low and width cannot be read off decoded ends, which are rounded.
  const Encoder encoder({{.name = "passes", .kind = process::VariableKind::integer, .low = 0.4, .high = 3.4},
                         {.name = "wear", .kind = process::VariableKind::categorical, .categories = {"New", "Worn"}}});
  const std::vector<double> values = {1.0, 2.0, 3.0, -7.0};
  const Eigen::VectorXd coded = encoder.encode_column(0, values);
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(coded(static_cast<Eigen::Index>(i)), encoder.encode_value(0, values[i]));
  }
  EXPECT_NE(message_of([&] {
              (void)encoder.encode_column(0, {1.0, process::no_number});
            }).find("row 1"),
            std::string::npos);
  EXPECT_THROW((void)encoder.encode_column(1, values), core::DataError);
}

TEST(Encoder, SearchRangeBecomesZeroToOne) {
  const Encoder encoder = turning_encoder();
  EXPECT_DOUBLE_EQ(encoder.encode_value(0, 100.0), 0.0);
  EXPECT_DOUBLE_EQ(encoder.encode_value(0, 300.0), 1.0);
  EXPECT_DOUBLE_EQ(encoder.encode_value(2, std::string("Worn")), 1.0);
}

TEST(Encoder, MatchesCategoriesByNameNotByOrder) {
  auto rows = testing::grid(1, 1, 1, [](int, int, int, int) { return 1.0; });
  process::Table table = rows.table();
  std::vector<process::Column> columns;
  for (const auto& column : table.columns()) {
    columns.push_back(column.info.name == "wear"
                          ? process::Column::code("wear", {"Worn", "New"}, std::vector<std::int32_t>(6, 0))
                          : column);
  }
  const Eigen::MatrixXd X = turning_encoder().encode(process::Table(std::move(columns)));
  EXPECT_EQ(X.col(2), Eigen::VectorXd::Ones(6));
}

TEST(Encoder, ReadsCategoriesFromStrings) {
  const Encoder encoder({{.name = "wear", .kind = process::VariableKind::categorical, .categories = {"New", "Worn"}}});
  const process::Table table({process::Column::string("wear", {"Worn", "New"})});
  EXPECT_EQ(encoder.encode(table), (Eigen::MatrixXd(2, 1) << 1.0, 0.0).finished());
}

TEST(Encoder, NamesTheRowOfWhatItCannotRead) {
  auto rows = testing::grid(2, 1, 1, [](int, int, int, int) { return 1.0; });
  rows.speed[4] = process::no_number;
  const Encoder encoder = turning_encoder();
  EXPECT_NE(message_of([&] { (void)encoder.encode(rows.table()); }).find("row 4"), std::string::npos);
  rows.speed[4] = 100.0;
  rows.wear[3] = -1;
  EXPECT_NE(message_of([&] { (void)encoder.encode(rows.table()); }).find("row 3"), std::string::npos);
}

TEST(Encoder, NamesTheNearestOfAnUnknownCategory) {
  const std::string message = message_of([] { (void)turning_encoder().encode_value(2, std::string("Wornn")); });
  EXPECT_NE(message.find("Wornn"), std::string::npos);
  EXPECT_NE(message.find("\"Worn\""), std::string::npos);
}

TEST(Encoder, RefusesAnotherUnit) {
  process::ProcessDefinition definition = turning_definition();
  definition.parameters[0].unit = "ft/min";
  const auto rows = testing::grid(1, 1, 1, [](int, int, int, int) { return 1.0; });
  EXPECT_THROW((void)Encoder::make(process::Process(definition), source_of(rows.table())), core::UnitError);
}

TEST(Encoder, TakesAMissingRangeFromTheData) {
  process::ProcessDefinition definition = turning_definition();
  process::ContextVariable temperature;
  temperature.name = "temperature";
  temperature.unit = "degC";
  definition.context.push_back(temperature);
  process::Table table = testing::grid(1, 1, 1, [](int, int, int, int) { return 1.0; }).table();
  table.add(process::Column::float64("temperature", "degC", {21.0, 25.0, 23.0, 22.0, 24.0, 21.5}));
  const Encoder encoder = Encoder::make(process::Process(definition), source_of(std::move(table)));
  const EncodedVariable& variable = encoder.variables()[static_cast<std::size_t>(encoder.find("temperature"))];
  EXPECT_DOUBLE_EQ(variable.low, 21.0);
  EXPECT_DOUBLE_EQ(variable.high, 25.0);
}

TEST(Encoder, AConstantColumnEncodesToZero) {
  const Encoder encoder({{.name = "t", .low = 20.0, .high = 20.0}});
  EXPECT_DOUBLE_EQ(encoder.encode_value(0, 20.0), 0.0);
  EXPECT_DOUBLE_EQ(encoder.encode_value(0, 21.0), 1.0);
  EXPECT_DOUBLE_EQ(std::get<double>(encoder.decode_value(0, 1.0)), 21.0);
}

TEST(Encoder, WholeNumbersDecodeToWholeNumbers) {
  const Encoder encoder({{.name = "passes", .kind = process::VariableKind::integer, .low = 1.0, .high = 5.0}});
  EXPECT_DOUBLE_EQ(std::get<double>(encoder.decode_value(0, 0.30)), 2.0);
}

TEST(Encoder, OneHotSpreadsCategoriesAndScalesOrdinals) {
  const Encoder encoder = turning_encoder();
  Eigen::MatrixXd X(1, 5);
  X << 0.5, 0.25, 1.0, 1.0, 2.0;
  ASSERT_EQ(encoder.one_hot_width(), 8);
  Eigen::MatrixXd expected(1, 8);
  expected << 0.5, 0.25, 0.0, 1.0, 0.5, 0.0, 0.0, 1.0;
  EXPECT_EQ(encoder.one_hot(X), expected);
}

TEST(Encoder, SurvivesJson) {
  const Encoder encoder = turning_encoder();
  const Encoder read = Encoder::from_json(core::Json::parse(encoder.to_json().dump()));
  EXPECT_EQ(read.to_json(), encoder.to_json());
  EXPECT_EQ(read.variables()[3].categories, encoder.variables()[3].categories);
  EXPECT_EQ(read.variables()[4].role, Role::noise);
}

}  // namespace
}  // namespace luban::features
