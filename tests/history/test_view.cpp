#include <gtest/gtest.h>

#include <cmath>
#include <luban/core/error.hpp>
#include <luban/history/reader.hpp>
#include <luban/parallel/arena.hpp>

#include "support.hpp"

namespace luban::history {
namespace {

using testing::small_history;
using testing::small_import;

core::UtcTime at(std::int64_t time) {
  return core::UtcTime(core::Nanoseconds(time));
}

TEST(View, ColumnsCarryNamesUnitsAndCategories) {
  const auto file = HistoryFile::in_memory(small_history(4, 2));
  std::vector<std::string> names;
  for (const auto& info : file->schema()) names.push_back(info.name);
  const std::vector<std::string> expected = {"run_id",       "repeat",   "reading_time", "feed",  "tool/wear %",
                                             "side",         "order",    "TIC-101.PV",   "功率",  "operator",
                                             "start_time",   "end_time", "status",       "group", "equipment",
                                             "material_lot", "recipe",   "source"};
  EXPECT_EQ(names, expected);
  EXPECT_EQ(file->schema()[3].unit, "mm/rev");
  EXPECT_EQ(file->schema()[4].categories, (std::vector<std::string>{"New", "Worn"}));
}

TEST(View, UnknownColumnNamesTheNearest) {
  const auto file = HistoryFile::in_memory(small_history(4, 2));
  try {
    (void)file->read({"fed"}, {0, 1});
    FAIL() << "an unknown column was read";
  } catch (const core::DataError& error) {
    EXPECT_NE(error.detail().hint.find("feed"), std::string::npos) << error.what();
  }
  EXPECT_THROW((void)file->read({"feed"}, {0, 9}), core::DataError);
}

TEST(View, RunsAverageTheirReadings) {
  const Content history = small_history(5, 4);
  const auto file = HistoryFile::in_memory(history);
  const auto runs = file->view({.grain = process::Grain::runs, .as_of = {}});
  ASSERT_EQ(runs->row_count(), 5U);
  EXPECT_EQ(runs->grain(), process::Grain::runs);
  const process::Table table = runs->read({"run_id", "readings", "TIC-101.PV", "group"}, {0, 5});
  for (std::size_t r = 0; r < 5; ++r) {
    double sum = 0.0;
    int count = 0;
    for (std::size_t e = 0; e < history.responses[0].size(); ++e) {
      if (history.readings.run[static_cast<std::size_t>(history.responses[0].reading[e])] ==
          static_cast<std::int64_t>(r)) {
        sum += history.responses[0].value[e];
        ++count;
      }
    }
    EXPECT_DOUBLE_EQ(table.numbers("TIC-101.PV")[r], sum / count);
    EXPECT_EQ(table.numbers("readings")[r], 4.0);
  }
}

TEST(View, ACorrectionCountsAndAsOfGoesBack) {
  Content history = small_history(4, 2);
  Content correction = small_import(4, 2, "run-", 2000);
  const double before = correction.responses[0].value[3];
  const std::int64_t reading = correction.responses[0].reading[3];
  correction.responses[0].value[3] = before + 10.0;
  const MergeReport report = merge(history, correction);
  EXPECT_EQ(report.values_corrected, 1);
  EXPECT_EQ(report.readings_added, 0);
  merge(history, small_import(2, 1, "later-", 3000));
  const auto file = HistoryFile::in_memory(history);
  const auto row = static_cast<std::size_t>(reading);
  EXPECT_EQ(file->row_count(), 10U);
  EXPECT_DOUBLE_EQ(file->read({"TIC-101.PV"}, {0, 10}).numbers("TIC-101.PV")[row], before + 10.0);
  const auto then = file->view({.grain = process::Grain::readings, .as_of = at(1500)});
  EXPECT_EQ(then->row_count(), 8U);
  EXPECT_DOUBLE_EQ(then->read({"TIC-101.PV"}, {0, 8}).numbers("TIC-101.PV")[row], before);
  EXPECT_EQ(file->view({.grain = process::Grain::runs, .as_of = at(2500)})->row_count(), 4U);
  EXPECT_EQ(file->view({.grain = process::Grain::runs, .as_of = at(10)})->row_count(), 0U);
}

TEST(View, BadValuesAreNeverUsed) {
  Content import = small_import(3, 2);
  import.responses[0].quality.assign(import.responses[0].size(), quality_good);
  import.responses[0].quality[0] = quality_bad;
  const auto row = static_cast<std::size_t>(import.responses[0].reading[0]);
  Content history;
  merge(history, import);
  EXPECT_TRUE(std::isnan(HistoryFile::in_memory(history)->read({"TIC-101.PV"}, {0, 6}).numbers("TIC-101.PV")[row]));
}

TEST(View, AValueCanBeTakenBackAndGivenAgain) {
  Content history = small_history(4, 2);
  const Content first = small_import(4, 2, "run-", 1000);
  const double value = first.responses[0].value[3];
  const auto row = static_cast<std::size_t>(first.responses[0].reading[3]);
  const auto said = [&](std::int32_t quality, std::int64_t time) {
    Content again = small_import(4, 2, "run-", time);
    again.responses[0].quality.assign(again.responses[0].size(), quality_good);
    again.responses[0].quality[3] = quality;
    return again;
  };
  EXPECT_EQ(merge(history, said(quality_bad, 2000)).values_corrected, 1);
  EXPECT_FALSE(merge(history, said(quality_bad, 3000)).changed());           // the same again is no event
  EXPECT_FALSE(merge(history, small_import(4, 2, "run-", 4000)).changed());  // nor is a source without qualities
  EXPECT_EQ(merge(history, said(quality_uncertain, 5000)).values_added, 1);
  const auto file = HistoryFile::in_memory(history);
  const auto at_time = [&](std::int64_t time) {
    const auto view = file->view({.grain = process::Grain::readings, .as_of = at(time)});
    const process::Table table = view->read({"TIC-101.PV", "TIC-101.PV.quality"}, {0, view->row_count()});
    const auto& codes = std::get<std::vector<std::int32_t>>(table.at("TIC-101.PV.quality").data);
    return std::pair(table.numbers("TIC-101.PV")[row], codes[row]);
  };
  EXPECT_EQ(at_time(1500), std::pair(value, quality_good));
  EXPECT_TRUE(std::isnan(at_time(4500).first));
  EXPECT_EQ(at_time(4500).second, quality_bad);
  EXPECT_EQ(at_time(9000), std::pair(value, quality_uncertain));
}

TEST(View, ManyThreadsReadTheSame) {
  const auto file = HistoryFile::in_memory(small_history(3000, 10));
  const process::Table expected = file->read({"TIC-101.PV", "feed"}, {0, file->row_count()});
  std::vector<int> same(16, 0);
  parallel::for_each_index(same.size(), [&](std::size_t i) {
    const process::Table table = file->read({"feed", "TIC-101.PV"}, {i * 100, i * 100 + 500});
    bool equal = true;
    for (std::size_t k = 0; k < 500; ++k) {
      equal = equal && table.numbers("feed")[k] == expected.numbers("feed")[i * 100 + k];
    }
    same[i] = equal ? 1 : 0;
  });
  EXPECT_EQ(same, std::vector<int>(16, 1));
}

}  // namespace
}  // namespace luban::history
