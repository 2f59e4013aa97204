#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <luban/core/durable_file.hpp>
#include <luban/core/error.hpp>

#include "folder.hpp"

namespace luban::core {
namespace {

using testing::Folder;
using testing::read_bytes;
using testing::write_bytes;

mode_t mode_of(const std::filesystem::path& path) {
  struct stat found {};
  EXPECT_EQ(::stat(path.c_str(), &found), 0);
  return found.st_mode & 07777;
}

TEST(durable_file, appears_whole_under_its_name) {
  const Folder folder;
  {
    DurableFile file(folder / "a.txt", "test");
    file.write("first, ");
    EXPECT_FALSE(std::filesystem::exists(folder / "a.txt"));
    file.write(std::string_view("second\0", 7));
    file.commit(false);
    EXPECT_EQ(read_bytes(folder / "a.txt"), std::string("first, second\0", 14));
  }
  EXPECT_EQ(folder.file_count(), 1U);
}

TEST(durable_file, leaves_nothing_when_abandoned) {
  const Folder folder;
  write_bytes(folder / "a.txt", "old");
  {
    DurableFile file(folder / "a.txt", "test");
    file.write("half");
    EXPECT_EQ(folder.file_count(), 2U);
  }
  EXPECT_EQ(folder.file_count(), 1U);
  EXPECT_EQ(read_bytes(folder / "a.txt"), "old");
}

TEST(durable_file, replaces_only_when_asked) {
  const Folder folder;
  write_bytes(folder / "a.txt", "old");
  {
    DurableFile file(folder / "a.txt", "test");
    file.write("new");
    EXPECT_THROW(file.commit(false), IoError);
    EXPECT_EQ(read_bytes(folder / "a.txt"), "old");
    file.commit(true);
  }
  EXPECT_EQ(read_bytes(folder / "a.txt"), "new");
  EXPECT_EQ(folder.file_count(), 1U);
}

TEST(durable_file, keeps_the_permissions_of_what_it_replaces) {
  const Folder folder;
  for (const mode_t mode : {0600, 0640, 0664, 0444}) {
    write_bytes(folder / "a.txt", "old");
    ASSERT_EQ(::chmod((folder / "a.txt").c_str(), mode), 0);
    DurableFile file(folder / "a.txt", "test");
    EXPECT_EQ(mode_of(file.path()) & 077 & ~mode, 0U) << "others may never read what they may not read in the end";
    file.write("new");
    file.commit(true);
    EXPECT_EQ(mode_of(folder / "a.txt"), mode);
    EXPECT_EQ(read_bytes(folder / "a.txt"), "new");
    std::filesystem::remove(folder / "a.txt");
  }
}

TEST(durable_file, follows_links_to_the_real_file) {
  const Folder folder;
  std::filesystem::create_directory(folder / "there");
  write_bytes(folder / "there/real.txt", "old");
  std::filesystem::create_symlink("there/real.txt", folder / "near.txt");
  std::filesystem::create_symlink(folder / "near.txt", folder / "far.txt");
  std::filesystem::create_symlink("there/later.txt", folder / "dangling.txt");
  for (const char* name : {"far.txt", "dangling.txt"}) {
    DurableFile file(folder / name, "test");
    EXPECT_EQ(file.path().parent_path().filename(), "there") << "a rename cannot leave its file system";
    file.write("new");
    file.commit(true);
    EXPECT_TRUE(std::filesystem::is_symlink(folder / name));
    EXPECT_EQ(read_bytes(folder / name), "new");
  }
  EXPECT_EQ(read_bytes(folder / "there/real.txt"), "new");
  EXPECT_EQ(read_bytes(folder / "there/later.txt"), "new");
  std::filesystem::create_symlink("round.txt", folder / "round.txt");
  EXPECT_THROW(DurableFile(folder / "round.txt", "test"), IoError);
}

TEST(durable_file, has_a_temporary_name_of_its_own_in_every_thread) {
  const Folder folder;
  constexpr std::size_t count = 8;
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < count; ++i) {
      threads.emplace_back([&, i] {
        for (int round = 0; round < 30; ++round) {
          DurableFile file(folder / "a.txt", "test");
          file.write(std::string(1000, static_cast<char>('a' + i)));
          file.commit(true);
        }
      });
    }
  }
  const std::string bytes = read_bytes(folder / "a.txt");
  EXPECT_EQ(bytes, std::string(1000, bytes.at(0))) << "written by one thread alone";
  EXPECT_EQ(folder.file_count(), 1U);
}

TEST(durable_file, says_what_the_system_refused) {
  const Folder folder;
  try {
    const DurableFile file(folder / "no/such/folder/a.txt", "somewhere.save");
    FAIL() << "there is no such folder";
  } catch (const IoError& error) {
    EXPECT_EQ(error.detail().where, "somewhere.save");
    EXPECT_EQ(error.detail().place, (folder / "no/such/folder/a.txt").string());
    EXPECT_NE(error.detail().received.find("No such file"), std::string::npos) << error.what();
  }
  std::filesystem::create_directory(folder / "taken");
  DurableFile file(folder / "taken", "test");
  EXPECT_THROW(file.commit(true), IoError);
}

TEST(durable_file, passes_over_folders_that_cannot_be_synced) {
  EXPECT_NO_THROW(sync_folder("/proc", "test"));
  EXPECT_NO_THROW(sync_folder(".", "test"));
  EXPECT_THROW(sync_folder("/no/such/folder", "test"), IoError);
}

}  // namespace
}  // namespace luban::core
