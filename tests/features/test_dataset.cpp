#include <gtest/gtest.h>

#include <cmath>

#include <luban/core/error.hpp>
#include <luban/core/time.hpp>
#include <luban/features/dataset.hpp>

#include "support.hpp"

namespace luban::features {
namespace {

using process::Column;
using process::Process;
using testing::dataset_of;
using testing::Rows;
using testing::source_of;
using testing::turning_definition;

Rows numbered(int settings, int runs, int readings) {
  int next = 0;
  return testing::grid(settings, runs, readings, [&next](int, int, int, int) { return ++next; });
}

process::Table with_column(const process::Table& table, Column replacement) {
  std::vector<Column> columns;
  for (const Column& column : table.columns()) {
    if (column.info.name != replacement.info.name) columns.push_back(column);
  }
  columns.push_back(std::move(replacement));
  return process::Table(std::move(columns));
}

TEST(Dataset, KeepsReadingsWithinRunsWithinGroups) {
  const Dataset data = dataset_of(numbered(3, 2, 4), {"speed", "feed"});
  EXPECT_EQ(data.n(), 3 * 2 * 2 * 3 * 4);
  EXPECT_EQ(data.run_count(), 12U);
  ASSERT_EQ(data.group_count(), 3U);
  EXPECT_EQ(data.group_labels[0], "speed 100, feed 0.05");
  EXPECT_EQ(data.group, (std::vector<std::int32_t>{0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2}));
  EXPECT_EQ(data.run_ids[3], "0/1/1");
  EXPECT_EQ(data.Y(17, 0), 18.0);
  EXPECT_EQ(data.repeat[17], 18);
  EXPECT_EQ(data.run_time[0], core::UtcTime::missing_count);
}

TEST(Dataset, WithoutGroupsTheRunsOfOnePointAreOne) {
  const Dataset data = dataset_of(numbered(2, 2, 1));
  EXPECT_EQ(data.grouping, Grouping::points);
  EXPECT_EQ(data.group, (std::vector<std::int32_t>{0, 0, 1, 1, 2, 2, 3, 3}));
  EXPECT_EQ(data.group_labels,
            (std::vector<std::string>{"0/0/0 and 1 more", "0/1/0 and 1 more", "1/0/0 and 1 more", "1/1/0 and 1 more"}));
  EXPECT_EQ(data.subset({5, 2}).grouping, Grouping::points);
}

TEST(Dataset, PointsThatComeBackLaterAreTheSamePoint) {
  Rows rows;
  for (int run = 0; run < 9; ++run) rows.add("r" + std::to_string(run), 100.0 + 50.0 * (run % 3), 0.1, 0, 0, 0, run);
  const Dataset data = dataset_of(rows);
  EXPECT_EQ(data.group, (std::vector<std::int32_t>{0, 1, 2, 0, 1, 2, 0, 1, 2}));
  EXPECT_EQ(data.group_labels, (std::vector<std::string>{"r0 and 2 more", "r1 and 2 more", "r2 and 2 more"}));
}

TEST(Dataset, AMeasuredCircumstanceDoesNotMakeAPoint) {
  process::ProcessDefinition definition = turning_definition();
  process::ContextVariable ambient;
  ambient.name = "ambient";
  ambient.unit = "degC";
  definition.context.push_back(ambient);
  Rows rows;
  std::vector<double> temperature;
  for (int run = 0; run < 12; ++run) {
    rows.add("r" + std::to_string(run), 100.0 + 50.0 * (run % 4), 0.1, 0, 0, 0, run);
    temperature.push_back(20.0 + 0.37 * run);
  }
  process::Table table = rows.table();
  table.add(Column::float64("ambient", "degC", temperature));
  EXPECT_EQ(make_dataset(Process(definition), source_of(std::move(table))).group_count(), 4U);
}

TEST(Dataset, WithTooFewPointsEachRunIsAGroup) {
  Rows rows;
  for (int run = 0; run < 6; ++run) rows.add("r" + std::to_string(run), 100.0 + 50.0 * (run % 2), 0.1, 0, 0, 0, run);
  const Dataset data = dataset_of(rows);
  EXPECT_EQ(data.grouping, Grouping::runs);
  EXPECT_EQ(data.group_labels, data.run_ids);
}

TEST(Dataset, GroupsByRunWhenThatIsStated) {
  const Dataset data = dataset_of(numbered(2, 2, 1), {"run_id"});
  EXPECT_EQ(data.grouping, Grouping::stated);
  EXPECT_EQ(data.group_count(), data.run_count());
}

TEST(Dataset, GroupsByAColumnThatIsNoInput) {
  process::ProcessDefinition definition = turning_definition({"lot"});
  definition.identifiers = {"lot"};
  const Rows rows = numbered(2, 1, 1);
  process::Table table = rows.table();
  std::vector<std::string> lots;
  for (const std::string& run : rows.run_id) lots.push_back(run.substr(2, 1) == "0" ? "a" : "b");
  table.add(Column::string("lot", lots));
  const Dataset data = make_dataset(Process(definition), source_of(std::move(table)));
  EXPECT_EQ(data.group_labels, (std::vector<std::string>{"lot a", "lot b"}));
  EXPECT_EQ(data.group, (std::vector<std::int32_t>{0, 1, 0, 1}));
}

TEST(Dataset, RefusesARunInTwoGroups) {
  process::ProcessDefinition definition = turning_definition({"lot"});
  definition.identifiers = {"lot"};
  const Rows rows = numbered(1, 1, 2);
  process::Table table = rows.table();
  std::vector<std::string> lots(rows.run_id.size(), "a");
  lots[3] = "b";
  table.add(Column::string("lot", lots));
  EXPECT_THROW((void)make_dataset(Process(definition), source_of(std::move(table))), core::DataError);
}

TEST(Dataset, TheSizeOfTheBlocksDoesNotMatter) {
  Rows rows = numbered(3, 2, 3);
  rows.roughness[5] = process::no_number;
  const Process process(turning_definition({"speed"}));
  const Dataset whole = make_dataset(process, source_of(rows.table()));
  for (const std::size_t at_once : {std::size_t{1}, std::size_t{7}, std::size_t{50}}) {
    const Dataset pieces = make_dataset(process, source_of(rows.table()), {.responses = {}, .rows_at_once = at_once});
    EXPECT_EQ(pieces.X, whole.X);
    EXPECT_EQ(pieces.Y, whole.Y);
    EXPECT_EQ(pieces.run, whole.run);
    EXPECT_EQ(pieces.run_ids, whole.run_ids);
    EXPECT_EQ(pieces.group, whole.group);
    EXPECT_EQ(pieces.source_row, whole.source_row);
  }
}

TEST(Dataset, CodesAndStringsNameTheSameRuns) {
  const Rows rows = numbered(2, 2, 2);
  std::vector<std::string> names;
  std::vector<std::int32_t> codes;
  for (const std::string& run : rows.run_id) {
    const auto at = std::find(names.begin(), names.end(), run);
    codes.push_back(static_cast<std::int32_t>(at - names.begin()));
    if (at == names.end()) names.push_back(run);
  }
  const Process process(turning_definition());
  const Dataset coded =
      make_dataset(process, source_of(with_column(rows.table(), Column::code("run_id", names, codes))));
  const Dataset named = make_dataset(process, source_of(rows.table()));
  EXPECT_EQ(coded.run, named.run);
  EXPECT_EQ(coded.run_ids, named.run_ids);
}

TEST(Dataset, LeavesOutReadingsWithoutAResponseAndRunsWithoutReadings) {
  Rows rows = numbered(2, 1, 2);
  for (std::size_t i = 0; i < 6; ++i) rows.roughness[i] = process::no_number;  // the whole first run
  rows.roughness[8] = process::no_number;
  const Dataset data = dataset_of(rows);
  EXPECT_EQ(data.n(), 24 - 7);
  EXPECT_EQ(data.run_count(), 3U);
  EXPECT_EQ(data.run_ids[0], "0/1/0");
  EXPECT_EQ(data.source_row[0], 6);
  EXPECT_EQ(data.source_row[2], 9);
}

TEST(Dataset, RefusesWhenNothingRemains) {
  Rows rows = numbered(1, 1, 1);
  rows.roughness.assign(rows.roughness.size(), process::no_number);
  EXPECT_THROW((void)dataset_of(rows), core::DataError);
}

TEST(Dataset, RefusesARunWhoseReadingsDisagree) {
  Rows rows = numbered(2, 1, 2);
  rows.speed[4] = 123.0;
  try {
    (void)dataset_of(rows);
    FAIL() << "a run with two speeds was taken";
  } catch (const core::DataError& error) {
    EXPECT_NE(std::string(error.what()).find("\"speed\""), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("row 4"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("100 and 123"), std::string::npos);
  }
}

TEST(Dataset, RefusesAMissingRunId) {
  Rows rows = numbered(1, 1, 2);
  rows.run_id[2].clear();
  EXPECT_THROW((void)dataset_of(rows), core::DataError);
}

TEST(Dataset, RefusesInfiniteResponsesAndOtherUnits) {
  Rows rows = numbered(1, 1, 2);
  rows.roughness[1] = std::numeric_limits<double>::infinity();
  EXPECT_THROW((void)dataset_of(rows), core::DataError);
  process::ProcessDefinition definition = turning_definition();
  definition.responses[0].unit = "nm";
  EXPECT_THROW((void)make_dataset(Process(definition), source_of(numbered(1, 1, 1).table())), core::UnitError);
}

TEST(Dataset, RefusesRowsThatAreRuns) {
  const process::MemorySource source(std::make_shared<const process::Table>(numbered(1, 1, 1).table()),
                                     process::Grain::runs);
  EXPECT_THROW((void)make_dataset(Process(turning_definition()), source), core::DataError);
}

TEST(Dataset, NamesTheNearestResponse) {
  try {
    (void)make_dataset(Process(turning_definition()), source_of(numbered(1, 1, 1).table()),
                       {.responses = {"roughnes"}});
    FAIL() << "an unknown response was taken";
  } catch (const core::DataError& error) {
    EXPECT_NE(std::string(error.what()).find("\"roughness\""), std::string::npos);
  }
  EXPECT_THROW((void)dataset_of(numbered(1, 1, 1)).response_index("rz"), core::DataError);
  EXPECT_EQ(dataset_of(numbered(1, 1, 1)).response_index("roughness"), 0);
}

TEST(Dataset, ReadsTimesAndCountsReadingsWithoutNumbers) {
  const Rows rows = numbered(2, 1, 2);
  std::vector<Column> columns;
  const process::Table table = rows.table();
  for (const Column& column : table.columns()) {
    if (column.info.name != "repeat") columns.push_back(column);
  }
  std::vector<std::int64_t> times;
  for (const std::string& run : rows.run_id) times.push_back(1000 + run[0]);
  columns.push_back(Column::time("start_time", times));
  const Dataset data = make_dataset(Process(turning_definition()), source_of(process::Table(std::move(columns))));
  EXPECT_EQ(data.run_time[0], 1000 + '0');
  EXPECT_EQ(data.run_time[3], 1000 + '1');
  EXPECT_EQ(data.repeat[0], 1);
  EXPECT_EQ(data.repeat[5], 6);
  EXPECT_EQ(data.repeat[6], 1);
}

TEST(Dataset, SubsetRenumbersRunsAndKeepsGroups) {
  const Dataset data = dataset_of(numbered(3, 1, 2), {"speed"});
  const Dataset part = data.subset({5, 0});
  EXPECT_EQ(part.run_ids, (std::vector<std::string>{"2/1/0", "0/0/0"}));
  EXPECT_EQ(part.group_labels, data.group_labels);
  EXPECT_EQ(part.group, (std::vector<std::int32_t>{2, 0}));
  ASSERT_EQ(part.n(), 12);
  EXPECT_EQ(part.run[0], 1);  // readings stay in their order
  EXPECT_EQ(part.Y(0, 0), 1.0);
  EXPECT_EQ(part.Y(11, 0), 36.0);
  EXPECT_THROW((void)data.subset({0, 0}), core::DataError);
  EXPECT_THROW((void)data.subset({6}), core::DataError);
}

}  // namespace
}  // namespace luban::features
