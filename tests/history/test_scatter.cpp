// Rows chosen here and there read like the same rows picked out of everything, in a file and in a folder.
#include <gtest/gtest.h>
#include <luban/history/appender.hpp>
#include <luban/history/compact.hpp>
#include <luban/history/reader.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "support.hpp"

namespace luban::history {
namespace {

using testing::Folder;
using testing::none;
using testing::small_import;

/// Runs with up to `repeats` readings in any order, values for some of them, samples for some runs, evenly spaced
/// (`current`) and with times (`force`).
Content scattered_import(core::Generator& random, std::size_t runs, std::size_t repeats, const std::string& prefix,
                         std::int64_t time) {
  Content content = small_import(runs, 0, prefix, time, random.below(1000));
  auto side = std::vector<std::int32_t>();
  TraceColumn current{"current", "A", 1000, {}, {0}, {}, {}, {}};
  TraceColumn force{"force", "N", 0, {}, {0}, {}, {}, {}};
  for (std::size_t r = 0; r < runs; ++r) {
    for (std::size_t k = random.below(repeats + 1); k > 0; --k) {
      const auto reading = static_cast<std::int64_t>(content.readings.size());
      content.readings.run.push_back(static_cast<std::int64_t>(r));
      content.readings.repeat.push_back(static_cast<std::int64_t>(k));
      side.push_back(static_cast<std::int32_t>(random.below(2)));
      for (ResponseEvents& events : content.responses) {
        if (random.below(3) == 0) continue;
        events.reading.push_back(reading);
        events.value.push_back(random.normal());
        events.time.push_back(time);
      }
    }
    for (std::size_t i = random.below(4); i > 0; --i) current.values.push_back(static_cast<float>(random.uniform()));
    for (std::size_t i = random.below(3); i > 0; --i) {
      force.values.push_back(static_cast<float>(random.uniform()));
      force.times.push_back(static_cast<std::int64_t>(random.below(1000)));
    }
    current.offsets.push_back(static_cast<std::int64_t>(current.values.size()));
    force.offsets.push_back(static_cast<std::int64_t>(force.values.size()));
  }
  content.readings.noise = process::Table({process::Column::code("side", {"left", "right"}, side)});
  content.readings.auxiliary = {};
  content.traces = {current, force};
  return content;
}

/// Values of the laboratory for readings of `earlier`, taken here and there.
Content late_import(core::Generator& random, const Content& earlier, std::uint64_t share, std::int64_t time) {
  Content late = small_import(0, 0, "", time);
  late.responses[0].name = "TIC-101.PV";
  std::vector<std::int64_t> row_of(earlier.runs.size(), -1);
  std::vector<double> feed, order;
  std::vector<std::int32_t> tool, side;
  for (std::size_t i = 0; i < earlier.readings.size(); ++i) {
    if (random.below(share) != 0) continue;
    const auto run = static_cast<std::size_t>(earlier.readings.run[i]);
    if (row_of[run] < 0) {
      row_of[run] = static_cast<std::int64_t>(late.runs.size());
      late.runs.run_id.push_back(earlier.runs.run_id[run]);
      feed.push_back(earlier.runs.parameters.numbers("feed")[run]);
      order.push_back(earlier.runs.identifiers.numbers("order")[run]);
      tool.push_back(earlier.runs.context.codes("tool/wear %")[run]);
    }
    late.responses[0].reading.push_back(static_cast<std::int64_t>(late.readings.size()));
    late.responses[0].value.push_back(random.normal());
    late.responses[0].time.push_back(time);
    late.readings.run.push_back(row_of[run]);
    late.readings.repeat.push_back(earlier.readings.repeat[i]);
    side.push_back(earlier.readings.noise.codes("side")[i]);
  }
  late.runs.group.assign(late.runs.size(), "");
  for (std::size_t i = 0; i < late.runs.size(); ++i) {
    const auto known = std::find(earlier.runs.run_id.begin(), earlier.runs.run_id.end(), late.runs.run_id[i]);
    late.runs.group[i] = earlier.runs.group[static_cast<std::size_t>(known - earlier.runs.run_id.begin())];
  }
  late.runs.parameters = process::Table({process::Column::float64("feed", "mm/rev", feed)});
  late.runs.context = process::Table({process::Column::code("tool/wear %", {"New", "Worn"}, tool)});
  late.runs.identifiers = process::Table({process::Column::float64("order", "", order)});
  late.readings.noise = process::Table({process::Column::code("side", {"left", "right"}, side)});
  late.readings.auxiliary = {};
  late.responses.resize(1);
  return late;
}

ViewOptions chosen(process::Grain grain) {
  ViewOptions options{.grain = grain};
  options.filter.among = {{"tool/wear %", {"Worn"}}};
  return options;
}

void expect_equal(const std::vector<double>& a, const std::vector<double>& b, const std::string& what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_TRUE(a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) << what << ", row " << i;
  }
}

std::vector<float> row(const process::Table& table, const std::string& column, std::size_t i) {
  const auto& samples = std::get<process::Ragged>(table.at(column).data);
  return {samples.values.begin() + samples.offsets[i], samples.values.begin() + samples.offsets[i + 1]};
}

/// A filtered view against the rows that its filter names, picked from a view of everything.
void expect_picked(const HistorySource& history, process::Grain grain, bool traces) {
  const auto all = history.view({.grain = grain});
  const auto some = history.view(chosen(grain));
  std::vector<std::string> columns = {"run_id", "tool/wear %", "feed", "TIC-101.PV", "功率"};
  if (grain == process::Grain::runs) columns.emplace_back("readings");
  if (traces) columns.insert(columns.begin() + 1, {"current", "force"});
  const process::Table whole = all->read(columns, {0, all->row_count()});
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < all->row_count(); ++i) {
    if (whole.codes("tool/wear %")[i] == 1) rows.push_back(i);
  }
  ASSERT_EQ(some->row_count(), rows.size());
  for (const process::RowRange part :
       {process::RowRange{0, rows.size()}, process::RowRange{rows.size() / 3, rows.size() / 2}}) {
    const process::Table read = some->read(columns, part);
    for (const process::ColumnInfo& info : some->schema()) {
      if (info.kind != process::ColumnKind::float64 || read.find(info.name) == nullptr) continue;
      std::vector<double> expected;
      for (std::size_t i = part.begin; i < part.end; ++i) expected.push_back(whole.numbers(info.name)[rows[i]]);
      expect_equal(read.numbers(info.name), expected, info.name);
    }
    for (std::size_t i = part.begin; i < part.end; ++i) {
      ASSERT_EQ(read.strings("run_id")[i - part.begin], whole.strings("run_id")[rows[i]]);
      for (const char* trace : {"current", "force"}) {
        if (!traces) continue;
        ASSERT_EQ(row(read, trace, i - part.begin), row(whole, trace, rows[i])) << trace << ", row " << i;
      }
    }
  }
}

/// The samples of the chosen runs against those of `content`.
void expect_traces(const HistorySource& history, const Content& content) {
  for (const TraceColumn& channel : content.traces) {
    for (const bool every : {true, false}) {
      const TraceRows read = history.trace(channel.name, every ? ViewOptions() : chosen(process::Grain::runs));
      TraceRows expected;
      expected.samples.offsets = {0};
      for (std::size_t r = 0; r < content.runs.size(); ++r) {
        const auto begin = channel.offsets[r];
        const auto end = channel.offsets[r + 1];
        if (begin == end || (!every && content.runs.context.codes("tool/wear %")[r] != 1)) continue;
        expected.run_id.push_back(content.runs.run_id[r]);
        for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
          expected.samples.values.push_back(channel.values[i]);
          if (channel.period == 0) expected.samples.times.push_back(channel.times[i]);
        }
        expected.samples.offsets.push_back(static_cast<std::int64_t>(expected.samples.values.size()));
      }
      EXPECT_EQ(read.run_id, expected.run_id);
      EXPECT_EQ(read.samples.offsets, expected.samples.offsets);
      EXPECT_EQ(read.samples.values, expected.samples.values);
      EXPECT_EQ(read.samples.times, expected.samples.times);
      EXPECT_EQ(read.samples.start_time.size(), read.run_id.size());
    }
  }
}

class Scattered : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(Scattered, FilterReadsWhatItNames) {
  core::Generator random = core::RandomKey(GetParam()).generator();
  Content one;
  const Folder folder;
  Appender appender(folder.path() / "line");
  for (std::int64_t k = 0; k < 3; ++k) {
    const Content more = scattered_import(random, 400, 3, "run-" + std::to_string(k) + "-", 1000 * (k + 1));
    merge(one, more);
    appender.append(more);
    const Content late = late_import(random, one, 5, 1000 * (k + 1) + 500);
    const MergeReport report = merge(one, late);
    EXPECT_EQ(report.quarantined, 0);
    EXPECT_GT(report.values_added + report.values_corrected, 0);
    appender.append(late);
  }
  const auto file = HistoryFile::in_memory(one);
  const auto segments = HistoryFolder::open(folder.path() / "line");
  for (const process::Grain grain : {process::Grain::readings, process::Grain::runs}) {
    const bool runs = grain == process::Grain::runs;
    expect_picked(*file, grain, runs);
    expect_picked(*segments, grain, runs);
    for (const ViewOptions& options : {ViewOptions{.grain = grain}, chosen(grain)}) {
      const auto a = file->view(options);
      const auto b = segments->view(options);
      ASSERT_EQ(a->row_count(), b->row_count());
      for (const char* column : {"TIC-101.PV", "功率"}) {
        expect_equal(b->read({column}, {0, b->row_count()}).numbers(column),
                     a->read({column}, {0, a->row_count()}).numbers(column), column);
      }
    }
  }
  expect_traces(*file, one);
  expect_traces(*segments, one);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Scattered, ::testing::Range<std::uint64_t>(1, 4));

TEST(ScatteredBlocks, RowsOfSeveralBlocksAreFound) {
  core::Generator random = core::RandomKey(7).generator();
  Content one;
  merge(one, scattered_import(random, 150'000, 2, "run-", 1000));  // more than a block of runs, and of samples
  const auto file = HistoryFile::in_memory(one);
  expect_picked(*file, process::Grain::readings, false);
  expect_picked(*file, process::Grain::runs, true);
  expect_traces(*file, one);
}

TEST(Compact, CountsBytesAsTheyAreInMemory) {
  const Folder folder;
  const auto path = folder.path() / "line";
  constexpr std::size_t samples = 250'000;  // 1 MB of the same value: some kilobytes on disk
  for (std::int64_t k = 0; k < 4; ++k) {
    Content more = small_import(1, 1, "run-" + std::to_string(k) + "-", 1000 + k);
    more.traces = {{"current", "A", 1000, std::vector<float>(samples, 1.0F), {0, samples}, {}, {}, {}}};
    Appender(path).append(more);
  }
  const CompactReport none_fits = compact(path, {.most_bytes = 1'500'000});
  EXPECT_LT(none_fits.bytes_before, 1'500'000) << "they would fit if their size on disk counted";
  EXPECT_EQ(none_fits.segments_after, 4);
  EXPECT_EQ(compact(path, {.most_bytes = 2'500'000}).segments_after, 2);
  EXPECT_EQ(compact(path).segments_after, 1);
  EXPECT_EQ(HistoryFolder::open(path)->trace("current").samples.values.size(), 4 * samples);
}

}  // namespace
}  // namespace luban::history
