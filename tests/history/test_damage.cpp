#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/history/reader.hpp>
#include <luban/history/verify.hpp>
#include <luban/history/writer.hpp>

#include "support.hpp"

namespace luban::history {
namespace {

using testing::Folder;
using testing::read_bytes;
using testing::small_history;
using testing::write_bytes;

/// Damage is found by verify(), and nothing but a typed error ever leaves open() and content().
void expect_found(const std::filesystem::path& path, const std::string& what) {
  EXPECT_FALSE(verify(path).ok()) << what;
  try {
    (void)HistoryFile::open(path)->content();  // may still be readable: the flipped byte may lie in unused space
  } catch (const core::Error&) {
  }
}

TEST(Damage, AnIntactFileVerifies) {
  const Folder folder;
  Content history = small_history(12, 6);
  const std::string digest = write(history, folder / "h.h5");
  const VerifyReport report = verify(folder / "h.h5");
  EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.damages.front().what);
  EXPECT_EQ(report.content_digest, digest);
  EXPECT_EQ(report.runs, 12);
  EXPECT_EQ(report.readings, 72);
}

TEST(Damage, TruncationAtAnyPointIsFound) {
  const Folder folder;
  Content history = small_history(12, 6);
  write(history, folder / "h.h5");
  const std::string bytes = read_bytes(folder / "h.h5");
  for (std::size_t i = 0; i < 60; ++i) {
    const std::size_t length = bytes.size() * i / 60;
    write_bytes(folder / "cut.h5", bytes.substr(0, length));
    EXPECT_THROW((void)HistoryFile::open(folder / "cut.h5"), core::IntegrityError) << "cut to " << length;
    EXPECT_FALSE(verify(folder / "cut.h5").ok()) << "cut to " << length;
  }
  for (const std::size_t missing : {1, 5, 127, 128}) {  // inside the seal: the data is whole, the file is not
    write_bytes(folder / "cut.h5", bytes.substr(0, bytes.size() - missing));
    EXPECT_FALSE(verify(folder / "cut.h5").ok()) << missing << " bytes missing";
  }
}

TEST(Damage, AFlippedByteAnywhereIsFound) {
  const Folder folder;
  Content history = small_history(12, 6);
  write(history, folder / "h.h5");
  const std::string bytes = read_bytes(folder / "h.h5");
  core::Generator random = core::RandomKey(3).generator();
  for (int i = 0; i < 150; ++i) {
    std::string flipped = bytes;
    const std::size_t position = random.below(bytes.size());
    flipped[position] = static_cast<char>(flipped[position] ^ (1 << random.below(8)));
    write_bytes(folder / "flipped.h5", flipped);
    expect_found(folder / "flipped.h5", "byte " + std::to_string(position));
  }
}

TEST(Damage, AppendedBytesAreFound) {
  const Folder folder;
  Content history = small_history(3, 2);
  write(history, folder / "h.h5");
  write_bytes(folder / "longer.h5", read_bytes(folder / "h.h5") + "more");
  EXPECT_FALSE(verify(folder / "longer.h5").ok());
}

TEST(Damage, NoFileNoHdf5) {
  const Folder folder;
  EXPECT_THROW((void)HistoryFile::open(folder / "absent.h5"), core::IoError);
  EXPECT_THROW((void)verify(folder / "absent.h5"), core::IoError);
  write_bytes(folder / "text.csv", "Vc,f,d\n220,0.08,0.7\n");
  EXPECT_THROW((void)HistoryFile::open(folder / "text.csv"), core::IntegrityError);
  write_bytes(folder / "empty.h5", "");
  EXPECT_THROW((void)HistoryFile::open(folder / "empty.h5"), core::IntegrityError);
  Content history = small_history(1, 1);
  EXPECT_THROW(write(history, folder / "no" / "such" / "folder" / "h.h5"), core::IoError);
}

}  // namespace
}  // namespace luban::history
