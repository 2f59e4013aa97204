#include <gtest/gtest.h>

#include <cmath>
#include <luban/core/error.hpp>
#include <luban/history/content.hpp>
#include <luban/history/reader.hpp>

#include "support.hpp"

namespace luban::history {
namespace {

using testing::small_history;
using testing::small_import;

TEST(Merge, TheSameImportAgainChangesNothing) {
  Content history = small_history(6, 3);
  const std::size_t events = history.responses[0].size();
  const MergeReport report = merge(history, small_import(6, 3, "run-", 5000));
  EXPECT_FALSE(report.changed());
  EXPECT_EQ(report.values_unchanged, static_cast<std::int64_t>(events + history.responses[1].size()));
  EXPECT_EQ(history.provenance.size(), 1U);
  EXPECT_EQ(history.responses[0].size(), events);
}

TEST(Merge, NewRunsAreAppendedAndChained) {
  Content history = small_history(6, 3);
  const MergeReport report = merge(history, small_import(2, 3, "new-", 5000));
  EXPECT_EQ(report.runs_added, 2);
  EXPECT_EQ(report.readings_added, 6);
  EXPECT_EQ(history.runs.size(), 8U);
  EXPECT_EQ(history.runs.source.back(), 1);
  ASSERT_EQ(history.provenance.size(), 2U);
  EXPECT_EQ(history.provenance[1].previous, history.provenance[0].link);
  EXPECT_EQ(history.provenance[1].link, history.provenance[1].computed_link());
  EXPECT_NO_THROW(history.normalise());
}

TEST(Merge, ARunThatContradictsTheStoredOneIsQuarantined) {
  Content history = small_history(6, 3);
  Content other = small_import(6, 3, "run-", 5000, 2);  // another seed: other feeds under the same ids
  const MergeReport report = merge(history, other, std::vector<std::int64_t>(18, 77));
  EXPECT_EQ(report.quarantined, 18);
  EXPECT_EQ(report.values_corrected + report.values_added + report.readings_added, 0);
  EXPECT_EQ(history.quarantine.reason.back(), "disagrees_with_stored_run");
  EXPECT_EQ(history.quarantine.source_row.back(), 77);
  EXPECT_EQ(history.quarantine.source.back(), 1);
}

TEST(Merge, ALateResponseJoinsItsReading) {
  Content first = small_import(4, 2);
  first.responses.pop_back();
  Content history;
  merge(history, first);
  const MergeReport report = merge(history, small_import(4, 2, "run-", 2000));
  EXPECT_GT(report.values_added, 0);
  EXPECT_EQ(report.values_corrected, 0);
  ASSERT_EQ(history.responses.size(), 2U);
  EXPECT_EQ(history.responses[1].name, "功率");
  EXPECT_EQ(history.readings.size(), 8U);
}

TEST(Merge, AnotherAuxiliaryValueIsKeptInTheQuarantine) {
  Content history = small_history(2, 1);
  Content again = small_import(2, 1, "run-", 2000);
  std::vector<process::Column> columns = again.readings.auxiliary.columns();
  std::get<std::vector<std::string>>(columns[0].data) = {"Ada", "Ada"};
  again.readings.auxiliary = process::Table(columns);
  const MergeReport report = merge(history, again);
  EXPECT_EQ(report.quarantined, 2);
  EXPECT_EQ(history.quarantine.value, (std::vector<std::string>{"Ada", "Ada"}));
  EXPECT_EQ(history.quarantine.reason[0], "only_responses_are_corrected");
}

TEST(Merge, AuxiliaryColumnsMayComeAndGo) {
  Content history = small_history(2, 1);
  Content other = small_import(2, 1, "new-", 2000);
  other.readings.auxiliary = process::Table({process::Column::float64("humidity", "%", {40.0, 41.0})});
  merge(history, other);
  const auto file = HistoryFile::in_memory(history);
  const process::Table table = file->read({"operator", "humidity"}, {0, 4});
  EXPECT_EQ(table.strings("operator")[3], "");
  EXPECT_TRUE(std::isnan(table.numbers("humidity")[0]));
  EXPECT_EQ(table.numbers("humidity")[3], 41.0);
}

TEST(Merge, AnotherProcessIsRefused) {
  Content history = small_history(2, 1);
  Content other = small_import(2, 1, "new-", 2000);
  process::ProcessDefinition definition = testing::small_process().definition();
  definition.parameters[0].unit = "mm";
  other.process = {{process::Process(definition).to_json().dump(), "", 2000}};
  EXPECT_THROW(merge(history, other), core::ConfigurationError);
  EXPECT_EQ(history.runs.size(), 2U);
}

TEST(Merge, CategoriesMayGrowAtTheEnd) {
  Content history = small_history(3, 1);
  Content other = small_import(3, 1, "new-", 2000);
  process::ProcessDefinition definition = testing::small_process().definition();
  definition.context[0].categories = {"New", "Worn", "Broken"};
  other.process = {{process::Process(definition).to_json().dump(), "", 2000}};
  other.runs.context = process::Table({process::Column::code("tool/wear %", {"New", "Worn", "Broken"}, {2, 2, 0})});
  merge(history, other);
  EXPECT_EQ(history.process.size(), 2U);
  EXPECT_EQ(history.runs.context.columns()[0].info.categories.size(), 3U);
  EXPECT_EQ(history.runs.context.codes("tool/wear %"), (std::vector<std::int32_t>{-1, 0, 1, 2, 2, 0}));
  definition.context[0].categories = {"Worn", "New"};
  Content reversed = small_import(3, 1, "more-", 3000);
  reversed.process = {{process::Process(definition).to_json().dump(), "", 3000}};
  EXPECT_THROW(merge(history, reversed), core::ConfigurationError);
}

}  // namespace
}  // namespace luban::history
