// One pass over a source: minibatches hold every row once, statistics are those of all rows in memory.
#include <gtest/gtest.h>
#include <luban/core/error.hpp>
#include <luban/core/random.hpp>
#include <luban/history/minibatches.hpp>
#include <luban/history/statistics.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

namespace luban::history {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

/// Rows in memory that claim blocks of a given length.
class Blocks final : public process::TableSource {
 public:
  Blocks(process::Table table, std::size_t block)
      : source_(std::make_shared<process::Table>(std::move(table)), process::Grain::readings), block_(block) {}
  [[nodiscard]] std::vector<process::ColumnInfo> schema() const override { return source_.schema(); }
  [[nodiscard]] std::size_t row_count() const override { return source_.row_count(); }
  [[nodiscard]] process::Grain grain() const override { return source_.grain(); }
  [[nodiscard]] std::vector<process::RowRange> blocks() const override {
    std::vector<process::RowRange> out;
    for (std::size_t begin = 0; begin < row_count(); begin += block_) {
      out.push_back({begin, std::min(row_count(), begin + block_)});
    }
    return out;
  }
  [[nodiscard]] process::Table read(const std::vector<std::string>& columns, process::RowRange rows) const override {
    return source_.read(columns, rows);
  }

 private:
  process::MemorySource source_;
  std::size_t block_;
};

std::shared_ptr<const Blocks> numbered_rows(std::size_t rows, std::size_t block) {
  std::vector<double> number(rows);
  std::iota(number.begin(), number.end(), 0.0);
  std::vector<std::int32_t> code;
  for (std::size_t i = 0; i < rows; ++i) code.push_back(static_cast<std::int32_t>(i % 3) - 1);
  process::Table table;
  table.add(process::Column::float64("number", "mm", number));
  table.add(process::Column::code("side", {"a", "b"}, code));
  table.add(process::Column::string("note", std::vector<std::string>(rows)));
  return std::make_shared<const Blocks>(std::move(table), block);
}

std::vector<float> all_numbers(Minibatches& minibatches, std::size_t size) {
  std::vector<float> out;
  for (Minibatch one = minibatches.next(); one.rows > 0; one = minibatches.next()) {
    EXPECT_LE(one.rows, size);
    EXPECT_EQ(one.columns, 2U);
    for (std::size_t i = 0; i < one.rows; ++i) {
      const float number = one.values[2 * i];
      const float code = one.values[2 * i + 1];
      const auto expected = static_cast<std::int64_t>(number) % 3 - 1;
      EXPECT_TRUE(expected < 0 ? std::isnan(code) : code == static_cast<float>(expected));
      out.push_back(number);
    }
  }
  return out;
}

TEST(Minibatches, EveryRowOnceWhateverTheSizes) {
  for (const std::size_t rows :
       {std::size_t{0}, std::size_t{1}, std::size_t{255}, std::size_t{256}, std::size_t{5000}}) {
    for (const std::size_t block : {std::size_t{7}, std::size_t{1000}, std::size_t{100000}}) {
      for (const std::size_t pool : {std::size_t{1}, std::size_t{300}, std::size_t{1000000}}) {
        Minibatches minibatches(numbered_rows(rows, block), {"number", "side"},
                                {.size = 256, .pool_rows = pool, .seed = rows + block});
        std::vector<float> seen = all_numbers(minibatches, 256);
        EXPECT_EQ(seen.size(), rows);
        std::sort(seen.begin(), seen.end());
        for (std::size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], static_cast<float>(i));
      }
    }
  }
}

TEST(Minibatches, TheSeedAndTheEpochGiveTheOrder) {
  const auto source = numbered_rows(3000, 100);
  const auto order = [&](const MinibatchOptions& options) {
    Minibatches minibatches(source, {"number", "side"}, options);
    return all_numbers(minibatches, options.size);
  };
  const MinibatchOptions first{.size = 64, .pool_rows = 500, .seed = 1};
  EXPECT_EQ(order(first), order(first));
  EXPECT_NE(order(first), order({.size = 64, .pool_rows = 500, .seed = 2}));
  EXPECT_NE(order(first), order({.size = 64, .pool_rows = 500, .seed = 1, .epoch = 1}));
  const std::vector<float> plain = order({.size = 64, .shuffle = false});
  EXPECT_TRUE(std::is_sorted(plain.begin(), plain.end()));
  std::size_t neighbours = 0;
  const std::vector<float> shuffled = order(first);
  for (std::size_t i = 1; i < shuffled.size(); ++i) neighbours += shuffled[i] == shuffled[i - 1] + 1.0F ? 1 : 0;
  EXPECT_LT(neighbours, 50U);  // about 6 by chance
}

TEST(Minibatches, ALastOneThatIsNotFullCanBeLeftOut) {
  Minibatches minibatches(numbered_rows(1000, 100), {"number", "side"}, {.size = 256, .drop_last = true});
  EXPECT_EQ(all_numbers(minibatches, 256).size(), 768U);
}

TEST(Minibatches, StoppedInTheMiddleItEnds) {
  Minibatches minibatches(numbered_rows(100000, 100), {"number", "side"}, {.size = 64, .pool_rows = 200});
  EXPECT_EQ(minibatches.next().rows, 64U);
}

TEST(Minibatches, WhatCannotBeANumberIsRefused) {
  EXPECT_THROW(Minibatches(numbered_rows(10, 5), {"note"}), core::DataError);
  EXPECT_THROW(Minibatches(numbered_rows(10, 5), {"numbr"}), core::DataError);
  EXPECT_THROW(Minibatches(numbered_rows(10, 5), {"number"}, {.size = 0}), core::ConfigurationError);
}

TEST(Statistics, AreThoseOfAllRows) {
  core::Generator random = core::RandomKey(3).generator();
  std::vector<double> values;
  for (std::size_t i = 0; i < 4001; ++i) values.push_back(i % 10 == 0 ? none : 1e6 + random.normal());
  process::Table table;
  table.add(process::Column::float64("v", "mm", values));
  std::erase_if(values, [](double value) { return std::isnan(value); });
  std::sort(values.begin(), values.end());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  double squares = 0.0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  for (const std::size_t block : {std::size_t{1}, std::size_t{97}, std::size_t{10000}}) {
    const ColumnStatistics found = statistics(Blocks(table, block), {"v"}, {.fractions = {0.0, 0.5, 1.0}}).front();
    EXPECT_EQ(found.count, static_cast<std::int64_t>(values.size()));
    EXPECT_EQ(found.missing, 401);
    EXPECT_NEAR(found.mean, mean, 1e-8);
    EXPECT_NEAR(found.standard_deviation, std::sqrt(squares / static_cast<double>(values.size() - 1)), 1e-9);
    EXPECT_EQ(found.low, values.front());
    EXPECT_EQ(found.high, values.back());
    EXPECT_EQ(
        found.quantiles,
        (std::vector<double>{values.front(), values[values.size() / 2] * 0.5 + values[values.size() / 2 - 1] * 0.5,
                             values.back()}));
    EXPECT_TRUE(found.exact);
    EXPECT_EQ(found.unit, "mm");
  }
}

TEST(Statistics, OfMoreRowsAreSampled) {
  const auto source = numbered_rows(200000, 5000);
  const std::vector<ColumnStatistics> found = statistics(*source, {"number", "side"}, {.sample = 10000});
  EXPECT_FALSE(found[0].exact);
  EXPECT_EQ(found[0].count, 200000);
  EXPECT_NEAR(found[0].quantiles[2], 100000.0, 5.0 * 0.5 / std::sqrt(10000.0) * 200000.0);
  EXPECT_EQ(found[0].high, 199999.0);
  EXPECT_EQ(found[1].per_category, (std::vector<std::int64_t>{66667, 66666}));
  EXPECT_EQ(found[1].missing, 66667);
}

TEST(Statistics, OfNothingAreMissing) {
  const ColumnStatistics found = statistics(*numbered_rows(0, 10), {"number"}).front();
  EXPECT_EQ(found.count, 0);
  EXPECT_TRUE(std::isnan(found.mean));
  EXPECT_TRUE(std::isnan(found.quantiles.front()));
  EXPECT_THROW(static_cast<void>(statistics(*numbered_rows(1, 1), {"note"})), core::DataError);
}

}  // namespace
}  // namespace luban::history
