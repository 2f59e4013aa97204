#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <luban/process/table.hpp>

#include "support.hpp"

namespace luban::process {
namespace {

using core::DataError;
using testing_support::refusal;

using Doubles = std::vector<double>;
using Codes = std::vector<std::int32_t>;
using Texts = std::vector<std::string>;

Table every_kind() {
  return Table({Column::float64("speed", "m/min", {1.0, 2.0, 3.0}), Column::time("start", {10, 20, 30}),
                Column::code("wear", {"New", "Worn"}, {0, -1, 1}), Column::string("lot", {"a", "", "c"}),
                Column::ragged("current", "A", {.values = {1, 2, 3, 4}, .offsets = {0, 1, 1, 4}})});
}

TEST(table, gives_back_each_kind_of_column) {
  const Table table = every_kind();
  EXPECT_EQ(table.row_count(), 3U);
  EXPECT_EQ(table.numbers("speed"), (Doubles{1.0, 2.0, 3.0}));
  EXPECT_EQ(table.times("start"), (std::vector<std::int64_t>{10, 20, 30}));
  EXPECT_EQ(table.codes("wear"), (Codes{0, -1, 1}));
  EXPECT_EQ(table.strings("lot"), (Texts{"a", "", "c"}));
  EXPECT_EQ(table.at("current").size(), 3U);
  EXPECT_EQ(table.at("speed").info.unit, "m/min");
  EXPECT_EQ(table.find("speeed"), nullptr);
  EXPECT_EQ(Table().row_count(), 0U);
}

TEST(table, refuses_a_column_that_is_not_there_or_of_another_kind) {
  const Table table = every_kind();
  EXPECT_EQ(refusal<DataError>([&] { return table.at("sped").size(); }).hint, "did you mean \"speed\"?");
  EXPECT_EQ(refusal<DataError>([&] { return table.numbers("wear").size(); }).expected, "a column of kind float64");
  EXPECT_THROW(static_cast<void>(table.codes("speed")), DataError);
  EXPECT_THROW(static_cast<void>(table.times("lot")), DataError);
  EXPECT_THROW(static_cast<void>(table.strings("start")), DataError);
}

TEST(table, refuses_columns_that_do_not_fit_together) {
  Table table = every_kind();
  EXPECT_THROW(table.add(Column::float64("short", "", {1.0})), DataError);
  EXPECT_THROW(table.add(Column::float64("speed", "", {1.0, 2.0, 3.0})), DataError);
  EXPECT_THROW(table.add(Column::code("grade", {"A"}, {0, 1, 0})), DataError);
  EXPECT_THROW(table.add(Column::code("grade", {"A"}, {0, -2, 0})), DataError);
  EXPECT_THROW(table.add(Column::ragged("trace", "", {.values = {1}, .offsets = {0, 1, 0, 1}})), DataError);
  EXPECT_THROW(table.add(Column::ragged("trace", "", {.values = {1}, .offsets = {0, 0, 0, 2}})), DataError);
  EXPECT_THROW(table.add(Column::ragged("trace", "", {.values = {}, .offsets = {}})), DataError);
  Column odd = Column::float64("odd", "", {1.0, 2.0, 3.0});
  odd.info.kind = ColumnKind::code;
  EXPECT_THROW(table.add(odd), DataError);
  EXPECT_EQ(table.columns().size(), 5U) << "a refused column was kept";
}

TEST(memory_source, needs_a_table) {
  EXPECT_THROW(MemorySource(nullptr, Grain::runs), core::ConfigurationError);
}

TEST(memory_source, reads_any_rows_of_any_columns) {
  const MemorySource source(std::make_shared<const Table>(every_kind()), Grain::readings);
  EXPECT_EQ(source.grain(), Grain::readings);
  EXPECT_EQ(source.schema().size(), 5U);
  const Table part = source.read({"current", "speed"}, {.begin = 1, .end = 3});
  ASSERT_EQ(part.columns().size(), 2U);
  EXPECT_EQ(part.numbers("speed"), (Doubles{2.0, 3.0}));
  const auto& ragged = std::get<Ragged>(part.at("current").data);
  EXPECT_EQ(ragged.offsets, (std::vector<std::int64_t>{0, 0, 3}));
  EXPECT_EQ(ragged.values, (std::vector<float>{2, 3, 4}));
  EXPECT_EQ(source.read({"lot"}, {.begin = 2, .end = 2}).row_count(), 0U);
}

TEST(memory_source, refuses_rows_and_columns_that_are_not_there) {
  const MemorySource source(std::make_shared<const Table>(every_kind()), Grain::readings);
  EXPECT_THROW(static_cast<void>(source.read({"speed"}, {.begin = 0, .end = 4})), DataError);
  EXPECT_THROW(static_cast<void>(source.read({"speed"}, {.begin = 2, .end = 1})), DataError);
  EXPECT_THROW(static_cast<void>(source.read({"voltage"}, {.begin = 0, .end = 1})), DataError);
}

TEST(memory_source, blocks_cover_every_row_in_order) {
  for (const std::size_t rows : {0, 1, 131072, 131073, 300000}) {
    Doubles values(rows);
    std::iota(values.begin(), values.end(), 0.0);
    const MemorySource source(std::make_shared<const Table>(Table({Column::float64("x", "", values)})), Grain::runs);
    Doubles again;
    for (const RowRange range : source.blocks()) {
      const Table block = source.read({"x"}, range);
      again.insert(again.end(), block.numbers("x").begin(), block.numbers("x").end());
    }
    EXPECT_EQ(again, values);
  }
}

}  // namespace
}  // namespace luban::process
