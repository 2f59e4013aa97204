#include <gtest/gtest.h>

#include <cmath>
#include <luban/core/error.hpp>
#include <luban/history/reader.hpp>
#include <luban/history/verify.hpp>
#include <luban/history/writer.hpp>
#include <mutex>

#include "support.hpp"

namespace luban::history {
namespace {

using testing::Folder;
using testing::small_history;

void expect_same_column(const process::Column& a, const process::Column& b) {
  EXPECT_EQ(a.info.name, b.info.name);
  EXPECT_EQ(a.info.unit, b.info.unit);
  EXPECT_EQ(a.info.kind, b.info.kind);
  EXPECT_EQ(a.info.categories, b.info.categories);
  if (const auto* numbers = std::get_if<std::vector<double>>(&a.data)) {
    const auto& others = std::get<std::vector<double>>(b.data);
    ASSERT_EQ(numbers->size(), others.size());
    for (std::size_t i = 0; i < others.size(); ++i) {
      EXPECT_TRUE((*numbers)[i] == others[i] || (std::isnan((*numbers)[i]) && std::isnan(others[i]))) << i;
    }
  } else if (const auto* texts = std::get_if<std::vector<std::string>>(&a.data)) {
    EXPECT_EQ(*texts, std::get<std::vector<std::string>>(b.data));
  } else if (const auto* codes = std::get_if<std::vector<std::int32_t>>(&a.data)) {
    EXPECT_EQ(*codes, std::get<std::vector<std::int32_t>>(b.data));
  } else {
    EXPECT_EQ(std::get<std::vector<std::int64_t>>(a.data), std::get<std::vector<std::int64_t>>(b.data));
  }
}

void expect_same_table(const process::Table& a, const process::Table& b) {
  ASSERT_EQ(a.columns().size(), b.columns().size());
  for (std::size_t i = 0; i < a.columns().size(); ++i) expect_same_column(a.columns()[i], b.columns()[i]);
}

void expect_same(const Content& a, const Content& b) {
  EXPECT_EQ(a.uuid, b.uuid);
  EXPECT_EQ(a.created_time, b.created_time);
  ASSERT_EQ(a.process.size(), b.process.size());
  EXPECT_EQ(a.process.back().definition, b.process.back().definition);
  EXPECT_EQ(a.runs.run_id, b.runs.run_id);
  EXPECT_EQ(a.runs.start_time, b.runs.start_time);
  EXPECT_EQ(a.runs.status, b.runs.status);
  EXPECT_EQ(a.runs.group, b.runs.group);
  EXPECT_EQ(a.runs.source, b.runs.source);
  expect_same_table(a.runs.parameters, b.runs.parameters);
  expect_same_table(a.runs.context, b.runs.context);
  expect_same_table(a.runs.identifiers, b.runs.identifiers);
  EXPECT_EQ(a.readings.run, b.readings.run);
  EXPECT_EQ(a.readings.repeat, b.readings.repeat);
  EXPECT_EQ(a.readings.time, b.readings.time);
  expect_same_table(a.readings.noise, b.readings.noise);
  expect_same_table(a.readings.auxiliary, b.readings.auxiliary);
  ASSERT_EQ(a.responses.size(), b.responses.size());
  for (std::size_t i = 0; i < a.responses.size(); ++i) {
    EXPECT_EQ(a.responses[i].name, b.responses[i].name);
    EXPECT_EQ(a.responses[i].unit, b.responses[i].unit);
    EXPECT_EQ(a.responses[i].reading, b.responses[i].reading);
    EXPECT_EQ(a.responses[i].value, b.responses[i].value);
    EXPECT_EQ(a.responses[i].time, b.responses[i].time);
    EXPECT_EQ(a.responses[i].quality, b.responses[i].quality);
    EXPECT_EQ(a.responses[i].source, b.responses[i].source);
  }
  EXPECT_EQ(a.quarantine.reason, b.quarantine.reason);
  EXPECT_EQ(a.quarantine.source_row, b.quarantine.source_row);
  EXPECT_EQ(a.quarantine.value, b.quarantine.value);
  ASSERT_EQ(a.provenance.size(), b.provenance.size());
  for (std::size_t i = 0; i < a.provenance.size(); ++i) EXPECT_EQ(a.provenance[i].link, b.provenance[i].link);
}

TEST(RoundTrip, WhatIsWrittenIsReadBack) {
  const Folder folder;
  Content history = small_history(20, 5);
  const std::string digest = write(history, folder / "h.h5");
  const auto file = HistoryFile::open(folder / "h.h5");
  expect_same(history, file->content());
  EXPECT_EQ(file->content_digest(), digest);
  EXPECT_EQ(file->process().digest(), testing::small_process().digest());
  EXPECT_EQ(file->uuid().size(), 36U);
  EXPECT_EQ(folder.file_count(), 1U) << "no temporary file may be left";
}

TEST(RoundTrip, LongerThanOneChunkAndReadInAnyRange) {
  const Folder folder;
  Content history = small_history(60000, 5);  // 300,000 readings, three chunks of a float64 column
  write(history, folder / "h.h5");
  const auto file = HistoryFile::open(folder / "h.h5");
  expect_same(history, file->content());
  const auto blocks = file->blocks();
  ASSERT_EQ(blocks.size(), 3U);
  EXPECT_EQ(blocks.back().end, file->row_count());
  const process::Table whole = file->read({"feed", "TIC-101.PV", "run_id"}, {0, file->row_count()});
  const process::Table part = file->read({"feed", "TIC-101.PV", "run_id"}, {131000, 131200});
  for (std::size_t i = 0; i < 200; ++i) {
    EXPECT_EQ(part.numbers("feed")[i], whole.numbers("feed")[131000 + i]);
    EXPECT_EQ(part.strings("run_id")[i], whole.strings("run_id")[131000 + i]);
    const double a = part.numbers("TIC-101.PV")[i];
    const double b = whole.numbers("TIC-101.PV")[131000 + i];
    EXPECT_TRUE(a == b || (std::isnan(a) && std::isnan(b)));
  }
}

TEST(RoundTrip, ABareNameMeansTheWorkingFolder) {
  const Folder folder;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder / ".");
  Content history = small_history(2, 3);
  write(history, "bare.h5");
  std::filesystem::current_path(before);
  EXPECT_TRUE(verify(folder / "bare.h5").ok());
}

TEST(RoundTrip, ManyInMemoryAtOnce) {
  const auto first = HistoryFile::in_memory(small_history(2, 3));
  const auto second = HistoryFile::in_memory(small_history(5, 3));
  EXPECT_EQ(first->row_count(), 6U);
  EXPECT_EQ(second->row_count(), 15U);
}

TEST(RoundTrip, InMemoryReadsLikeAFile) {
  const Folder folder;
  Content history = small_history(7, 3);
  write(history, folder / "h.h5");
  const auto memory = HistoryFile::in_memory(history);
  expect_same(history, memory->content());
  EXPECT_EQ(memory->content_digest(), HistoryFile::open(folder / "h.h5")->content_digest())
      << "the content digest does not depend on how it is stored";
}

TEST(RoundTrip, TextsOfEveryLength) {
  const Folder folder;
  Content import = testing::small_import(3, 1);
  std::vector<std::string> notes = {"", std::string(200000, 'x'), "短い\n\"quoted\", and a tab\t"};
  import.readings.auxiliary.add(process::Column::string("note", notes));
  Content history;
  merge(history, import);
  write(history, folder / "h.h5");
  const auto file = HistoryFile::open(folder / "h.h5");
  EXPECT_EQ(file->read({"note"}, {0, 3}).strings("note"), notes);
  EXPECT_TRUE(verify(folder / "h.h5").ok());
}

TEST(RoundTrip, MissingStaysMissing) {
  const Folder folder;
  Content history = small_history(9, 2);
  write(history, folder / "h.h5");
  const process::Table table =
      HistoryFile::open(folder / "h.h5")->read({"TIC-101.PV", "tool/wear %", "reading_time"}, {0, 18});
  EXPECT_TRUE(std::isnan(table.numbers("TIC-101.PV")[0]));
  EXPECT_FALSE(std::isnan(table.numbers("TIC-101.PV")[1]));
  EXPECT_EQ(table.codes("tool/wear %")[0], -1);
  EXPECT_EQ(table.times("reading_time")[0], core::UtcTime::missing_count);
}

TEST(RoundTrip, AFileIsNotReplacedUnlessAsked) {
  const Folder folder;
  Content history = small_history(3, 2);
  write(history, folder / "h.h5");
  const std::string before = testing::read_bytes(folder / "h.h5");
  EXPECT_THROW(write(history, folder / "h.h5"), core::IoError);
  EXPECT_EQ(testing::read_bytes(folder / "h.h5"), before);
  Content longer = small_history(4, 2);
  write(longer, folder / "h.h5", {.compression = {Codec::deflate, 9}, .replace = true});
  EXPECT_EQ(HistoryFile::open(folder / "h.h5")->row_count(), 8U);
}

TEST(RoundTrip, OnlyTheExpectedFileIsReplaced) {
  const Folder folder;
  Content history = small_history(3, 2);
  const std::string digest = write(history, folder / "h.h5");
  Content longer = small_history(4, 2);
  EXPECT_THROW(write(longer, folder / "h.h5", {.replace = true, .expected_digest = std::string(64, '0')}),
               core::LifecycleError);
  EXPECT_EQ(HistoryFile::open(folder / "h.h5")->content_digest(), digest);
  write(longer, folder / "h.h5", {.replace = true, .expected_digest = digest});
  EXPECT_EQ(HistoryFile::open(folder / "h.h5")->row_count(), 8U);
  EXPECT_EQ(folder.file_count(), 1U) << "neither a temporary file nor a lock may be left";
}

TEST(RoundTrip, WhatAProgramWithoutTheLockWritesMeanwhileStays) {
  const Folder folder;
  Content history = small_history(3, 2);
  const std::string digest = write(history, folder / "h.h5");
  Content other = small_history(5, 2);
  const std::string other_digest = write(other, folder / "other.h5");
  std::once_flag once;
  const core::CallControl control{.stop = {}, .progress = [&](const core::Progress&) {
                                    std::call_once(
                                        once, [&] { std::filesystem::rename(folder / "other.h5", folder / "h.h5"); });
                                  }};
  Content longer = small_history(4, 2);
  EXPECT_THROW(write(longer, folder / "h.h5", {.replace = true, .expected_digest = digest}, control),
               core::LifecycleError);
  EXPECT_EQ(HistoryFile::open(folder / "h.h5")->content_digest(), other_digest);
  EXPECT_EQ(folder.file_count(), 1U);
}

TEST(RoundTrip, ASecondWriterIsRefusedWhileTheFirstIsAtWork) {
  const Folder folder;
  Content history = small_history(3, 2);
  const std::string digest = write(history, folder / "h.h5");
  Content first = small_history(4, 2);
  int refused = 0;
  const core::CallControl control{.stop = {}, .progress = [&](const core::Progress&) {
                                    Content second = small_history(5, 2);
                                    try {
                                      write(second, folder / "h.h5", {.replace = true, .expected_digest = digest});
                                    } catch (const core::LifecycleError&) {
                                      ++refused;
                                    }
                                  }};
  write(first, folder / "h.h5", {.replace = true, .expected_digest = digest}, control);
  EXPECT_GT(refused, 0);
  EXPECT_EQ(HistoryFile::open(folder / "h.h5")->row_count(), 8U);
}

TEST(RoundTrip, AReplacedFileKeepsItsPermissions) {
  const Folder folder;
  Content history = small_history(3, 2);
  write(history, folder / "h.h5");
  const auto mine = std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;
  std::filesystem::permissions(folder / "h.h5", mine);
  write(history, folder / "h.h5", {.replace = true});
  EXPECT_EQ(std::filesystem::status(folder / "h.h5").permissions(), mine);
}

TEST(RoundTrip, WhatIsNotProvenHoldsTheSameAndMissesItsSeal) {
  const Folder folder;
  Content history = small_history(3, 2);
  const std::string digest = write(history, folder / "proven.h5");
  EXPECT_EQ(write(history, folder / "h.h5", {.proven = false}), digest);
  EXPECT_EQ(folder.file_count(), 2U);
  EXPECT_THROW(write(history, folder / "h.h5", {.proven = false}), core::IoError) << "never replaces by accident";
  write(history, folder / "h.h5", {.replace = true, .proven = false});
  EXPECT_EQ(HistoryFile::open(folder / "h.h5")->content_digest(), digest);
  const VerifyReport report = verify(folder / "h.h5");
  ASSERT_EQ(report.damages.size(), 1U);
  EXPECT_NE(report.damages.front().what.find("seal"), std::string::npos);
}

TEST(RoundTrip, StopLeavesNothingBehind) {
  const Folder folder;
  Content history = small_history(3, 2);
  std::stop_source stop;
  std::int64_t seen = 0;
  const core::CallControl control{.stop = stop.get_token(), .progress = [&](const core::Progress&) {
                                    if (++seen == 5) stop.request_stop();
                                  }};
  EXPECT_THROW(write(history, folder / "h.h5", {}, control), core::StoppedError);
  EXPECT_EQ(folder.file_count(), 0U);
}

TEST(RoundTrip, ContradictionsAreNotWritten) {
  const Folder folder;
  Content twice = small_history(3, 2);
  twice.readings.repeat[1] = twice.readings.repeat[0];
  EXPECT_THROW(write(twice, folder / "h.h5"), core::DataError);
  Content beyond = small_history(3, 2);
  beyond.responses[0].reading[0] = 99;
  EXPECT_THROW(write(beyond, folder / "h.h5"), core::DataError);
  Content nan = small_history(3, 2);
  nan.responses[0].value[0] = testing::none;
  EXPECT_THROW(write(nan, folder / "h.h5"), core::DataError);
  EXPECT_EQ(folder.file_count(), 0U);
}

}  // namespace
}  // namespace luban::history
