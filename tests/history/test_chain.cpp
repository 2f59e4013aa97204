// What `verify` finds in a folder that somebody changed, and how writers and readers share it.
#include <gtest/gtest.h>
#include <luban/core/error.hpp>
#include <luban/core/json.hpp>
#include <luban/history/appender.hpp>
#include <luban/history/compact.hpp>
#include <luban/history/detail/folder_manifest.hpp>
#include <luban/history/reader.hpp>
#include <luban/history/verify.hpp>

#include <filesystem>
#include <limits>
#include <memory>

#include "support.hpp"

namespace luban::history {
namespace {

namespace fs = std::filesystem;
using detail::FolderManifest;
using testing::Folder;
using testing::read_bytes;
using testing::small_import;
using testing::write_bytes;

class Chain : public ::testing::Test {
 protected:
  void SetUp() override { append(5, "x"); }

  void append(int imports, const std::string& prefix, const fs::path& to = {}) const {
    Appender appender(to.empty() ? path() : to);
    for (int k = 0; k < imports; ++k) {
      const auto seed = static_cast<std::uint64_t>(k);
      appender.append(small_import(3, 2, prefix + std::to_string(k) + "-", 1000 + k, seed));
    }
  }
  [[nodiscard]] fs::path path() const { return folder_ / "line"; }
  [[nodiscard]] fs::path head() const { return folder_ / "line.head"; }
  [[nodiscard]] fs::path elsewhere() const { return folder_ / "elsewhere"; }

  /// Writes a list of segments with a chain that holds, as a knowing intruder would.
  static void write_chained(FolderManifest manifest, const fs::path& folder) {
    std::string previous;
    for (auto& entry : manifest.segments) {
      entry.previous = previous;
      entry.link = entry.computed_link();
      previous = entry.link;
    }
    manifest.write(folder);
  }
  [[nodiscard]] std::string found() const {
    std::string all;
    for (const Damage& damage : verify(path()).damages) all += damage.object + ": " + damage.what + "\n";
    return all;
  }
  Folder folder_;
};

TEST_F(Chain, AWholeFolderVerifies) {
  const VerifyReport report = verify(path());
  EXPECT_TRUE(report.ok()) << found();
  EXPECT_TRUE(report.notes.empty());
  EXPECT_EQ(report.segments, 5);
  EXPECT_EQ(report.runs, 15);
  EXPECT_EQ(report.content_digest, HistoryFolder::open(path())->content_digest());
}

TEST_F(Chain, AChangedByteNamesTheSegment) {
  const fs::path file = path() / "segment-000003.h5";
  std::string bytes = read_bytes(file);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 4);
  write_bytes(file, bytes);
  EXPECT_EQ(found().find("segment-000003.h5: its bytes are not those that were written"), 0U) << found();
}

TEST_F(Chain, AMissingFileIsNamed) {
  fs::remove(path() / "segment-000002.h5");
  EXPECT_NE(found().find("segment-000002.h5: the file is missing"), std::string::npos) << found();
}

TEST_F(Chain, ARemovedTailIsFoundByTheHead) {
  FolderManifest manifest = FolderManifest::read(path());
  manifest.segments.resize(3);
  manifest.write(path());
  EXPECT_NE(found().find("2 of 5 segments were removed from the end"), std::string::npos) << found();
  EXPECT_NO_THROW(static_cast<void>(HistoryFolder::open(path())));  // the chain alone says nothing of it
}

TEST_F(Chain, SegmentsInEachOthersPlaceAreNamed) {
  FolderManifest manifest = FolderManifest::read(path());
  std::swap(manifest.segments[1], manifest.segments[3]);
  manifest.write(path());
  EXPECT_NE(found().find("segment-000004.h5: stands in the place of segment-000002.h5"), std::string::npos) << found();
  EXPECT_THROW(static_cast<void>(HistoryFolder::open(path())), core::IntegrityError);
}

TEST_F(Chain, FilesInEachOthersPlaceAreNamed) {
  fs::rename(path() / "segment-000002.h5", folder_ / "aside");
  fs::rename(path() / "segment-000004.h5", path() / "segment-000002.h5");
  fs::rename(folder_ / "aside", path() / "segment-000004.h5");
  EXPECT_NE(found().find("segment-000002.h5: holds what was written as segment-000004.h5"), std::string::npos)
      << found();
  EXPECT_NE(found().find("segment-000004.h5: holds what was written as segment-000002.h5"), std::string::npos)
      << found();
  EXPECT_THROW(static_cast<void>(HistoryFolder::open(path())->read({"run_id"}, {0, 30})), core::IntegrityError);
}

TEST_F(Chain, ASegmentLeftOutIsFound) {
  FolderManifest manifest = FolderManifest::read(path());
  manifest.segments.erase(manifest.segments.begin() + 2);
  manifest.write(path());
  EXPECT_NE(found().find("segment-000004.h5: does not follow from the segment before it"), std::string::npos)
      << found();
}

TEST_F(Chain, AChangedEntryIsFound) {
  FolderManifest manifest = FolderManifest::read(path());
  manifest.segments[2].events += 1;
  manifest.write(path());
  EXPECT_NE(found().find("segment-000003.h5: what the list of segments says of it was changed"), std::string::npos);
}

TEST_F(Chain, ImportsBroughtWhatASegmentHolds) {
  const FolderManifest whole = FolderManifest::read(path());
  constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t change : {std::int64_t{-1}, std::int64_t{1}, -huge, huge - 100}) {
    FolderManifest manifest = whole;
    manifest.segments[1].imports[0].readings += change;
    write_chained(manifest, path());
    EXPECT_THROW(static_cast<void>(HistoryFolder::open(path())), core::IntegrityError) << change;
  }
}

TEST_F(Chain, ASuffixWrittenAnewIsFoundByTheHead) {
  // The intruder makes segments 4 and 5 anew, with files and a chain that are whole.
  append(5, "y", elsewhere());
  const FolderManifest other = FolderManifest::read(elsewhere());
  FolderManifest manifest = FolderManifest::read(path());
  for (const std::size_t k : {3U, 4U}) {
    fs::copy_file(elsewhere() / other.segments[k].file, path() / manifest.segments[k].file,
                  fs::copy_options::overwrite_existing);
    manifest.segments[k] = other.segments[k];
  }
  write_chained(manifest, path());
  EXPECT_EQ(found().find("segment-000004.h5: from here on the segments were written anew"), 0U) << found();
}

TEST_F(Chain, WithoutTheHeadItSaysWhatItCannotKnow) {
  fs::remove(head());
  const VerifyReport report = verify(path());
  EXPECT_TRUE(report.ok());
  ASSERT_EQ(report.notes.size(), 1U);
  EXPECT_NE(report.notes[0].find("No file of heads"), std::string::npos);
}

TEST_F(Chain, AHeadOfAnotherHistoryIsRefused) {
  append(1, "y", elsewhere());
  fs::copy_file(folder_ / "elsewhere.head", head(), fs::copy_options::overwrite_existing);
  EXPECT_NE(found().find("is of another history"), std::string::npos) << found();
}

TEST_F(Chain, ALineThatACrashCutIsPassedOverAndMended) {
  write_bytes(head(), read_bytes(head()) + "{\"uuid\":\"4e");
  EXPECT_TRUE(verify(path()).ok()) << found();
  append(1, "z");
  EXPECT_TRUE(verify(path()).ok()) << found();
  EXPECT_EQ(read_bytes(head()).find("4e{"), std::string::npos);
  write_bytes(head(), read_bytes(head()) + "of a person\n");
  EXPECT_NE(found().find("one line of JSON"), std::string::npos) << found();  // a whole line that is none
}

TEST_F(Chain, ACrashWithinAMergeIsNoRemovedTail) {
  const std::string heads = read_bytes(head());
  const std::string list = read_bytes(path() / detail::manifest_name);
  const auto without_line = [](std::string text) { return text.substr(0, text.rfind('\n', text.size() - 2) + 1); };
  const auto reader = HistoryFolder::open(path());  // keeps the replaced files in place
  compact(path());
  const std::string merged = read_bytes(path() / detail::manifest_name);
  const std::string begun = without_line(read_bytes(head()));
  write_bytes(head(), begun);  // killed after the list, before its head
  EXPECT_TRUE(verify(path()).ok()) << found();
  write_bytes(path() / detail::manifest_name, list);  // killed before the list
  EXPECT_TRUE(verify(path()).ok()) << found();
  append(1, "z");
  EXPECT_TRUE(verify(path()).ok()) << found();
  write_bytes(head(), begun);
  FolderManifest manifest = FolderManifest::read(path());
  manifest.segments.resize(3);
  manifest.write(path());
  EXPECT_NE(found().find("segments were removed from the end"), std::string::npos) << found();
  write_bytes(path() / detail::manifest_name, merged);
  write_bytes(head(), heads);  // a merge that nobody noted remains one
  EXPECT_FALSE(verify(path()).ok());
}

TEST_F(Chain, ANewWriterRemovesWhatReadersKept) {
  auto reader = HistoryFolder::open(path());
  EXPECT_EQ(compact(path()).files_left, 5);
  append(1, "y");
  EXPECT_TRUE(fs::exists(path() / "segment-000001.h5"));
  reader.reset();
  append(1, "z");
  EXPECT_FALSE(fs::exists(path() / "segment-000001.h5"));
  EXPECT_TRUE(verify(path()).ok()) << found();
}

TEST_F(Chain, AWriterGoesOnAfterAWriteThatFailed) {
  Appender appender(path());
  fs::create_directory(path() / "segment-000006.h5");  // nothing can get this name
  EXPECT_THROW(appender.append(small_import(2, 1, "y-", 2000)), core::IoError);
  fs::remove(path() / "segment-000006.h5");
  fs::rename(head(), folder_ / "aside");
  fs::create_directory(head());
  EXPECT_THROW(appender.append(small_import(2, 1, "y-", 2000)), core::IoError);  // in the list, its head not noted
  fs::remove(head());
  fs::rename(folder_ / "aside", head());
  EXPECT_FALSE(appender.append(small_import(2, 1, "y-", 2000)).changed());
  EXPECT_TRUE(appender.append(small_import(2, 1, "z-", 2001)).changed());
  EXPECT_TRUE(verify(path()).ok()) << found();
  EXPECT_EQ(HistoryFolder::open(path())->segment_count(), 7U);
}

TEST_F(Chain, TheHeadMayLieAnywhere) {
  const fs::path far = folder_ / "far.head";
  {
    Appender appender(elsewhere(), {}, far);
    appender.append(small_import(2, 1));
    appender.append(small_import(2, 1, "more-"));
  }
  EXPECT_FALSE(fs::exists(folder_ / "elsewhere.head"));
  EXPECT_TRUE(verify(elsewhere(), {}, far).ok());
  FolderManifest manifest = FolderManifest::read(elsewhere());
  manifest.segments.pop_back();
  manifest.write(elsewhere());
  EXPECT_FALSE(verify(elsewhere(), {}, far).ok());
}

TEST_F(Chain, MergingBeginsANewChain) {
  compact(path());
  EXPECT_TRUE(verify(path()).ok()) << found();
  append(2, "z");
  EXPECT_TRUE(verify(path()).ok()) << found();
  FolderManifest manifest = FolderManifest::read(path());
  manifest.segments.pop_back();
  manifest.write(path());
  EXPECT_NE(found().find("1 of 3 segments were removed"), std::string::npos) << found();
}

TEST_F(Chain, ANameThatLeadsOutOfTheFolderIsRefused) {
  for (const char* name : {"../line/segment-000001.h5", "/etc/passwd", ".hidden", ""}) {
    FolderManifest manifest = FolderManifest::read_unchecked(path());
    manifest.segments[0].file = name;
    write_chained(manifest, path());
    EXPECT_THROW(static_cast<void>(HistoryFolder::open(path())), core::IntegrityError) << name;
    manifest.segments[0].file = "segment-000001.h5";
    write_chained(manifest, path());
  }
}

TEST_F(Chain, AListThatIsNoneIsNamed) {
  const fs::path file = path() / detail::manifest_name;
  const std::string good = read_bytes(file);
  for (const std::string& bad :
       {std::string("{"), std::string("[]"), std::string("{\"format\":\"x\"}"), good.substr(0, 200)}) {
    write_bytes(file, bad);
    EXPECT_THROW(static_cast<void>(HistoryFolder::open(path())), core::IntegrityError) << bad.substr(0, 20);
    EXPECT_FALSE(verify(path()).ok());
  }
  core::Json newer = core::Json::parse(good);
  newer.set("version", core::Json(core::Json::Array{core::Json(2), core::Json(0)}));
  write_bytes(file, newer.dump());
  EXPECT_THROW(static_cast<void>(HistoryFolder::open(path())), core::VersionError);
}

TEST_F(Chain, ASecondWriterIsRefused) {
  const Appender first(path());
  EXPECT_THROW(Appender{path()}, core::LifecycleError);
  EXPECT_THROW(static_cast<void>(compact(path())), core::LifecycleError);
  EXPECT_EQ(HistoryFolder::open(path())->segment_count(), 5U);  // reading needs no lock
}

TEST_F(Chain, WhatACrashLeftIsRemovedByTheNextWriter) {
  write_bytes(path() / "segment-000006.h5", "half");
  write_bytes(path() / ".segment-000007.h5.123-0.partial", "half");
  write_bytes(path() / "notes.txt", "of a person");
  append(1, "z");
  EXPECT_TRUE(verify(path()).ok()) << found();
  EXPECT_EQ(HistoryFolder::open(path())->segment_count(), 6U);
  EXPECT_FALSE(fs::exists(path() / ".segment-000007.h5.123-0.partial"));
  EXPECT_TRUE(fs::exists(path() / "notes.txt"));
}

TEST_F(Chain, AnEarlierLookIsOfUseWhereItsSegmentsAreTheSame) {
  const auto names = [](const HistoryFolder& history) {
    return history.read({"run_id"}, {0, history.row_count()}).strings("run_id");
  };
  const auto earlier = HistoryFolder::open(path());
  const std::vector<std::string> before = names(*earlier);
  const fs::path first = path() / "segment-000001.h5";
  fs::rename(first, folder_ / "aside");
  EXPECT_THROW(static_cast<void>(names(*HistoryFolder::open(path()))), core::IoError);
  EXPECT_EQ(names(*HistoryFolder::open(path(), earlier.get())), before);  // open as it was
  fs::rename(folder_ / "aside", first);
  append(1, "y");
  std::vector<std::string> after = names(*HistoryFolder::open(path()));
  EXPECT_EQ(names(*HistoryFolder::open(path(), earlier.get())), after);
  compact(path());
  EXPECT_EQ(names(*HistoryFolder::open(path(), earlier.get())), after);
  fs::remove_all(path());
  fs::remove(head());
  append(2, "z");  // another history of the same name
  after = names(*HistoryFolder::open(path()));
  EXPECT_EQ(names(*HistoryFolder::open(path(), earlier.get())), after);
  EXPECT_EQ(after.front(), "z0-0");
}

TEST_F(Chain, AReaderKeepsReplacedSegmentsInPlace) {
  auto reader = HistoryFolder::open(path());
  EXPECT_EQ(compact(path()).files_left, 5);
  EXPECT_EQ(HistoryFolder::open(path())->segment_count(), 1U);
  EXPECT_EQ(reader->read({"run_id"}, {0, 30}).strings("run_id").front(), "x0-0");  // opens its segments only now
  reader.reset();
  EXPECT_EQ(compact(path()).files_left, 0);
  EXPECT_FALSE(fs::exists(path() / "segment-000001.h5"));
  EXPECT_TRUE(verify(path()).ok()) << found();
}

TEST_F(Chain, AFolderOfOtherFilesIsNotTakenOver) {
  fs::create_directory(elsewhere());
  write_bytes(elsewhere() / "thesis.tex", "years of work");
  EXPECT_THROW(Appender{elsewhere()}, core::IoError);
  EXPECT_THROW(static_cast<void>(compact(elsewhere())), core::IoError);
  EXPECT_THROW(static_cast<void>(HistoryFolder::open(elsewhere())), core::IoError);
  EXPECT_THROW(static_cast<void>(HistoryFile::open(path() / "segment-000001.h5")), core::IntegrityError);
}

TEST_F(Chain, ALateValueWithoutItsReadingIsFound) {
  // The segment that has the readings goes, the chain is mended: only the keys tell.
  {
    Appender appender(elsewhere());
    appender.append(small_import(2, 2, "a-", 1000));
    appender.append(small_import(2, 2, "b-", 1001, 2));
    Content late = small_import(2, 2, "a-", 1002);
    for (double& value : late.responses[0].value) value += 1.0;
    appender.append(late);
  }
  FolderManifest manifest = FolderManifest::read(elsewhere());
  manifest.segments.erase(manifest.segments.begin());
  write_chained(manifest, elsewhere());
  fs::remove(folder_ / "elsewhere.head");
  bool told = false;
  for (const Damage& damage : verify(elsewhere()).damages) {
    told = told || damage.what.find("late values belong to readings that no segment has") != std::string::npos;
  }
  EXPECT_TRUE(told);
}

}  // namespace
}  // namespace luban::history
