// A folder of segments reads like the one file that the same imports make, whatever they bring and however it is
// merged.
#include <gtest/gtest.h>
#include <luban/core/error.hpp>
#include <luban/history/appender.hpp>
#include <luban/history/compact.hpp>
#include <luban/history/reader.hpp>
#include <luban/history/verify.hpp>
#include <luban/history/writer.hpp>

#include <cmath>
#include <filesystem>

#include "support.hpp"

namespace luban::history {
namespace {

using testing::Folder;
using testing::none;
using testing::small_process;
using testing::small_provenance;

core::UtcTime utc(std::int64_t count) {
  return core::UtcTime(core::Nanoseconds(count));
}

/// One import of some of 40 runs: new ones, more readings, late values, corrections, contradictions, other columns.
Content random_import(core::Generator& random, std::int64_t time) {
  Content content;
  content.process = {{small_process().to_json().dump(), "", time}};
  content.provenance = {small_provenance(time)};
  content.provenance.front().input_name = "part-" + std::to_string(time) + ".csv";
  content.provenance.front().input_digest = std::to_string(time);
  std::vector<double> feed, reached, order;
  std::vector<std::int32_t> tool, side;
  std::vector<std::string> remark;
  ResponseEvents rough, power;
  rough.name = "TIC-101.PV";
  rough.unit = "um";
  power.name = "功率";
  power.unit = "kW";
  TraceColumn current{"current", "A", 1000, {}, {0}, {}, {}, {}};
  const std::size_t runs = random.below(8);
  std::vector<char> taken(40, 0);
  for (std::size_t k = 0; k < runs; ++k) {
    const std::size_t id = random.below(40);
    if (taken[id] != 0) continue;
    taken[id] = 1;
    const auto run = static_cast<std::int64_t>(content.runs.run_id.size());
    content.runs.run_id.push_back("run-" + std::to_string(id));
    content.runs.start_time.push_back(static_cast<std::int64_t>(id) * 100);
    content.runs.equipment.push_back(id % 2 == 0 ? "site/area/a" : "site/area/b");
    content.runs.status.push_back(static_cast<std::int32_t>(id % 4));
    feed.push_back(0.01 * static_cast<double>(id) + (random.below(20) == 0 ? 0.5 : 0.0));
    reached.push_back(feed.back() + 0.001);
    order.push_back(static_cast<double>(id));
    tool.push_back(static_cast<std::int32_t>(id % 3) - 1);
    if (random.below(3) == 0) {
      for (std::size_t i = 0; i < id % 5; ++i) current.values.push_back(static_cast<float>(id));
    }
    current.offsets.push_back(static_cast<std::int64_t>(current.values.size()));
    const std::size_t readings = random.below(4);
    const std::size_t first = random.below(4);
    for (std::size_t i = 0; i < readings; ++i) {
      const auto reading = static_cast<std::int64_t>(content.readings.run.size());
      content.readings.run.push_back(run);
      content.readings.repeat.push_back(static_cast<std::int64_t>(first + i));
      side.push_back(static_cast<std::int32_t>((id + first + i) % 2));
      remark.push_back(random.below(2) == 0 ? "Zoë" : "");
      for (ResponseEvents* events : {&rough, &power}) {
        if (random.below(3) == 0) continue;
        events->reading.push_back(reading);
        events->value.push_back(static_cast<double>(random.below(5)));
        events->time.push_back(time);
        const std::size_t drawn = random.below(9);
        events->quality.push_back(drawn < 2 ? quality_bad : drawn == 2 ? quality_uncertain : quality_good);
      }
    }
  }
  content.runs.parameters.add(process::Column::float64("feed", "mm/rev", feed));
  content.runs.achieved.add(process::Column::float64("feed", "mm/rev", reached));
  content.runs.context.add(process::Column::code("tool/wear %", {"New", "Worn"}, tool));
  content.runs.identifiers.add(process::Column::float64("order", "", order));
  content.readings.noise.add(process::Column::code("side", {"left", "right"}, side));
  if (random.below(2) == 0) content.readings.auxiliary.add(process::Column::string("operator", remark));
  // An import may lack a response: what comes from the laboratory comes alone.
  const std::size_t which = random.below(4);
  if (which != 0) content.responses.push_back(rough);
  if (which != 1) content.responses.push_back(power);
  content.traces = {current};
  return content;
}

std::string cell(const process::Column& column, std::size_t row) {
  if (const auto* numbers = std::get_if<std::vector<double>>(&column.data)) {
    return std::isnan((*numbers)[row]) ? "" : std::to_string((*numbers)[row]);
  }
  if (const auto* codes = std::get_if<std::vector<std::int32_t>>(&column.data)) {
    return (*codes)[row] < 0 ? "" : column.info.categories.at(static_cast<std::size_t>((*codes)[row]));
  }
  if (const auto* times = std::get_if<std::vector<std::int64_t>>(&column.data)) return std::to_string((*times)[row]);
  if (const auto* texts = std::get_if<std::vector<std::string>>(&column.data)) return (*texts)[row];
  const auto& samples = std::get<process::Ragged>(column.data);
  return std::to_string(samples.offsets[row + 1] - samples.offsets[row]) + " samples";
}

std::vector<std::string> names(const process::TableSource& source) {
  std::vector<std::string> out;
  for (const auto& info : source.schema()) out.push_back(info.name);
  std::sort(out.begin(), out.end());
  return out;
}

/// Both sources show the same, all at once and piece by piece.
void expect_same(const process::TableSource& a, const process::TableSource& b, const std::string& what) {
  SCOPED_TRACE(what);
  ASSERT_EQ(a.row_count(), b.row_count());
  std::vector<std::string> columns;
  const std::vector<std::string> of_a = names(a);
  const std::vector<std::string> of_b = names(b);
  std::set_intersection(of_a.begin(), of_a.end(), of_b.begin(), of_b.end(), std::back_inserter(columns));
  // A channel that no import brought samples of is known to one of the two alone.
  ASSERT_GE(columns.size() + 1, std::max(of_a.size(), of_b.size()));
  if (std::binary_search(of_a.begin(), of_a.end(), "repeat")) {  // qualities are not listed; of readings there are some
    for (const char* response : {"TIC-101.PV", "功率"}) {
      const bool both = std::binary_search(of_a.begin(), of_a.end(), response) &&
                        std::binary_search(of_b.begin(), of_b.end(), response);
      if (both) columns.push_back(std::string(response) + ".quality");
    }
  }
  const process::Table whole = a.read(columns, {0, a.row_count()});
  for (const std::size_t step : {a.row_count() + 1, std::size_t{3}}) {
    for (std::size_t begin = 0; begin < b.row_count(); begin += step) {
      const std::size_t end = std::min(b.row_count(), begin + step);
      const process::Table part = b.read(columns, {begin, end});
      for (const std::string& name : columns) {
        for (std::size_t row = begin; row < end; ++row) {
          ASSERT_EQ(cell(whole.at(name), row), cell(part.at(name), row - begin)) << name << ", row " << row;
        }
      }
    }
  }
  std::size_t covered = 0;
  for (const process::RowRange& block : b.blocks()) {
    ASSERT_EQ(block.begin, covered);
    covered = block.end;
  }
  ASSERT_EQ(covered, b.row_count());
}

void expect_same_history(const HistorySource& one, const HistorySource& folder, std::int64_t imports) {
  for (const process::Grain grain : {process::Grain::readings, process::Grain::runs}) {
    expect_same(*one.view({.grain = grain}), *folder.view({.grain = grain}), "as known now");
    for (std::int64_t time = 0; time <= imports; time += 3) {
      const ViewOptions then{.grain = grain, .as_of = utc(time * 10)};
      expect_same(*one.view(then), *folder.view(then), "as of import " + std::to_string(time));
    }
    ViewOptions chosen{.grain = grain};
    chosen.filter.since = utc(500);
    chosen.filter.before = utc(2500);
    chosen.filter.equipment = {"site/area/a"};
    expect_same(*one.view(chosen), *folder.view(chosen), "filtered by time and place");
    chosen.filter = {};
    chosen.filter.status = {"failed", "running"};
    chosen.filter.between = {{"feed", 0.1, 0.3}};
    chosen.filter.among = {{"tool/wear %", {"Worn"}}};
    expect_same(*one.view(chosen), *folder.view(chosen), "filtered by values");
    chosen.filter = {};
    chosen.filter.run_id = {"run-3", "run-17", "run-nowhere"};
    expect_same(*one.view(chosen), *folder.view(chosen), "filtered by name");
  }
}

class FolderOfImports : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(FolderOfImports, ReadsLikeOneFile) {
  core::Generator random = core::RandomKey(GetParam()).generator();
  const Folder folder;
  const auto path = folder.path() / "line";
  Content one;
  constexpr std::int64_t imports = 12;
  for (std::int64_t k = 0; k < imports; ++k) {
    Content addition = random_import(random, 10 * (k + 1));
    Appender appender(path);
    const MergeReport by_folder = appender.append(addition);
    const MergeReport by_memory = merge(one, addition);
    EXPECT_EQ(by_folder.runs_added, by_memory.runs_added);
    EXPECT_EQ(by_folder.readings_added, by_memory.readings_added);
    EXPECT_EQ(by_folder.values_added, by_memory.values_added);
    EXPECT_EQ(by_folder.values_corrected, by_memory.values_corrected);
    EXPECT_EQ(by_folder.values_unchanged, by_memory.values_unchanged);
    EXPECT_EQ(by_folder.quarantined, by_memory.quarantined);
    EXPECT_EQ(by_folder.traces_added, by_memory.traces_added);
  }
  const auto file = HistoryFile::in_memory(one);
  expect_same_history(*file, *HistoryFolder::open(path), imports);
  EXPECT_EQ(file->quarantine().reason, HistoryFolder::open(path)->quarantine().reason);
  const VerifyReport whole = verify(path);
  for (const Damage& damage : whole.damages) ADD_FAILURE() << damage.object << ": " << damage.what;
  EXPECT_EQ(whole.runs, static_cast<std::int64_t>(one.runs.size()));

  const auto still_open = HistoryFolder::open(path);
  const CompactReport some = compact(path, {.most_readings = 12});
  EXPECT_LE(some.segments_after, some.segments_before);
  expect_same_history(*file, *HistoryFolder::open(path), imports);
  EXPECT_TRUE(verify(path).ok());
  const CompactReport all = compact(path);
  EXPECT_EQ(all.segments_after, 1);
  expect_same_history(*file, *HistoryFolder::open(path), imports);
  expect_same_history(*file, *still_open, imports);  // it was opened before the merges
  EXPECT_TRUE(verify(path).ok());
  const auto copied = HistoryFile::in_memory(HistoryFolder::open(path)->content());
  expect_same_history(*file, *copied, imports);
}

INSTANTIATE_TEST_SUITE_P(Seeds, FolderOfImports, ::testing::Range<std::uint64_t>(1, 4));

}  // namespace
}  // namespace luban::history
